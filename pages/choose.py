"""Who came back from Exact Online, and which administrations to link."""

from __future__ import annotations

import streamlit as st

from core.application import application
from core.i18n import _, ngettext
from dashboard import signin
from dashboard.administration_picker import draw_picker
from dashboard.candidate import draw_lost
from dashboard.complete import draw_complete
from dashboard.consent_facts import draw_login_hint, draw_missing_help, draw_name_hint, draw_who
from dashboard.markdown import plain
from dashboard.navigation import end_page, page, switch_to
from dashboard.nothing_to_choose import draw_nothing
from dashboard.reading import wait_for_administrations
from dashboard.registration_in_address import registration_in_address
from dashboard.saving_administrations import draw_save
from dashboard.shown import has_shown, shown
from dashboard.steps import draw_steps

PLACE = "choose"

app, by = application(), signin.current()
view = registration_in_address(app, by)

if "saved" in st.query_params and view.linked:
    draw_complete(view)
    end_page()

st.title(_("Choose administrations") if view.administrations or view.reading else _("No administrations yet"))
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
    ).format(user=plain(view.grant.known_as), name=plain(view.name), count=found)
)
draw_who(view.grant)
if not found:
    draw_nothing(app, by, view, PLACE)
else:
    draw_name_hint(view)
    draw_login_hint(view, view.grant)
    draw_lost(view)
    chosen = draw_picker(app, by, view, PLACE)
    draw_save(
        app,
        by,
        view,
        chosen,
        place=PLACE,
        key="choose_save",
        seen=shown(view, PLACE),
        saved=lambda: switch_to(PLACE, id=view.id, saved=1),
    )
    draw_missing_help(app, by, view, PLACE)
st.page_link(page("registration"), label=_("To the registration"), query_params={"id": str(view.id)})
has_shown(view, PLACE)
