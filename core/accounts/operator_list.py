"""Operators as an admin sees them: the list, searched and page by page, and one of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, exists, func, select, true
from sqlalchemy.orm import Session

from core.accounts.emails import fold_email
from core.accounts.open_sessions import is_open
from core.accounts.roles import Action, CurrentOperator, Role, require
from core.application import Application
from core.clock import now
from core.errors import NotFound
from core.i18n import _
from core.storage.models import Invitation, Operator, OperatorIdentity, OperatorSession, SecondFactor
from core.storage.sets import among_these
from core.text import fold

PAGE_SIZE = 50


@dataclass(frozen=True)
class OperatorView:
    """An operator as the admin's list shows one."""

    id: int
    email: str
    name: str
    role: Role
    active: bool
    account_created: bool
    """Whether a password has been chosen, or an account at the provider."""
    link_open: bool
    """Whether a link to choose one is under way."""
    second_factor: bool
    """Whether a code of an app is asked after the password."""
    sessions: int
    """How many are open."""
    created_at: datetime
    last_seen_at: datetime | None


@dataclass(frozen=True)
class OperatorPage:
    """Fifty operators at most, and where they stand."""

    rows: tuple[OperatorView, ...]
    count: int
    number: int
    """From 1; the last page there is when a later one was asked for."""
    pages: int
    """1 at least."""


def list_operators(app: Application, by: CurrentOperator | None) -> tuple[OperatorView, ...]:
    """Everybody, by name; ``by`` is None on the command line."""
    _require(by)
    with app.database.read() as session:
        return tuple(_view(row) for row in session.execute(_by_name(_views(app))))


def find_operators(app: Application, by: CurrentOperator, search: str = "", page: int = 1) -> OperatorPage:
    """A page of those whose name or address holds ``search``, by name. Raises ``NotAllowed``."""
    require(by, Action.MANAGE_OPERATORS)
    with app.database.read() as session:
        found = _matching(session, search)
        wanted = true() if found is None else among_these(session, Operator.id, found)
        everybody = select(func.count()).select_from(Operator)
        count = (session.scalar(everybody) or 0) if found is None else len(found)
        pages = max(1, -(-count // PAGE_SIZE))
        number = min(max(page, 1), pages)
        asked = _by_name(_views(app)).where(wanted).limit(PAGE_SIZE).offset((number - 1) * PAGE_SIZE)
        rows = tuple(_view(row) for row in session.execute(asked))
    return OperatorPage(rows, count, number, pages)


def one_operator(app: Application, by: CurrentOperator, operator_id: int) -> OperatorView:
    """One of them. Raises ``NotAllowed``, or ``NotFound``."""
    require(by, Action.MANAGE_OPERATORS)
    return _one(app, Operator.id == operator_id)


def operator_called(app: Application, email: str) -> OperatorView:
    """The operator who signs in with this address, for the command line. Raises ``NotFound``."""
    return _one(app, Operator.email == fold_email(email))


def _one(app: Application, which: ColumnElement[bool]) -> OperatorView:
    with app.database.read() as session:
        row = session.execute(_views(app).where(which)).one_or_none()
    if row is None:
        raise NotFound(_("There is no such operator."))
    return _view(row)


def _views(app: Application) -> Select[*tuple[Any, ...]]:
    moment = now()
    link = exists().where(
        Invitation.operator_id == Operator.id,
        Invitation.used_at.is_(None),
        Invitation.revoked_at.is_(None),
        Invitation.expires_at > moment,
    )
    factor = exists().where(SecondFactor.operator_id == Operator.id, SecondFactor.on_since.is_not(None))
    sessions = (
        select(func.count())
        .where(and_(OperatorSession.operator_id == Operator.id, is_open(app.settings, moment)))
        .scalar_subquery()
    )
    bound = exists().where(OperatorIdentity.operator_id == Operator.id)
    return select(
        Operator,
        link.label("link"),
        factor.label("factor"),
        bound.label("bound"),
        sessions.label("sessions"),
    )


def _by_name(asked: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    return asked.order_by(func.lower(Operator.name), Operator.id)


def _matching(session: Session, search: str) -> list[int] | None:
    """The numbers of those whose name or address holds ``search``; None without one. Operators are few."""
    sought = fold(search)
    if not sought:
        return None
    rows = session.execute(select(Operator.id, Operator.name, Operator.email))
    return [row.id for row in rows if sought in fold(row.name) or sought in fold(row.email)]


def _view(row: Row[*tuple[Any, ...]]) -> OperatorView:
    operator: Operator = row[0]
    return OperatorView(
        id=operator.id,
        email=operator.email,
        name=operator.name,
        role=Role(operator.role),
        active=operator.active,
        account_created=bool(row.bound) or operator.password_hash is not None,
        link_open=bool(row.link),
        second_factor=bool(row.factor),
        sessions=row.sessions,
        created_at=operator.created_at,
        last_seen_at=operator.last_seen_at,
    )


def _require(by: CurrentOperator | None) -> None:
    if by is not None:
        require(by, Action.MANAGE_OPERATORS)
