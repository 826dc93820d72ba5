"""What is the matter? A message of Exact Online, pasted as it came, and what it means."""

from __future__ import annotations

import streamlit as st

from core.application import application
from core.i18n import _
from core.registrations.finding import find_named, judge
from dashboard import signin
from dashboard.diagnosis_card import draw_diagnosis
from dashboard.navigation import end_page, page
from dashboard.overview_parts import draw_table_of

TEXT = "diagnosis_text"


def clear() -> None:
    """Empty the box; what was pasted is kept nowhere."""
    st.session_state[TEXT] = ""


app, by = application(), signin.current()

st.title(_("What is the matter?"))
st.caption(
    _(
        "Paste a message of Exact Online, or the whole e-mail of the customer. It is read here and kept nowhere."
    )
)
text = st.text_area(
    _("Message"),
    key=TEXT,
    height=160,
    placeholder=_("For instance: Old refresh token used"),
)
with st.container(horizontal=True):
    st.button(_("What does it mean?"), key="diagnosis_look", type="primary", icon=":material/search:")
    st.button(
        _("Clear"), key="diagnosis_clear", icon=":material/backspace:", on_click=clear, disabled=not text
    )
if not text.strip():
    end_page()

found = find_named(app, by, text)
customer = found[0].name if len(found) == 1 else ""
draw_diagnosis(judge(text, found), "diagnosis", customer=customer, sender=by.name, quoted=False)
st.subheader(_("Registrations in this text"))
if found:
    draw_table_of(found, _("Registrations in this text"))
else:
    st.caption(_("No name or code of a registration was found in it."))
    st.page_link(page("registrations"), label=_("To the registrations"))
