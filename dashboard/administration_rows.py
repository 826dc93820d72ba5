"""The linked administrations as a table: a row opens the registration it belongs to."""

from __future__ import annotations

from collections.abc import Sequence

from core.exact.environments import environment_name
from core.i18n import N_, _
from core.registrations.listing import AdministrationRow
from core.registrations.wording import status_word
from dashboard.html_table import Cell, dot, draw_table, link, text
from dashboard.moments import short
from dashboard.navigation import address
from dashboard.status_badge import status_color

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


def draw_administrations(rows: Sequence[AdministrationRow]) -> None:
    """One line an administration."""
    titles = [_(title) for title in COLUMNS.values()]
    draw_table(titles, (_line(row) for row in rows), _("Linked administrations"))


def _line(row: AdministrationRow) -> tuple[Cell, ...]:
    return (
        link(address("registration", id=row.registration_id), row.name),
        Cell(str(row.code), "number"),
        text(row.registration_name, "name"),
        text(environment_name(row.environment)),
        dot(status_color(row.status), status_word(row.status)),
        text(_("Active") if row.active else _("Paused")),
        text(row.owner_name),
        Cell(short(row.last_success_at)),
    )
