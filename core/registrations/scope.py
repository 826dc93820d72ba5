"""Which registrations an operator may see at all, and finding one of them.

With CLICKKER_ACCOUNT_MANAGERS_SEE=own an account manager sees the registrations that he or she owns; another's number
answers as one that is not there. It is decided here, in SQL, for every list, page and use case.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from core.accounts.roles import CurrentOperator, Role
from core.application import Application
from core.errors import NotFound
from core.i18n import _
from core.registrations.query import ListQuery
from core.settings import Settings
from core.storage.models import Registration

Query = TypeVar("Query", bound=ListQuery)
_NOBODY = -1
"""As ``owner_id`` of a query: matches nothing."""


def only_owner(settings: Settings, by: CurrentOperator) -> int | None:
    """The owner to whose registrations ``by`` is limited; None for whoever sees all of them."""
    limited = settings.account_managers_see == "own" and by.role is Role.ACCOUNT_MANAGER
    return by.id if limited else None


def visible(settings: Settings, by: CurrentOperator) -> tuple[ColumnElement[bool], ...]:
    """What a registration must be for ``by`` to see it: conditions for SQL, none for whoever sees all."""
    owner = only_owner(settings, by)
    return () if owner is None else (Registration.owner_id == owner,)


def within_sight(settings: Settings, by: CurrentOperator, query: Query) -> Query:
    """The query, narrowed to what ``by`` may see: an owner is a filter that the lists have an index for."""
    owner = only_owner(settings, by)
    if owner is None:
        return query
    return replace(query, owner_id=owner if query.owner_id in {None, owner} else _NOBODY)


def find(session: Session, registration_id: int, *met: ColumnElement[bool]) -> Registration:
    """The row, locked until the transaction ends; raises ``NotFound``. For whom nobody limits: customers, Exact."""
    row = session.scalar(
        select(Registration)
        .where(Registration.id == registration_id, *met)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise _not_there()
    return row


def find_for(session: Session, app: Application, by: CurrentOperator, registration_id: int) -> Registration:
    """The same for an operator: what ``by`` may not see is not there."""
    return find(session, registration_id, *visible(app.settings, by))


def check_visible(session: Session, app: Application, by: CurrentOperator, registration_id: int) -> None:
    """Raise ``NotFound`` for a registration that ``by`` may not see. Asks the database only of whom is limited."""
    met = visible(app.settings, by)
    seen = select(Registration.id).where(Registration.id == registration_id, *met)
    if met and session.scalar(seen) is None:
        raise _not_there()


def look_at(session: Session, app: Application, by: CurrentOperator, registration_id: int) -> Registration:
    """The row as it is now, not locked; raises ``NotFound``."""
    row = session.scalar(
        select(Registration).where(Registration.id == registration_id, *visible(app.settings, by))
    )
    if row is None:
        raise _not_there()
    return row


def _not_there() -> NotFound:
    return NotFound(_("This registration is no longer there. Look for it in the table of registrations."))
