"""The parts of the first screen: charts that lead to the rows behind them, and short lists."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import streamlit as st

from core.i18n import N_, _, ngettext
from core.registrations.listing import RegistrationRow
from core.registrations.overview import LAPSING_DAYS, NEEDS_ATTENTION, Overview
from core.registrations.status import Status
from core.registrations.wording import status_word
from dashboard.bars import Bar, draw_bars, draw_days, figure
from dashboard.html_table import Cell, dot, draw_table, link, text
from dashboard.moments import day, short
from dashboard.navigation import address
from dashboard.status_badge import status_color

COLUMNS = (N_("Name"), N_("Status"), N_("Owner"), N_("Last success"), N_("Consent lapses"))


def draw_statuses(view: Overview) -> None:
    """How many there are of each status, what goes well on top."""
    st.subheader(_("By status"))
    draw_bars(_bars(view, reversed(Status)), _("Registrations by status"))


def draw_attention(view: Overview) -> None:
    """What needs somebody now: how many of each kind, and the first of them."""
    st.subheader(_("Needs attention now"))
    if not view.attention_count:
        st.caption(_("Nothing needs attention: every connection answers."))
        return
    draw_bars(_bars(view, NEEDS_ATTENTION), _("What needs attention, by status"))


def draw_lapsing(view: Overview) -> None:
    """How many consents lapse on each of the next days."""
    st.subheader(_("Lapses within {days} days").format(days=LAPSING_DAYS))
    count = view.lapsing_count
    if not count:
        st.caption(_("No consent lapses soon."))
        return
    st.caption(
        ngettext(
            "{count} consent lapses unless it is used.", "{count} consents lapse unless they are used.", count
        ).format(count=figure(count))
    )
    draw_days(view.lapsing_by_day, _("Consents that lapse, by day"))


def draw_rows(title: str, rows: Sequence[RegistrationRow]) -> None:
    """A short list under its title; nothing when it is empty."""
    if rows:
        st.subheader(title)
        draw_table([_(column) for column in COLUMNS], (_line(row) for row in rows), title)


def _bars(view: Overview, statuses: Iterable[Status]) -> list[Bar]:
    return [
        Bar(
            status_word(status),
            view.counts[status],
            status_color(status),
            address("registrations", status=status.value),
        )
        for status in statuses
    ]


def _line(row: RegistrationRow) -> tuple[Cell, ...]:
    return (
        link(address("registration", id=row.id), row.name),
        dot(status_color(row.status), status_word(row.status)),
        text(row.owner_name),
        Cell(short(row.last_success_at)),
        Cell(day(row.lapses_at) if row.lapses_at else ""),
    )
