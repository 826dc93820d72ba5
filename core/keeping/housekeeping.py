"""What is let go of, and when: one table of rules, so that nothing grows for ever and nothing that is of use goes.

A table that is not named here does not grow with time, or is never pruned on purpose: ``LEFT`` says why. The file of
the audit log's heads is part of that log: a line a commit, some eleven megabytes for a hundred thousand entries.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, exists, func, inspect, or_, select, tuple_
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import InstrumentedAttribute, aliased

from core import clock
from core.accounts.lockout import KEPT as FAILURES_KEPT
from core.accounts.sessions import ENDED_KEPT, KNOWN_BROWSER_LIFE
from core.alarms.facts import TROUBLES
from core.alarms.outbox import AlarmKind
from core.application import Application
from core.storage.base import Base
from core.storage.models import (
    Alarm,
    CallBudget,
    Consent,
    CustomerLink,
    Incident,
    Invitation,
    Issue,
    Knock,
    OperatorSession,
    ProviderVisit,
    RefusedCall,
    SecondStep,
    SignInFailure,
    SignInTicket,
    TimelineEntry,
    UnsavedWork,
)
from core.storage.models_keeping import ReadPage

BATCH = 500
"""Rows deleted in one transaction: on SQLite everybody else waits for it."""
HISTORY = timedelta(days=730)
"""Two years of what happened to a customer."""
ATTEMPTS = timedelta(days=90)
"""Far longer than the journal's seven days: whatever it may still bring back finds its attempt."""
NEWEST_ENTRIES = 500
"""Of each registration's timeline, however old."""

Condition = Callable[[], ColumnElement[bool]]


@dataclass(frozen=True)
class Rule:
    """Rows of ``table`` go once the moment in ``aged`` is longer ago than ``after``, and ``only`` holds."""

    table: type[Base]
    aged: InstrumentedAttribute[Any]
    """Its index serves the search; a row without the moment stays."""
    after: timedelta
    why: str
    only: Condition | None = None

    def due(self, now: datetime) -> Select[Any]:
        """The primary keys of what may go."""
        return select(*_key(self.table)).where(*self._conditions(now)).order_by(self.aged)

    def tidy(self, app: Application, now: datetime) -> int:
        """Delete what may go, batch by batch; how many rows that were."""
        gone = 0
        while True:
            with app.database.read() as session:
                keys = [tuple(row) for row in session.execute(self.due(now).limit(BATCH))]
            if not keys:
                return gone
            chosen = tuple_(*_key(self.table)).in_(keys)
            with app.database.transaction() as session:
                session.execute(
                    delete(self.table)
                    .where(chosen, *self._conditions(now))
                    .execution_options(synchronize_session=False)
                )
            gone += len(keys)
            if len(keys) < BATCH:
                return gone

    def _conditions(self, now: datetime) -> list[ColumnElement[bool]]:
        limit = now - self.after
        moment = limit.timestamp() if self.aged.key == "free_at" else limit
        return [self.aged < moment, *([self.only()] if self.only else [])]


def _alarm_is_over() -> ColumnElement[bool]:
    """Told, and nobody reads it any more: good news is owed until it was told, and once (``core.alarms.facts``)."""
    other = aliased(Alarm)
    same = other.registration_id == Alarm.registration_id
    mended = exists().where(same, other.kind == AlarmKind.RECOVERED.value, other.id > Alarm.id)
    before = exists().where(same, other.kind.in_([kind.value for kind in TROUBLES]), other.id < Alarm.id)
    incident = aliased(Incident)
    open_incident = exists().where(incident.id == Alarm.incident_id, incident.closed_at.is_(None))
    waiting = exists().where(other.incident_id == Alarm.incident_id, other.settled_at.is_(None))
    return and_(
        or_(Alarm.kind.not_in([kind.value for kind in TROUBLES]), mended),
        or_(Alarm.kind != AlarmKind.RECOVERED.value, ~before),
        ~open_incident,
        ~waiting,
    )


def _incident_is_told() -> ColumnElement[bool]:
    """Deleting it takes its alarms along: those that wait stay, and so does what is open."""
    waiting = exists().where(Alarm.incident_id == Incident.id, Alarm.settled_at.is_(None))
    return and_(Incident.closed_at.is_not(None), ~waiting)


def _not_blocked() -> ColumnElement[bool]:
    return or_(CallBudget.blocked_until.is_(None), CallBudget.blocked_until < clock.now())


