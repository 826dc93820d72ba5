"""Who came back from Exact Online, and which administrations to link."""

from __future__ import annotations

import streamlit as st

from core.application import application
from core.i18n import _, ngettext
from core.registrations.administrations import save_administrations
from dashboard import signin
from dashboard.administration_picker import draw_picker, forget_choice
from dashboard.candidate import draw_lost
from dashboard.complete import draw_complete
from dashboard.consent_facts import draw_missing_help, draw_name_hint, draw_who
from dashboard.feedback import attempt
from dashboard.markdown import plain
from dashboard.navigation import end_page, page, switch_to
from dashboard.reading import wait_for_administrations
from dashboard.registration_in_address import registration_in_address
from dashboard.steps import draw_steps

app, by = application(), signin.current()
view = registration_in_address(app, by)

if "saved" in st.query_params and view.linked:
    draw_complete(view)
    end_page()

st.title(_("Choose administrations"))
if view.grant is None:
    st.info(_("There is no consent for this registration yet."), icon=":material/hourglass_empty:")
    st.page_link(page("registration"), label=_("To the registration"), query_params={"id": str(view.id)})
    end_page()

draw_steps(3)
if wait_for_administrations(view, view.grant):
    end_page()
found = len(view.administrations)
st.markdown(
    ngettext(
        "Consent for **{name}** came from **{user}**. Exact Online shows {count} administration.",
        "Consent for **{name}** came from **{user}**. Exact Online shows {count} administrations.",
        found,
    ).format(user=plain(view.grant.full_name), name=plain(view.name), count=found)
)
draw_who(view.grant)
if not found:
    st.warning(view.status_sentence, icon=":material/warning:")
else:
    draw_name_hint(view)
    draw_lost(view)
    chosen = draw_picker(view, "choose")
    if st.button(_("Save all changes"), key="choose_save", type="primary", icon=":material/save:"):
        with attempt():
            save_administrations(app, by, view.id, chosen)
            forget_choice(view, "choose")
            switch_to("choose", id=view.id, saved=1)
draw_missing_help(app, by, view, "choose")
st.page_link(page("registration"), label=_("To the registration"), query_params={"id": str(view.id)})
