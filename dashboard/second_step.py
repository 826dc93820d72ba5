"""The code after the password, for whoever has a second factor.

What it goes by is the browser's cookie and a row in the database: this page's state knows nothing.
"""

from __future__ import annotations

from urllib.parse import urlencode

import streamlit as st

from core.accounts.second_step import complete_second_step, forget_second_step
from core.application import application
from core.errors import NotAllowed
from core.i18n import _
from dashboard.feedback import attempt, flash
from dashboard.going import go_to
from dashboard.markdown import plain


def draw(browser: str, target: str, address: str) -> None:
    """Ask for the code, and go to ``target`` once it is right."""
    with st.form("second_step", clear_on_submit=True):
        st.subheader(_("Second step"))
        code = st.text_input(
            _("Code"),
            key="second_step_code",
            max_chars=40,
            autocomplete="one-time-code",
            help=_(
                "Lost your phone? Type one of your recovery codes, or ask an admin of Clickker Connections."
            ),
        )
        st.caption(_("Open the app on your phone and type the six digits it shows for Clickker Connections."))
        sent = st.form_submit_button(_("Sign in"), type="primary")
    again = st.button(
        _("Begin again"), key="second_step_again", type="tertiary", icon=":material/arrow_back:"
    )
    if again:
        forget_second_step(application(), browser)
        st.rerun()
    if sent:
        with attempt():
            go_to("/session/start?" + urlencode({"ticket": _ticket(browser, code or "", target, address)}))


def _ticket(browser: str, code: str, target: str, address: str) -> str:
    try:
        return complete_second_step(application(), browser, code, target, address)
    except NotAllowed as error:
        flash(plain(error.message), kind="warning")
        st.rerun()