RULES = (
    Rule(
        Consent,
        Consent.expires_at,
        ATTEMPTS,
        "An attempt is over within minutes, its pair in the journal in days.",
    ),
    Rule(CustomerLink, CustomerLink.expires_at, ATTEMPTS, "Until then an old link says why it is of no use."),
    Rule(Invitation, Invitation.expires_at, ATTEMPTS, "Until then an old link says why it is of no use."),
    Rule(Issue, Issue.resolved_at, HISTORY, "What was wrong, and is mended; what is open stays."),
    Rule(Alarm, Alarm.settled_at, timedelta(days=400), "Deliveries go with it.", _alarm_is_over),
    Rule(Incident, Incident.opened_at, HISTORY, "Over long ago; its issues say so too.", _incident_is_told),
    Rule(
        CallBudget, CallBudget.day_ends_at, timedelta(days=30), "Exact tells its limits anew.", _not_blocked
    ),
    Rule(UnsavedWork, UnsavedWork.kept_at, ATTEMPTS, "Whoever has not come back to it by then will not."),
    Rule(RefusedCall, RefusedCall.until, timedelta(0), "It is asked again by then."),
    Rule(ReadPage, ReadPage.read_at, timedelta(days=1), "A reading that stood still so long is begun anew."),
    Rule(OperatorSession, OperatorSession.expires_at, ENDED_KEPT, "A page shows who was signed in lately."),
    Rule(
        SignInTicket, SignInTicket.expires_at, KNOWN_BROWSER_LIFE, "A browser is known by its last sign-in."
    ),
    Rule(ProviderVisit, ProviderVisit.expires_at, timedelta(0), "It is of no use once it has expired."),
    Rule(SecondStep, SecondStep.expires_at, timedelta(0), "It is of no use once it has expired."),
    Rule(SignInFailure, SignInFailure.at, FAILURES_KEPT, "A lock-out looks no further back."),
    Rule(Knock, Knock.free_at, timedelta(0), "A bucket that is empty."),
)

LEFT = {
    "registrations": "one a customer; somebody deletes it",
    "administrations": "of each registration those that Exact shows, or that are linked",
    "grants": "one an Exact user; released with the last registration, strays by identify_strays",
    "counters": "a name each, of a fixed set",
    "operators": "people",
    "operator_identities": "one an operator",
    "second_factors": "one an operator",
    "recovery_codes": "ten an operator",
    "audit_entries": "never pruned: who did what is kept for good (README, Decisions)",
    "audit_head": "one row",
    "deliveries": "they go with their alarm",
    "alembic_version": "one row",
}
"""Tables without a rule, and why they need none."""


def tidy(app: Application) -> None:
    """Let go of everything whose time has come. The keeper's daily chore; raises what the database raises."""
    now = clock.now()
    for rule in RULES:
        rule.tidy(app, now)
    tidy_timeline(app, now)
    try:
        app.journal.archive.prune(now)
    except (SQLAlchemyError, OSError):
        # Its trouble is told of by whoever needs it; here it only keeps what is sealed a day longer.
        return


def long_timelines(after: int) -> Select[Any]:
    """The next registrations with more entries than are kept of each, out of the index alone."""
    owner = TimelineEntry.registration_id
    return (
        select(owner)
        .where(owner > after)
        .group_by(owner)
        .having(func.count() > NEWEST_ENTRIES)
        .order_by(owner)
    )


def old_entries(registration_id: int, now: datetime) -> Select[Any]:
    """What a registration's timeline can do without: older than two years, and not of its newest entries."""
    mine = TimelineEntry.registration_id == registration_id
    newest = select(TimelineEntry.id).where(mine).order_by(TimelineEntry.id.desc())
    first_kept = newest.offset(NEWEST_ENTRIES - 1).limit(1).scalar_subquery()
    old = (TimelineEntry.id < first_kept, TimelineEntry.at < now - HISTORY)
    return select(TimelineEntry.id).where(mine, *old).order_by(TimelineEntry.id).limit(BATCH)


def tidy_timeline(app: Application, now: datetime) -> None:
    """Shorten the long timelines, a batch of one registration at a time."""
    after = 0
    while True:
        with app.database.read() as session:
            owners = session.scalars(long_timelines(after).limit(BATCH)).all()
        for owner in owners:
            while _shorten(app, owner, now) == BATCH:
                pass
        if len(owners) < BATCH:
            return
        after = owners[-1]


def _shorten(app: Application, registration_id: int, now: datetime) -> int:
    with app.database.read() as session:
        numbers = session.scalars(old_entries(registration_id, now)).all()
    if numbers:
        with app.database.transaction() as session:
            session.execute(delete(TimelineEntry).where(TimelineEntry.id.in_(numbers)))
    return len(numbers)


def _key(table: type[Base]) -> list[ColumnElement[Any]]:
    return list(inspect(table).primary_key)
