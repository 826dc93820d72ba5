"""One incident instead of eighty alarms: several logins of one environment began to fail alike within minutes.

Of an outage the verdict is "Exact, not the customer" (or our app's settings, when Exact does not know our app): checks
are held but for a few canaries, later each time, and when these answer again it closes by itself. Of refusals there is
no verdict yet: when others are accepted, or hours have passed, it closes, and each refusal is that customer's own.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from sqlalchemy import select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core import clock
from core.alarms.outbox import AlarmKind, announce
from core.application import Application
from core.exact.kinds import FAMILIES, FailureKind
from core.registrations.incident_rows import (
    affected,
    answered,
    canaries,
    last_befallen,
    many,
    strays,
    swept,
    unnoticed,
)
from core.registrations.incident_rules import LADDER, End, end_of, next_round
from core.registrations.incident_views import IncidentView, checks_are_held, open_incidents
from core.registrations.settle import settle
from core.settings import Settings
from core.storage.incidents import open_incident
from core.storage.models import Incident, Registration
from core.storage.sets import on_sqlite

__all__ = [
    "LADDER",
    "IncidentView",
    "canaries_are_due",
    "checks_are_held",
    "due_canaries",
    "note_failure",
    "note_success",
    "open_incident",
    "open_incidents",
    "sweep",
]

BATCH = 200
"""Registrations settled in one transaction when an incident opens or closes; ``sweep`` does the rest."""


def note_failure(
    session: Session, settings: Settings, registration: Registration, kind: FailureKind, now: datetime
) -> Incident | None:
    """After a failure was recorded and settled: the incident it belongs to, opened when it is one too many."""
    family = FAMILIES.get(kind)
    if family is None:
        return None
    incident = open_incident(session, registration.environment, family)
    if incident is not None:
        incident.last_failure_at = now
        return incident
    return _open_if_many(session, settings, registration.environment, family, now)


def note_success(session: Session, settings: Settings, registration: Registration, now: datetime) -> None:
    """After a success was recorded and settled: closes the incidents for which enough logins answer again."""
    here = (Incident.environment == registration.environment, Incident.closed_at.is_(None))
    for incident in session.scalars(select(Incident).where(*here).order_by(Incident.id)).all():
        _close_if_over(session, settings, incident, now)


def canaries_are_due(session: Session, now: datetime) -> bool:
    """Whether an open incident's next round has come."""
    due = (Incident.closed_at.is_(None), Incident.next_check_at <= now)
    return session.scalar(select(Incident.id).where(*due).limit(1)) is not None


def due_canaries(session: Session, now: datetime) -> list[int]:
    """The registrations to check now for the open incidents, from different logins.

    Claims the round and sets the moment of the next one: call it in a transaction that commits. Of several keepers
    one gets the round.
    """
    due = select(Incident).where(Incident.closed_at.is_(None), Incident.next_check_at <= now)
    found: list[int] = []
    for incident in session.scalars(due.order_by(Incident.id)).all():
        if _claim(session, incident, now):
            found += canaries(session, incident)
    return list(dict.fromkeys(found))


def sweep(app: Application) -> int:
    """Do what was left: incidents that nobody noticed, and registrations that have not followed theirs.

    On PostgreSQL, failures recorded at the same moment do not see each other. Returns how many had to follow.
    """
    now, count = clock.now(), 0
    with app.database.read() as session:
        if not _left_over(session, app.settings, now):
            return 0
    with app.database.transaction() as session:
        for environment, family in unnoticed(session, app.settings, now):
            _open_if_many(session, app.settings, environment, family, now)
        for incident in session.scalars(swept(now)).all():
            count += _settle(session, app.settings, incident, now)
            if incident.closed_at is None:
                _close_if_over(session, app.settings, incident, now)
    return count


# --- Opening ---


def _open_if_many(
    session: Session, settings: Settings, environment: str, family: str, now: datetime
) -> Incident | None:
    failing = many(session, settings, environment, family, now)
    if not failing:
        return None
    kind = Counter(kind for _grant, kind in failing).most_common(1)[0][0]
    opened = _insert(session, environment, family, kind, now)
    incident = open_incident(session, environment, family)
    if opened is None or incident is None:
        return incident
    announce(
        session,
        AlarmKind.INCIDENT_OPENED,
        now,
        incident_id=incident.id,
        environment=environment,
        failure=kind,
        registrations=len(failing),
    )
    _settle(session, settings, incident, now)
    return incident


def _insert(session: Session, environment: str, family: str, kind: str, now: datetime) -> int | None:
    """The new incident's number. None when another transaction was first: a unique index decides between two."""
    insert = sqlite.insert if on_sqlite(session) else postgresql.insert
    statement = insert(Incident).values(
        environment=environment,
        family=family,
        kind=kind,
        opened_at=now,
        last_failure_at=now,
        tries=0,
        next_check_at=next_round(0, now),
    )
    return session.scalar(
        statement.on_conflict_do_nothing(
            index_elements=[Incident.environment, Incident.family], index_where=text("closed_at IS NULL")
        ).returning(Incident.id)
    )


# --- While it lasts, and its end ---


def _claim(session: Session, incident: Incident, now: datetime) -> bool:
    tries = incident.tries + 1
    claimed = session.scalar(
        update(Incident)
        .where(Incident.id == incident.id, Incident.closed_at.is_(None), Incident.next_check_at <= now)
        .values(tries=tries, next_check_at=next_round(tries, now))
        .returning(Incident.id)
    )
    return claimed is not None


def _close_if_over(session: Session, settings: Settings, incident: Incident, now: datetime) -> None:
    concerned = (affected(incident), strays(settings, incident))
    end = end_of(
        incident.family,
        incident.tries,
        now - incident.opened_at,
        affected=any(session.scalar(rows.limit(1)) is not None for rows in concerned),
        answered=answered(session, incident),
        heard=last_befallen(session, incident),
    )
    if end is not None:
        _close(session, settings, incident, end, now)


def _close(session: Session, settings: Settings, incident: Incident, end: End, now: datetime) -> None:
    closed = session.scalar(
        update(Incident)
        .where(Incident.id == incident.id, Incident.closed_at.is_(None))
        .values(closed_at=now)
        .returning(Incident.id)
    )
    if closed is None:
        return
    session.refresh(incident)
    announce(
        session,
        AlarmKind.APP_REFUSED if end is End.REFUSED else AlarmKind.INCIDENT_CLOSED,
        now,
        incident_id=incident.id,
        environment=incident.environment,
        failure=incident.kind,
        end=end.value,
        minutes=round((now - incident.opened_at).total_seconds() / 60),
    )
    _settle(session, settings, incident, now)


# --- Who follows ---


def _left_over(session: Session, settings: Settings, now: datetime) -> bool:
    if unnoticed(session, settings, now):
        return True
    return any(
        incident.closed_at is None or session.scalar(strays(settings, incident).limit(1)) is not None
        for incident in session.scalars(swept(now))
    )


def _settle(session: Session, settings: Settings, incident: Incident, now: datetime) -> int:
    """Settle who has not followed. One that another transaction holds is left to the next sweep: no waiting."""
    rows = session.scalars(
        select(Registration)
        .where(Registration.id.in_(strays(settings, incident)))
        .order_by(Registration.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    ).all()
    for row in rows:
        settle(session, settings, row, now)
    return len(rows)
