"""The admin's list of operators: a table of links, and cards on a phone."""

from __future__ import annotations

import streamlit as st

from core.accounts.invitations import InvitationLink
from core.accounts.operator_list import OperatorPage, OperatorView
from core.accounts.roles import role_name
from core.i18n import _, ngettext
from dashboard.copying import draw_copy
from dashboard.html_table import Column, dot, draw_table, link, safe
from dashboard.moments import day, shortener, time_of_day
from dashboard.navigation import address


def draw_operators(page: OperatorPage) -> None:
    """A row each; the name leads to what can be done about them."""
    short = shortener()
    columns = (
        Column(_("Name"), "name"),
        Column(_("E-mail address"), "name"),
        Column(_("Role")),
        Column(_("Status")),
        Column(_("Second factor")),
        Column(_("Sessions"), "number"),
        Column(_("Last seen")),
    )
    rows = [
        (
            link(address("operators", operator=one.id), one.name),
            safe(one.email),
            safe(role_name(one.role)),
            dot(*state(one)),
            safe(_("On") if one.second_factor else _("Off")),
            str(one.sessions),
            safe(short(one.last_seen_at) or _("Never seen yet")),
        )
        for one in page.rows
    ]
    draw_table(columns, rows, _("Operators"))
    st.caption(ngettext("{count} operator", "{count} operators", page.count).format(count=page.count))


def state(operator: OperatorView) -> tuple[str, str]:
    """A colour, and the word that says the same."""
    if not operator.active:
        return "#8a97a1", _("Disabled")
    if operator.account_created:
        return "#2e7d4f", _("Active")
    if operator.link_open:
        return "#14547a", _("Invited")
    return "#b4690e", _("No open link")


def show_link(link: InvitationLink) -> None:
    """The link, this once: only its hash is kept."""
    with st.container(border=True):
        st.markdown(
            _(
                "Copy this link and hand it over. It works once, until {day} {time}, and is not shown again."
            ).format(day=day(link.expires_at), time=time_of_day(link.expires_at))
        )
        draw_copy(link.url, _("Copy link"), _("Link to hand over"), lines=2, first=True)
