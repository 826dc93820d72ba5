"""All linked administrations as a list, like the registrations'."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, select

from core.accounts.roles import Action, CurrentOperator, require
from core.application import Application
from core.registrations.lists import ADMINISTRATIONS
from core.registrations.paging import page_of_ids, read_rows
from core.registrations.query import AdministrationQuery, Page
from core.registrations.scope import within_sight
from core.registrations.status import STATUSES, Status
from core.registrations.streaming import export
from core.storage.models import Administration, Operator, Registration
from core.storage.rows import Line, Rows


class AdministrationRow(NamedTuple):
    """One line of the list of administrations; status, setting and owner are its registration's."""

    id: int
    code: int
    name: str
    registration_id: int
    registration_name: str
    environment: str
    status: Status
    active: bool
    owner_id: int | None
    owner_name: str
    country: str
    currency: str
    last_success_at: datetime | None


def list_administrations(
    app: Application, by: CurrentOperator, query: AdministrationQuery
) -> Page[AdministrationRow]:
    """One page of the linked administrations that ``query`` matches."""
    require(by, Action.VIEW)
    query = within_sight(app.settings, by, query)
    with app.database.rows() as connection:
        page = page_of_ids(connection, ADMINISTRATIONS, query)
        rows = administration_rows(connection, page.rows)
    return Page(tuple(rows), page.count, page.more, page.number, page.pages)


def iterate_administrations(
    app: Application, by: CurrentOperator, query: AdministrationQuery
) -> Iterator[AdministrationRow]:
    """Everything that ``query`` matches, by name, as ``iterate_registrations`` does."""
    return export(app, by, ADMINISTRATIONS, query, administration_rows)


def administration_rows(rows: Rows, ids: Sequence[int]) -> list[AdministrationRow]:
    """The rows with these ids, in this order."""
    return [_row(row) for row in read_rows(rows, _COLUMNS, Administration.id, ids)]


_COLUMNS: Select[*tuple[Any, ...]] = (
    select(
        Administration.id,
        Administration.code,
        Administration.name,
        Administration.registration_id,
        Registration.name.label("registration_name"),
        Administration.environment,
        Administration.status,
        Administration.active,
        Administration.owner_id,
        Operator.name.label("owner_name"),
        Administration.country,
        Administration.currency,
        Administration.last_success_at,
    )
    .join(Registration, Registration.id == Administration.registration_id)
    .outerjoin(Operator, Operator.id == Administration.owner_id)
)


def _row(row: Line) -> AdministrationRow:
    number, code, name, *registration, status, active, owner_id, owner_name, country, currency, at = row
    facts = (active, owner_id, owner_name or "", country, currency, at)
    return AdministrationRow._make((number, code, name, *registration, STATUSES[status], *facts))
