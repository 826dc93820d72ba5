"""One operator, for admins: who it is, and everything that can be done about it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.accounts.invitations import InvitationLink, resend, reset, revoke
from core.accounts.open_sessions import end_operator_session, end_operator_sessions, operator_sessions
from core.accounts.operator_list import OperatorView
from core.accounts.operators import disable, enable, rename, set_role
from core.accounts.roles import ROLES, CurrentOperator, role_name
from core.accounts.second_factor import take_away_second_factor
from core.application import application
from core.i18n import _
from dashboard.feedback import attempt, draw_not_kept, flash
from dashboard.markdown import plain
from dashboard.moments import day, time_of_day
from dashboard.operator_rows import state
from dashboard.second_click import confirmed
from dashboard.session_rows import draw_sessions

WIDTH = 480


def draw_operator(by: CurrentOperator, operator: OperatorView) -> InvitationLink | None:
    """Everything about one operator; the link that was asked for, if any, to be shown once."""
    _draw_facts(by, operator)
    link = None
    with st.container(horizontal=True):
        if operator.active:
            link = _draw_links(by, operator)
        if operator.second_factor and operator.id != by.id:
            _draw_take_away(by, operator)
        _draw_active(by, operator)
    _draw_name(by, operator)
    _draw_role(by, operator)
    _draw_sessions(by, operator)
    return link


def _draw_facts(by: CurrentOperator, operator: OperatorView) -> None:
    last = operator.last_seen_at
    seen = (
        _("Last seen {day} {time}").format(day=day(last), time=time_of_day(last))
        if last
        else _("Never seen yet")
    )
    factor = _("Second factor on") if operator.second_factor else _("Second factor off")
    facts = [role_name(operator.role), state(operator)[1], factor, seen]
    st.markdown(f"{plain(operator.email)}  \n" + " · ".join(plain(fact) for fact in facts))
    if operator.id == by.id:
        st.caption(_("This is you."))


def _draw_links(by: CurrentOperator, operator: OperatorView) -> InvitationLink | None:
    make = reset if operator.account_created else resend
    label = _("New reset link") if operator.account_created else _("New invitation link")
    link = None
    if st.button(label, key=f"operators_link_{operator.id}", icon=":material/link:"):
        with attempt():
            link = make(application(), by, operator.id)
    if operator.link_open and confirmed(
        _("Withdraw the open link"),
        _("Whoever has the link cannot use it any more."),
        _("Withdraw"),
        f"operators_revoke_{operator.id}",
        ":material/link_off:",
    ):
        _do(lambda: revoke(application(), by, operator.id), _("The link works no longer."))
    return link


def _draw_take_away(by: CurrentOperator, operator: OperatorView) -> None:
    if confirmed(
        _("Take away second factor"),
        _(
            "**{name}** signs in with the password alone from now on, and is signed out everywhere. Be sure that it is "
            "really {name} who asks."
        ).format(name=plain(operator.name)),
        _("Take away"),
        f"operators_factor_{operator.id}",
        ":material/phonelink_erase:",
    ):
        _do(
            lambda: take_away_second_factor(application(), by, operator.id),
            _("The second factor has been taken away."),
        )


def _draw_active(by: CurrentOperator, operator: OperatorView) -> None:
    if not operator.active:
        if st.button(_("Enable"), key=f"operators_enable_{operator.id}", icon=":material/check:"):
            _do(lambda: enable(application(), by, operator.id), _("Enabled."))
        return
    if confirmed(
        _("Disable"),
        _("**{name}** is signed out everywhere and cannot come in any more.").format(
            name=plain(operator.name)
        ),
        _("Disable"),
        f"operators_disable_{operator.id}",
        ":material/block:",
    ):
        _do(
            lambda: disable(application(), by, operator.id),
            _("Disabled, and signed out everywhere."),
        )


def _draw_name(by: CurrentOperator, operator: OperatorView) -> None:
    with st.form(f"operators_name_form_{operator.id}", width=WIDTH):
        name = st.text_input(_("Name"), value=operator.name, key=f"operators_rename_{operator.id}")
        draw_not_kept()
        if st.form_submit_button(_("Save name")):
            _do(
                lambda: rename(application(), by, operator.id, name or ""),
                _("The name has been saved."),
            )


def _draw_role(by: CurrentOperator, operator: OperatorView) -> None:
    with st.container(border=True, width=WIDTH):
        chosen = st.selectbox(
            _("Role"),
            ROLES,
            index=ROLES.index(operator.role),
            format_func=role_name,
            key=f"operators_role_{operator.id}_{operator.role}",
        )
        if chosen != operator.role and confirmed(
            _("Save role"),
            _("**{name}** becomes {role}, and is signed out everywhere to sign in anew.").format(
                name=plain(operator.name), role=plain(role_name(chosen))
            ),
            _("Save role"),
            f"operators_save_role_{operator.id}",
            ":material/save:",
        ):
            _do(
                lambda: set_role(application(), by, operator.id, chosen),
                _("The role is changed at the next sign-in, which is asked now."),
            )


def _draw_sessions(by: CurrentOperator, operator: OperatorView) -> None:
    app = application()
    st.subheader(_("Open sessions"))
    sessions = operator_sessions(app, by, operator.id)
    if not sessions:
        st.caption(_("Signed in nowhere at this moment."))
        return
    draw_sessions(
        sessions,
        by.session_id,
        "operators",
        lambda number: end_operator_session(app, by, operator.id, number),
    )
    if confirmed(
        _("End all"),
        _("**{name}** is signed out everywhere.").format(name=plain(operator.name)),
        _("End all"),
        f"operators_end_all_{operator.id}",
        ":material/logout:",
    ):
        _do(lambda: end_operator_sessions(app, by, operator.id), _("All sessions have ended."))


def _do(act: Callable[[], None], said: str) -> None:
    """Do it, and draw the page anew with what came of it."""
    with attempt() as done:
        act()
    if done:
        flash(said)
        st.rerun()
