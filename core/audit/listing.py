"""The audit log as a list: filtered, counted and paged by the database, the latest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    column,
    func,
    literal_column,
    or_,
    select,
    table,
    tuple_,
)
from sqlalchemy.orm import Session

from core.accounts.confirming import require_fresh
from core.accounts.operators import Person
from core.accounts.operators import people as everybody
from core.accounts.roles import Action, CurrentOperator, require
from core.application import Application
from core.audit.events import Event
from core.registrations.names import name_key
from core.registrations.query import COUNT_LIMIT, PAGE_SIZE, Page
from core.storage.models import AuditEntry
from core.storage.ngrams import ngrams, quoted
from core.storage.search import SHORTEST_PART
from core.storage.sets import as_part, on_sqlite
from core.text import fold_of_before

CHUNK = 1_000
_TRIGRAMS = 12
"""So many of a search narrow it down enough; the text itself is compared anyway."""
_DUTCH = ZoneInfo("Europe/Amsterdam")
OTHERS = ("customer", "visitor", "shell")
"""Who acts without being an operator, as ``AuditQuery.who`` names them."""


@dataclass(frozen=True)
class AuditQuery:
    """What is empty or None does not filter."""

    search: str = ""
    """Three characters and more: part of the subject."""
    who: str = ""
    """An operator's number, or one of ``OTHERS``."""
    event: str = ""
    outcome: str = ""
    first: date | None = None
    last: date | None = None
    """Dutch days, both included."""
    page: int = 1


@dataclass(frozen=True)
class AuditRow:
    """One entry."""

    sequence: int
    at: datetime
    event: str
    actor_id: int | None
    actor_name: str
    actor_email: str
    subject: str
    outcome: str
    detail: str
    address: str
    hash: str


_E = AuditEntry
_FOUND = table("audit_search", column("rowid", Integer))
"""The full-text table on SQLite."""
_COLUMNS = (
    _E.sequence, _E.at, _E.event, _E.actor_id, _E.actor_name, _E.actor_email,
    _E.subject, _E.outcome, _E.detail, _E.address, _E.hash,
)  # fmt: skip


def list_entries(app: Application, by: CurrentOperator, query: AuditQuery) -> Page[AuditRow]:
    """A page of the entries that match. Raises ``NotAllowed``."""
    require(by, Action.AUDIT)
    with app.database.read() as session:
        matching = _matching(session, query)
        known = matching.with_only_columns(_E.sequence).limit(COUNT_LIMIT + 1).subquery()
        found = session.scalar(select(func.count()).select_from(known)) or 0
        count = min(found, COUNT_LIMIT)
        pages = max(1, -(-count // PAGE_SIZE))
        number = min(max(query.page, 1), pages)
        shown = _in_order(session, matching, query).limit(PAGE_SIZE).offset((number - 1) * PAGE_SIZE)
        rows = tuple(AuditRow(*row) for row in session.execute(shown))
    return Page(rows, count, found > COUNT_LIMIT, number, pages)


def iterate_entries(app: Application, by: CurrentOperator, query: AuditQuery) -> Iterator[AuditRow]:
    """Everything that matches, the latest first, a chunk a transaction.

    Raises at once ``NotAllowed``, or ``ConfirmationNeeded`` when the password is not fresh: who did what is in it.
    """
    require(by, Action.AUDIT)
    with app.database.read() as session:
        require_fresh(session, app.settings, by, Action.AUDIT)
    return _iterate(app, query)


def latest_verification(app: Application, by: CurrentOperator) -> AuditRow | None:
    """When the log was last verified, by whom, and what came of it. Raises ``NotAllowed``."""
    found = list_entries(app, by, AuditQuery(event=Event.AUDIT_VERIFIED.value)).rows
    return found[0] if found else None


def people(app: Application, by: CurrentOperator) -> tuple[Person, ...]:
    """Every operator there is, the disabled ones too; ``AuditQuery.who`` takes their number."""
    require(by, Action.AUDIT)
    return everybody(app)


def _iterate(app: Application, query: AuditQuery) -> Iterator[AuditRow]:
    after: AuditRow | None = None
    while True:
        with app.database.read() as session:
            chunk = _in_order(session, _matching(session, query), query).limit(CHUNK)
            if after is not None:
                chunk = chunk.where(_beyond(query, after))
            rows = [AuditRow(*row) for row in session.execute(chunk)]
        yield from rows
        if len(rows) < CHUNK:
            return
        after = rows[-1]


def _matching(session: Session, query: AuditQuery) -> Select[*tuple[Any, ...]]:
    found: Select[*tuple[Any, ...]] = select(*_COLUMNS).where(*_conditions(query))
    if not _searched(query):
        return found
    sqlite = on_sqlite(session)
    keys = list(dict.fromkeys((_searched(query), fold_of_before(query.search))))
    if sqlite:  # walked from its newest row on; each entry is then looked up by its number
        match = " OR ".join(f"({_trigrams(key)})" for key in keys)
        found = found.join_from(_FOUND, _E, _E.sequence == _FOUND.c.rowid).where(
            literal_column("audit_search").op("MATCH")(match)
        )
    parts = [as_part(key, sqlite=sqlite)["part"] for key in keys]
    if sqlite:
        return found.where(or_(*(func.instr(_E.subject_key, part) > 0 for part in parts)))
    return found.where(or_(*(_E.subject_key.like(part) for part in parts)))


def _trigrams(key: str) -> str:
    return " AND ".join(map(quoted, sorted(ngrams(key, SHORTEST_PART))[:_TRIGRAMS]))


def _conditions(query: AuditQuery) -> Iterator[ColumnElement[bool]]:
    if query.event:
        yield _E.event == query.event
    if query.outcome:
        yield _E.outcome == query.outcome
    if query.who.isascii() and query.who.isdigit():
        yield _E.actor_id == int(query.who[:18])
    elif query.who:
        yield _E.actor_id.is_(None)
        yield _E.actor_name == query.who
    if query.first is not None:
        yield _E.at >= datetime.combine(query.first, time(), _DUTCH)
    if query.last is not None and query.last < date.max:
        yield _E.at < datetime.combine(query.last + timedelta(days=1), time(), _DUTCH)


def _in_order(
    session: Session, found: Select[*tuple[Any, ...]], query: AuditQuery
) -> Select[*tuple[Any, ...]]:
    if _searched(query):
        newest = _FOUND.c.rowid.desc() if on_sqlite(session) else _E.sequence.desc()
        return found.order_by(newest)
    if query.who in OTHERS:  # the number is unset in all of them: it stands first in their index
        return found.order_by(_E.actor_id.desc(), _E.at.desc(), _E.sequence.desc())
    return found.order_by(_E.at.desc(), _E.sequence.desc())


def _beyond(query: AuditQuery, after: AuditRow) -> ColumnElement[bool]:
    if _searched(query):
        return _E.sequence < after.sequence
    place: ColumnElement[bool] = tuple_(_E.at, _E.sequence) < tuple_(after.at, after.sequence)
    return place


def _searched(query: AuditQuery) -> str:
    key = name_key(query.search)
    return key if len(key) >= SHORTEST_PART else ""
