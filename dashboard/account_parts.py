"""The parts of one's own account: name, language, password, sessions."""

from __future__ import annotations

import streamlit as st

from core.accounts.open_sessions import end_other_sessions, end_own_session, own_sessions
from core.accounts.operators import rename, set_language
from core.accounts.roles import CurrentOperator
from core.accounts.signing_in import change_password
from core.application import application
from core.errors import InvalidInput
from core.i18n import LANGUAGES, _, current_language
from dashboard.feedback import attempt, draw_not_kept, flash
from dashboard.people_choices import with_unknown
from dashboard.second_click import confirmed
from dashboard.session_rows import draw_sessions
from dashboard.signin import live_browser, start_over

WIDTH = 480


def draw_name(by: CurrentOperator) -> None:
    """The name as colleagues see it."""
    with st.form("account_name_form", width=WIDTH):
        name = st.text_input(_("Name"), value=by.name, key="account_name")
        draw_not_kept()
        if st.form_submit_button(_("Save name")):
            with attempt() as done:
                rename(application(), by, by.id, name or "")
            if done:
                flash(_("The name has been saved."))
                st.rerun()


def draw_language(by: CurrentOperator) -> None:
    """The language of one's own screens."""
    chosen = by.language or current_language()
    offered = with_unknown(LANGUAGES, chosen)
    language = st.segmented_control(
        _("Language"),
        list(offered),
        default=chosen,
        format_func=offered.__getitem__,
        key="account_language",
        required=True,
    )
    if language != chosen:
        set_language(application(), by, language)
        st.rerun()


def draw_password(by: CurrentOperator) -> None:
    """A new password; it signs out everywhere, here too."""
    with st.form("account_password", width=WIDTH):
        present = st.text_input(_("Present password"), type="password", key="account_present")
        chosen = st.text_input(
            _("New password"),
            type="password",
            key="account_chosen",
            help=_(
                "At least 12 characters; any will do, spaces in between too. A short sentence is easy to remember."
            ),
        )
        again = st.text_input(_("The same password again"), type="password", key="account_again")
        st.caption(_("You are signed out everywhere afterwards, here too."))
        if st.form_submit_button(_("Change password")):
            with attempt() as done:
                _change(by, present or "", chosen or "", again or "")
            if done:
                start_over(_("Your password has been changed. Sign in with the new one."))
                st.rerun()


def draw_own_sessions(by: CurrentOperator) -> None:
    """Where I am signed in, and the way out of everywhere else."""
    app = application()
    sessions = own_sessions(app, by)
    draw_sessions(sessions, by.session_id, "account", lambda number: end_own_session(app, by, number))
    if len(sessions) <= 1:
        return
    if confirmed(
        _("End all others"),
        _("You are signed out everywhere but in this browser."),
        _("End all others"),
        "account_end_others",
        ":material/logout:",
    ):
        end_other_sessions(app, by)
        flash(_("All other sessions have ended."))
        st.rerun()


def _change(by: CurrentOperator, present: str, chosen: str, again: str) -> None:
    if chosen != again:
        raise InvalidInput(_("The two passwords are not the same."), "again")
    change_password(application(), by, present, chosen, address=by.address, browser_token=live_browser())
