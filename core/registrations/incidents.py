"""One incident instead of eighty alarms: several logins of one environment began to fail within minutes.

The verdict is then "Exact, not the customer" (or our app's settings, when Exact does not know our app). Checks are
held but for a few canaries, later each time; when these answer again the incident closes by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core import clock
from core.alarms.outbox import AlarmKind, announce
from core.application import Application
from core.exact.errors import FailureKind
from core.registrations.facts import MASS_KINDS
from core.registrations.incident_rows import affected, beginnings, since, strays, swept, unnoticed
from core.registrations.settle import settle
from core.registrations.status import Status
from core.settings import Settings
from core.storage.incidents import checks_are_held, open_incident
from core.storage.models import Incident, Issue, Registration
from core.storage.sets import on_sqlite

__all__ = [
    "IncidentView",
    "checks_are_held",
    "due_canaries",
    "note_failure",
    "note_success",
    "open_incident",
    "open_incidents",
    "sweep",
]

LADDER = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 15))
"""Between two rounds of canaries; the last one again and again."""
CANARIES = 2
"""Different logins that must answer again before an incident closes."""
BATCH = 200
"""Registrations settled in one transaction when an incident opens or closes; ``sweep`` does the rest."""


@dataclass(frozen=True)
class IncidentView:
    """An open incident as a banner tells it."""

    environment: str
    ours: bool
    """Our app's settings are the cause, not Exact."""
    opened_at: datetime
    next_check_at: datetime
    registrations: int
    """Affected now."""


def open_incidents(session: Session, seen: Sequence[ColumnElement[bool]] = ()) -> tuple[IncidentView, ...]:
    """Every open incident, the oldest first; only those that affect registrations ``seen``, if given."""
    affects = (Issue.incident_id == Incident.id) & Issue.resolved_at.is_(None)
    query = select(Incident, func.count(Issue.id)).where(Incident.closed_at.is_(None))
    if seen:
        query = query.join(Issue, affects).join(Registration, Registration.id == Issue.registration_id)
    else:
        query = query.outerjoin(Issue, affects)
    rows = session.execute(query.where(*seen).group_by(Incident.id).order_by(Incident.id))
    return tuple(
        IncidentView(
            row.environment,
            row.kind == FailureKind.CLIENT,
            row.opened_at,
            row.next_check_at,
            count,
        )
        for row, count in rows
    )


def note_failure(
    session: Session, settings: Settings, registration: Registration, kind: FailureKind, now: datetime
) -> Incident | None:
    """After a failure was recorded and settled: the incident it belongs to, opened when it is one too many."""
    if kind not in MASS_KINDS:
        return None
    incident = open_incident(session, registration.environment)
    if incident is not None:
        incident.last_failure_at = now
        return incident
    return _open_if_many(session, settings, registration.environment, now)


def note_success(session: Session, settings: Settings, registration: Registration, now: datetime) -> None:
    """After a success was recorded and settled: closes the incident when enough logins answer again."""
    incident = open_incident(session, registration.environment)
    if incident is not None and _is_over(session, settings, incident):
        _close(session, settings, incident, now)


def due_canaries(session: Session, now: datetime) -> list[int]:
    """The registrations to check now for the open incidents, from different logins.

    Claims the round and sets the moment of the next one: call it in a transaction that commits. Of several keepers
    one gets the round.
    """
    due = select(Incident).where(Incident.closed_at.is_(None), Incident.next_check_at <= now)
    found: list[int] = []
    for incident in session.scalars(due.order_by(Incident.id)).all():
        if _claim(session, incident, now):
            found += _canaries(session, incident)
    return found


def sweep(app: Application) -> int:
    """Do what was left: incidents that nobody noticed, and registrations that have not followed theirs.

    On PostgreSQL, failures recorded at the same moment do not see each other. Returns how many had to follow.
    """
    now, count = clock.now(), 0
    with app.database.read() as session:
        if not _left_over(session, app.settings, now):
            return 0
    with app.database.transaction() as session:
        for environment in unnoticed(session, app.settings, now):
            _open_if_many(session, app.settings, environment, now)
        for incident in session.scalars(swept(now)).all():
            count += _settle(session, app.settings, incident, now)
            if incident.closed_at is None and _is_over(session, app.settings, incident):
                _close(session, app.settings, incident, now)
    return count


