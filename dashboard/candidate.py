"""Another Exact user gave consent: what would change, and two buttons."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.accounts.roles import Action, CurrentOperator
from core.application import Application
from core.i18n import _
from core.registrations.decisions import accept_candidate, compare_candidate, reject_candidate
from core.registrations.views import GrantView, RegistrationView
from dashboard.feedback import attempt, flash
from dashboard.markdown import plain


def draw_candidate(app: Application, by: CurrentOperator, view: RegistrationView) -> None:
    """Draw the choice between two logins; nothing where there is none."""
    if view.candidate is None:
        return
    with st.container(border=True):
        st.subheader(_("Which login should this connection use?"), icon=":material/compare_arrows:")
        st.write(
            _("Consent came from another Exact user. Until you choose, the old connection stays in force.")
        )
        _draw_comparison(app, by, view, view.candidate)
        if by.may(Action.REGISTER):
            _draw_choice(app, by, view)


def _draw_comparison(
    app: Application, by: CurrentOperator, view: RegistrationView, candidate: GrantView
) -> None:
    now, new = st.columns(2)
    with now:
        st.markdown(_("**Now**") + "  \n" + (_user(view.grant) if view.grant else _("No login")))
    with new:
        st.markdown(_("**New**") + "  \n" + _user(candidate))
    if not by.may(Action.CHECK):
        return
    with st.spinner(_("Asking Exact Online …")), attempt():
        compared = compare_candidate(app, by, view.id)
        for sentence, names in (
            (_("No longer permitted: {names}"), compared.lost),
            (_("Stays: {names}"), compared.kept),
            (_("New: {names}"), compared.new),
        ):
            if names:
                st.markdown(sentence.format(names=", ".join(plain(name) for name in names)))


def _draw_choice(app: Application, by: CurrentOperator, view: RegistrationView) -> None:
    with st.container(horizontal=True):
        accept = st.button(_("Use the new login"), key="candidate_accept", type="primary")
        reject = st.button(_("Keep the old login"), key="candidate_reject")
    if accept:
        _decide(lambda: accept_candidate(app, by, view.id), _("The connection now uses the new login."))
    if reject:
        _decide(lambda: reject_candidate(app, by, view.id), _("The old login stays."))


def _decide(act: Callable[[], None], done: str) -> None:
    with attempt():
        act()
        flash(done)
        st.rerun()


def _user(grant: GrantView) -> str:
    return "  \n".join(plain(text) for text in (grant.full_name, grant.user_name, grant.email) if text)
