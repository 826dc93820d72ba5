"""The admin's list of operators, a row each, with what can be done about them."""

from __future__ import annotations

import streamlit as st

from core.accounts.invitations import InvitationLink, resend, reset, revoke
from core.accounts.operators import OperatorView, disable, enable, set_role
from core.accounts.roles import ROLES, CurrentOperator, role_name
from core.application import application
from core.i18n import _
from dashboard.feedback import attempt, flash
from dashboard.markdown import plain
from dashboard.moments import day, time_of_day

WIDTHS = [8, 5, 4, 7, 4]


def draw_row(by: CurrentOperator, operator: OperatorView) -> InvitationLink | None:
    """One operator; the link that was asked for, if any, to be shown once."""
    who, role, state, seen, menu = st.columns(WIDTHS, vertical_alignment="center")
    who.markdown(f"**{plain(operator.name)}**  \n{plain(operator.email)}")
    role.markdown(role_name(operator.role))
    _draw_state(state, operator)
    last = operator.last_seen_at
    seen.markdown(
        _("Last seen {day} {time}").format(day=day(last), time=time_of_day(last))
        if last
        else _("Never seen yet")
    )
    with menu.popover(_("Manage"), key=f"operators_manage_{operator.id}"):
        return _draw_menu(by, operator)


def show_link(link: InvitationLink) -> None:
    """The link, this once: only its hash is kept."""
    with st.container(border=True):
        st.markdown(
            _(
                "Copy this link and hand it over. It works once, until {day} {time}, and is not shown again."
            ).format(day=day(link.expires_at), time=time_of_day(link.expires_at))
        )
        st.code(link.url, language=None, wrap_lines=True)


def _draw_state(place: st.delta_generator.DeltaGenerator, operator: OperatorView) -> None:
    if not operator.active:
        place.badge(_("Disabled"), color="gray", icon=":material/block:")
    elif operator.account_created:
        place.badge(_("Active"), color="green", icon=":material/check:")
    elif operator.link_open:
        place.badge(_("Invited"), color="blue", icon=":material/mail:")
    else:
        place.badge(_("No open link"), color="orange", icon=":material/link_off:")


def _draw_menu(by: CurrentOperator, operator: OperatorView) -> InvitationLink | None:
    _draw_role(by, operator)
    link = _draw_links(by, operator) if operator.active else None
    change, label, icon, said = (
        (disable, _("Disable"), ":material/block:", _("Disabled, and signed out everywhere."))
        if operator.active
        else (enable, _("Enable"), ":material/check:", _("Enabled."))
    )
    if st.button(label, key=f"operators_active_{operator.id}", icon=icon):
        with attempt() as done:
            change(application(), by, operator.id)
        if done:
            flash(said)
            st.rerun()
    return link


def _draw_role(by: CurrentOperator, operator: OperatorView) -> None:
    chosen = st.selectbox(
        _("Role"),
        ROLES,
        index=ROLES.index(operator.role),
        format_func=role_name,
        key=f"operators_role_{operator.id}_{operator.role}",
    )
    if chosen == operator.role:
        return
    if st.button(_("Save role"), key=f"operators_save_role_{operator.id}", type="primary"):
        with attempt() as done:
            set_role(application(), by, operator.id, chosen)
        if done:
            flash(_("The role is changed at the next sign-in, which is asked now."))
            st.rerun()


def _draw_links(by: CurrentOperator, operator: OperatorView) -> InvitationLink | None:
    make = reset if operator.account_created else resend
    label = _("New reset link") if operator.account_created else _("New invitation link")
    link = None
    if st.button(label, key=f"operators_link_{operator.id}", icon=":material/link:"):
        with attempt():
            link = make(application(), by, operator.id)
    if operator.link_open and st.button(
        _("Withdraw the open link"), key=f"operators_revoke_{operator.id}", icon=":material/link_off:"
    ):
        with attempt() as done:
            revoke(application(), by, operator.id)
        if done:
            flash(_("The link works no longer."))
            st.rerun()
    return link
