"""The registrations as a list: searched, filtered, sorted and cut into pages by the database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, select

from core import clock
from core.accounts.roles import Action, CurrentOperator, require
from core.application import Application
from core.registrations.administrations_listing import (
    AdministrationRow,
    iterate_administrations,
    list_administrations,
)
from core.registrations.lists import REGISTRATIONS
from core.registrations.next_action import ActionFacts, NextAction, next_action
from core.registrations.paging import page_of_ids, read_rows
from core.registrations.query import (
    ADMINISTRATION_SORTS,
    REGISTRATION_SORTS,
    WITHOUT_OWNER,
    AdministrationQuery,
    Page,
    RegistrationQuery,
)
from core.registrations.scope import within_sight
from core.registrations.status import STATUSES, Status, lapse_step
from core.registrations.streaming import export
from core.storage.models import Operator, Registration
from core.storage.rows import Line, Rows

__all__ = [
    "ADMINISTRATION_SORTS",
    "REGISTRATION_SORTS",
    "WITHOUT_OWNER",
    "AdministrationQuery",
    "AdministrationRow",
    "Page",
    "RegistrationQuery",
    "RegistrationRow",
    "iterate_administrations",
    "iterate_registrations",
    "list_administrations",
    "list_registrations",
    "registration_rows",
]


class RegistrationRow(NamedTuple):
    """One line of the list of registrations."""

    id: int
    name: str
    environment: str
    status: Status
    active: bool
    reference: str
    owner_id: int | None
    owner_name: str
    """'' without an owner."""
    administrations_linked: int
    last_checked_at: datetime | None
    last_success_at: datetime | None
    lapses_at: datetime | None
    days_left: int | None
    """Whole days until the consent lapses; negative once it has, None without a consent."""
    status_reason: str = ""
    failure_message: str = ""
    lapses_soon: bool = False

    @property
    def days_to_go(self) -> int | None:
        """The days left as they are shown everywhere: none once the consent has lapsed."""
        return None if self.days_left is None else max(self.days_left, 0)

    @property
    def action(self) -> NextAction:
        """Who acts and what by."""
        return next_action(
            ActionFacts(self.status, self.status_reason, self.failure_message, self.lapses_soon)
        )


def list_registrations(
    app: Application, by: CurrentOperator, query: RegistrationQuery
) -> Page[RegistrationRow]:
    """One page of what ``query`` matches; drafts are among them."""
    require(by, Action.VIEW)
    query = within_sight(app.settings, by, query)
    with app.database.rows() as connection:
        page = page_of_ids(connection, REGISTRATIONS, query)
        rows = registration_rows(connection, page.rows)
    return Page(tuple(rows), page.count, page.more, page.number, page.pages)


def iterate_registrations(
    app: Application, by: CurrentOperator, query: RegistrationQuery
) -> Iterator[RegistrationRow]:
    """Everything that ``query`` matches, by name, a thousand rows in memory at a time; page and sort are ignored.

    No transaction stays open in between: what changes meanwhile is seen or not. Raises as ``export`` does.
    """
    return export(app, by, REGISTRATIONS, query, registration_rows)


def registration_rows(rows: Rows, ids: Sequence[int]) -> list[RegistrationRow]:
    """The rows with these ids, in this order."""
    now = clock.now()
    return [_row(row, now) for row in read_rows(rows, _COLUMNS, Registration.id, ids)]


_COLUMNS: Select[*tuple[Any, ...]] = select(
    Registration.id,
    Registration.name,
    Registration.environment,
    Registration.status,
    Registration.active,
    Registration.reference,
    Registration.owner_id,
    Operator.name.label("owner_name"),
    Registration.administrations_linked,
    Registration.last_checked_at,
    Registration.last_success_at,
    Registration.lapses_at,
    Registration.status_reason,
    Registration.last_failure_message,
).outerjoin(Operator, Operator.id == Registration.owner_id)


def _row(row: Line, now: datetime) -> RegistrationRow:
    number, name, environment, status, *facts, owner_name, linked, checked_at, success_at = row[:-3]
    lapses_at, reason, message = row[-3:]
    days_left = None if lapses_at is None else (lapses_at - now).days
    soon = lapse_step(lapses_at, now) is not None
    known = (STATUSES[status], *facts, owner_name or "", linked, checked_at, success_at, lapses_at, days_left)
    return RegistrationRow._make((number, name, environment, *known, reason, message or "", soon))
