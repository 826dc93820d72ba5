"""Another Exact user gave consent: what would change, and two buttons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import streamlit as st

from core.accounts.roles import Action, CurrentOperator
from core.application import Application
from core.i18n import _
from core.registrations.checks import check_now
from core.registrations.decisions import (
    Comparison,
    accept_candidate,
    compare_candidate,
    compare_consent,
    reject_candidate,
)
from core.registrations.seen import Seen
from core.registrations.views import GrantView, RegistrationView
from dashboard.consent_facts import draw_login_hint, login
from dashboard.feedback import attempt, flash
from dashboard.markdown import plain
from dashboard.shown import PLACE, shown

Kind = Literal["primary", "secondary"]


def draw_candidate(app: Application, by: CurrentOperator, view: RegistrationView) -> None:
    """Draw the choice between two logins; nothing where there is none."""
    candidate = view.candidate
    if candidate is None:
        return
    with st.container(border=True):
        if not candidate.identified:
            _draw_unknown(app, by, view)
            return
        st.subheader(_("Which login should this connection use?"), icon=":material/compare_arrows:")
        st.write(_("Consent came from another Exact user. Nothing changes until you choose."))
        now, new = st.columns(2)
        now.markdown(_("**Now**") + "  \n" + (login(view.grant) if view.grant else _("No login")))
        new.markdown(_("**New**") + "  \n" + login(candidate))
        draw_login_hint(view, candidate)
        compared = _compare(app, by, view, candidate)
        if compared is not None:
            draw_comparison(compared)
        if by.may(Action.REGISTER):
            _draw_choice(app, by, view, compared, shown(view, PLACE))


def draw_lost(view: RegistrationView) -> None:
    """After a reconnect: what was linked and is no longer permitted, beside the rest. Nothing where all is well."""
    compared = compare_consent(view)
    if not compared.lost:
        return
    with st.container(border=True):
        st.subheader(_("This consent permits less than before"), icon=":material/compare_arrows:")
        st.write(
            _(
                "Nothing is unlinked by itself. Ask the customer to permit these administrations again, or take their "
                "tick away below and save."
            )
        )
        draw_comparison(compared)


def _draw_unknown(app: Application, by: CurrentOperator, view: RegistrationView) -> None:
    st.write(_("A consent was received and kept, but Exact Online has not told yet whose it is."))
    if by.may(Action.CHECK) and st.button(
        _("Ask Exact Online again"), key="candidate_ask", icon=":material/sync:"
    ):
        with st.spinner(_("Asking Exact Online …")):
            _decide(lambda: check_now(app, by, view.id), _("Exact Online has told whose consent it is."))


def _compare(
    app: Application, by: CurrentOperator, view: RegistrationView, candidate: GrantView
) -> Comparison | None:
    """Asked once a visit: Exact counts every call."""
    memory = f"candidate_{candidate.id}"
    if memory not in st.session_state and by.may(Action.CHECK):
        with st.spinner(_("Asking Exact Online …")), attempt():
            st.session_state[memory] = compare_candidate(app, by, view.id)
    known = st.session_state.get(memory)
    return known if isinstance(known, Comparison) else None


def draw_comparison(compared: Comparison) -> None:
    """What the customer no longer permits, what stays and what is new, by name."""
    if compared.lost:
        st.warning(
            _("No longer permitted: {names}").format(names=_names(compared.lost)), icon=":material/link_off:"
        )
    if compared.kept:
        st.markdown(_("Stays: {names}").format(names=_names(compared.kept)))
    if compared.new:
        st.markdown(_("New: {names}").format(names=_names(compared.new)))


def _draw_choice(
    app: Application,
    by: CurrentOperator,
    view: RegistrationView,
    compared: Comparison | None,
    seen: Seen,
) -> None:
    loses = compared is None or bool(compared.lost)
    new: Kind = "secondary" if loses else "primary"
    old: Kind = "primary" if loses else "secondary"
    with st.container(horizontal=True):
        accept = st.button(_("Use the new login"), key="candidate_accept", type=new)
        reject = st.button(_("Keep the old login"), key="candidate_reject", type=old)
    if accept:
        _decide(lambda: accept_candidate(app, by, view.id, seen), _("The connection now uses the new login."))
    if reject:
        _decide(lambda: reject_candidate(app, by, view.id, seen), _("The old login stays."))


def _decide(act: Callable[[], None], done: str) -> None:
    with attempt():
        act()
        flash(done)
        st.rerun()


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(plain(name) for name in names)