# --- Opening ---


def _open_if_many(session: Session, settings: Settings, environment: str, now: datetime) -> Incident | None:
    failing = beginnings(session, environment, since(session, settings, environment, now))
    if len({grant for grant, _kind in failing}) < settings.incident_grants:
        return None
    kind = Counter(kind for _grant, kind in failing).most_common(1)[0][0]
    opened = _insert(session, environment, kind, now)
    incident = open_incident(session, environment)
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


def _insert(session: Session, environment: str, kind: str, now: datetime) -> int | None:
    """The new incident's number. None when another transaction was first: a unique index decides between two."""
    insert = sqlite.insert if on_sqlite(session) else postgresql.insert
    statement = insert(Incident).values(
        environment=environment,
        kind=kind,
        opened_at=now,
        last_failure_at=now,
        tries=0,
        next_check_at=now + LADDER[0],
    )
    return session.scalar(
        statement.on_conflict_do_nothing(
            index_elements=[Incident.environment], index_where=text("closed_at IS NULL")
        ).returning(Incident.id)
    )


# --- While it lasts ---


def _claim(session: Session, incident: Incident, now: datetime) -> bool:
    tries = incident.tries + 1
    claimed = session.scalar(
        update(Incident)
        .where(Incident.id == incident.id, Incident.closed_at.is_(None), Incident.next_check_at <= now)
        .values(tries=tries, next_check_at=now + LADDER[min(tries, len(LADDER) - 1)])
        .returning(Incident.id)
    )
    return claimed is not None


def _canaries(session: Session, incident: Incident) -> list[int]:
    """Those longest unchecked first, so that others have their turn; a healthy one too when it takes long."""
    rows = session.execute(
        select(Registration.id, Registration.grant_id)
        .where(
            Registration.id.in_(affected(incident)), Registration.active, Registration.grant_id.is_not(None)
        )
        .order_by(Registration.last_checked_at.is_not(None), Registration.last_checked_at, Registration.id)
        .limit(50)
    ).all()
    by_grant: dict[str | None, int] = {}
    for number, grant in rows:
        by_grant.setdefault(grant, number)
    found = list(by_grant.values())[:CANARIES]
    if _patient(incident):
        return found
    healthy = (
        select(Registration.id)
        .where(
            Registration.status == Status.CONNECTED.value, Registration.environment == incident.environment
        )
        .order_by(Registration.name_key, Registration.id)
    )
    one = session.scalar(healthy.offset(incident.tries % 10).limit(1)) or session.scalar(healthy.limit(1))
    return found if one is None else [*found, one]


def _patient(incident: Incident) -> bool:
    """Whether only the affected may end it. Later anybody may: they could all have withdrawn their consent."""
    return incident.tries <= len(LADDER)


# --- Closing ---


def _is_over(session: Session, settings: Settings, incident: Incident) -> bool:
    """Nobody is affected any more, or enough logins have answered since the first round was due."""
    if all(
        session.scalar(rows.limit(1)) is None for rows in (affected(incident), strays(settings, incident))
    ):
        return True
    answered = select(Registration.grant_id).where(
        Registration.environment == incident.environment,
        Registration.last_success_at >= incident.opened_at + LADDER[0],
        Registration.last_failure_at.is_(None)
        | (Registration.last_failure_at <= Registration.last_success_at),
    )
    if _patient(incident):
        ever = select(Issue.registration_id).where(Issue.incident_id == incident.id)
        answered = answered.where(Registration.id.in_(ever))
    found = set(session.scalars(answered.distinct().limit(CANARIES)))
    return len(found) >= (CANARIES if _patient(incident) else 1)


def _close(session: Session, settings: Settings, incident: Incident, now: datetime) -> None:
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
        AlarmKind.INCIDENT_CLOSED,
        now,
        incident_id=incident.id,
        environment=incident.environment,
        failure=incident.kind,
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
