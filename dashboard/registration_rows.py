"""The registrations as a table: a row opens the registration."""

from __future__ import annotations

from collections.abc import Sequence

from core.exact.environments import environment_name
from core.i18n import N_, _
from core.registrations.listing import RegistrationRow
from core.registrations.wording import status_word
from dashboard.html_table import Cell, dot, draw_table, link, text
from dashboard.moments import short
from dashboard.navigation import address
from dashboard.status_badge import status_color

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


def draw_registrations(rows: Sequence[RegistrationRow]) -> None:
    """One line a registration."""
    titles = [_(title) for title in COLUMNS.values()]
    draw_table(titles, (_line(row) for row in rows), _("Registrations"))


def _line(row: RegistrationRow) -> tuple[Cell, ...]:
    return (
        link(address("registration", id=row.id), row.name or _("Draft without a name")),
        text(environment_name(row.environment)),
        dot(status_color(row.status), status_word(row.status)),
        text(_("Active") if row.active else _("Paused")),
        text(row.owner_name),
        Cell(str(row.administrations_linked), "number"),
        Cell(short(row.last_checked_at)),
        Cell(short(row.last_success_at)),
        Cell("" if row.days_left is None else str(row.days_left), "number"),
    )
