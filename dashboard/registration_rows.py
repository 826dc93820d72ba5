"""The registrations as a table: a row opens the registration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from core.i18n import N_, _
from core.registrations.listing import RegistrationRow
from core.registrations.wording import called
from dashboard.html_table import draw_table, link, safe
from dashboard.list_words import Sorting, columns, words_of_lists
from dashboard.moments import shortener
from dashboard.navigation import address

COLUMNS = {
    "name": N_("Name"),
    "environment": N_("Environment"),
    "status": N_("Status"),
    "active": N_("Setting"),
    "owner": N_("Owner"),
    "administrations_linked": N_("Linked"),
    "last_checked_at": N_("Last checked"),
    "last_success_at": N_("Last success"),
    "lapses_at": N_("Days left"),
}
"""Sort to title; "Days left" counts until the consent lapses."""


NUMBERS = {"administrations_linked", "lapses_at"}


def draw_registrations(
    rows: Sequence[RegistrationRow], sorting: Sorting | None = None, above: str = ""
) -> None:
    """One line a registration; without ``sorting`` the titles lead nowhere."""
    draw_table(columns(COLUMNS, NUMBERS, sorting=sorting), lines(rows), _("Registrations"), above)


def lines(rows: Iterable[RegistrationRow]) -> Iterator[tuple[str, ...]]:
    """The cells of each row, as HTML."""
    words, when, one = words_of_lists(), shortener(), address("registration")
    for row in rows:
        yield (
            link(f"{one}?id={row.id}", called(row.name)),
            words.environments[row.environment],
            words.statuses[row.status],
            words.settings[row.active, row.status],
            safe(row.owner_name),
            str(row.administrations_linked),
            when(row.last_checked_at),
            when(row.last_success_at),
            "" if row.days_to_go is None else str(row.days_to_go),
        )
