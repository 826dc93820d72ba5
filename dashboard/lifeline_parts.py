"""The parts of the page "Lifeline": two days, how many consents would lapse between them, and which."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from html import escape

import streamlit as st

from core.i18n import N_, _, ngettext
from core.registrations.lifeline import Outage, today
from core.registrations.listing import RegistrationRow
from core.registrations.query import COUNT_LIMIT, Page
from core.settings import Settings
from dashboard.address import number_in_address
from dashboard.bars import figure
from dashboard.filters import Keys
from dashboard.html_table import draw_table, link
from dashboard.list_words import columns, words_of_lists
from dashboard.moments import DAY_FORMAT, shortener
from dashboard.navigation import address

COLUMNS = {
    "name": N_("Name"),
    "environment": N_("Environment"),
    "status": N_("Status"),
    "owner": N_("Owner"),
    "days_left": N_("Days left"),
    "lapses_at": N_("Consent lapses"),
}
NUMBERS = {"days_left"}


def explain(settings: Settings) -> None:
    """What the days are counted from."""
    st.caption(
        _(
            "A consent lapses {life} days after it was last used. We use each at least every {alive} days, so that "
            "it does not lapse while Clickker Connections runs and Exact Online accepts it. Here you see what would "
            "lapse if it did not."
        ).format(life=settings.consent_life_days, alive=figure(round(settings.keep_alive_days)))
    )


def ask_days(settings: Settings) -> Outage | None:
    """The first and the last day of the outage; None while one of them is missing."""
    begin = today()
    end = begin + timedelta(days=14)
    latest = begin + timedelta(days=2 * settings.consent_life_days)
    with st.container(horizontal=True):
        first = _day(_("We are down from"), "lifeline_from", begin, (begin, latest))
        last = _day(_("up to and including"), "lifeline_to", end, (begin, latest))
    return Outage(first, last) if first and last else None


def page_number(keys: Keys) -> int:
    """The page that is asked for, by the numbers under the list or by the address."""
    key = keys.of("page")
    return int(st.session_state.get(key) or number_in_address(key) or 1)


def draw(page: Page[RegistrationRow], outage: Outage) -> None:
    """How many would lapse, and which, soonest first."""
    if not page.rows:
        st.success(_("No consent would lapse in these days."), icon=":material/check_circle:")
        return
    st.subheader(_sentence(page))
    if outage.first > today():
        st.caption(_("Consents used before the first day live longer than this: it is the worst case."))
    draw_table(columns(COLUMNS, NUMBERS), _lines(page.rows), _("Consents that would lapse"))


def _day(label: str, key: str, value: date, between: tuple[date, date]) -> date | None:
    chosen = st.date_input(
        label, value, between[0], between[1], key=key, format=DAY_FORMAT, width=180, bind="query-params"
    )
    return chosen if isinstance(chosen, date) else None


def _sentence(page: Page[RegistrationRow]) -> str:
    if page.more:
        return _("More than {count} consents would lapse").format(count=figure(COUNT_LIMIT))
    return ngettext("{count} consent would lapse", "{count} consents would lapse", page.count).format(
        count=figure(page.count)
    )


def _lines(rows: tuple[RegistrationRow, ...]) -> Iterator[tuple[str, ...]]:
    words, when, one = words_of_lists(), shortener(), address("registration")
    for row in rows:
        yield (
            link(f"{one}?id={row.id}", row.name),
            words.environments[row.environment],
            words.statuses[row.status],
            escape(row.owner_name),
            "" if row.days_to_go is None else str(row.days_to_go),
            when(row.lapses_at),
        )
