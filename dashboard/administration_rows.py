"""The linked administrations as a table: a row opens the registration it belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from core.i18n import N_, _
from core.registrations.listing import AdministrationRow
from dashboard.html_table import draw_table, link, safe
from dashboard.list_words import Sorting, columns, words_of_lists
from dashboard.moments import shortener
from dashboard.navigation import address

COLUMNS = {
    "name": N_("Name"),
    "code": N_("Code"),
    "registration": N_("Registration"),
    "environment": N_("Environment"),
    "status": N_("Status"),
    "active": N_("Setting"),
    "owner": N_("Owner"),
    "last_success_at": N_("Last success"),
}


NUMBERS = {"code"}
NAMES = {"name", "registration"}


def draw_administrations(rows: Sequence[AdministrationRow], sorting: Sorting, above: str = "") -> None:
    """One line an administration."""
    draw_table(
        columns(COLUMNS, NUMBERS, NAMES, sorting=sorting), lines(rows), _("Linked administrations"), above
    )


def lines(rows: Iterable[AdministrationRow]) -> Iterator[tuple[str, ...]]:
    """The cells of each row, as HTML."""
    words, when, one = words_of_lists(), shortener(), address("registration")
    for row in rows:
        yield (
            link(f"{one}?id={row.registration_id}", row.name),
            str(row.code),
            safe(row.registration_name),
            words.environments[row.environment],
            words.statuses[row.status],
            words.settings[row.active, row.status],
            safe(row.owner_name),
            when(row.last_success_at),
        )
