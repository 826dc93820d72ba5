"""What an alarm tells of, as it is now, and whether it still holds: read when it is sent, not when it was raised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from core.alarms.outbox import AlarmKind
from core.registrations.status import Status, lapse_step, needs_consent
from core.storage.models import Alarm, Delivery, Incident, Operator, Registration
from core.storage.sets import among_these

TROUBLES = (AlarmKind.RECONNECT_NEEDED, AlarmKind.LAPSES_SOON)
"""What a RECOVERED takes back."""


@dataclass(frozen=True)
class AlarmFacts:
    """One alarm, with everything its sentence names. Texts are as stored: not yet neutral."""

    id: int
    kind: AlarmKind
    at: datetime
    environment: str = ""
    registration_id: int | None = None
    incident_id: int | None = None
    name: str = ""
    """The customer's."""
    owner_name: str = ""
    status: str = ""
    status_reason: str = ""
    failure_message: str = ""
    """Exact's own words at the registration's last failure."""
    lapses_at: datetime | None = None
    failure: str = ""
    """What most had in common, of an incident: a ``FailureKind``."""
    end: str = ""
    """Why it is over, of an incident (``core.registrations.incident_rules.End``)."""
    what: str = ""
    """What Exact does not know any more."""
    incident_closed: bool = False
    told_before: bool = False
    """Somebody was told of the trouble whose end this is."""

    @property
    def subject(self) -> tuple[AlarmKind, int | None, int | None]:
        """What it is about: of several about the same, the newest is told."""
        about = self.incident_id or (None if self.registration_id else self.id)
        return self.kind, self.registration_id, about


def still_holds(facts: AlarmFacts, now: datetime) -> bool:
    """Whether what the alarm says is so at this moment, and news to whoever hears it."""
    broken = needs_consent(facts.status, facts.status_reason)
    match facts.kind:
        case AlarmKind.RECONNECT_NEEDED:
            return broken
        case AlarmKind.LAPSES_SOON:
            return not broken and lapse_step(facts.lapses_at, now) is not None
        case AlarmKind.RECOVERED:
            return _works(facts) and facts.told_before
        case AlarmKind.INCIDENT_OPENED:
            return not facts.incident_closed
        case AlarmKind.INCIDENT_CLOSED:
            return facts.told_before
        case _:
            return True


def _works(facts: AlarmFacts) -> bool:
    """Whether the connection really works again: a paused one, as soon as its consent lives."""
    paused = facts.status == Status.PAUSED and facts.status_reason == "paused"
    return paused or facts.status in {Status.CONNECTED, Status.PARTLY_CONNECTED}


def read_facts(session: Session, alarm_ids: Sequence[int]) -> list[AlarmFacts]:
    """The alarms with these ids, oldest first."""
    rows = session.execute(
        select(Alarm, Registration, Operator.name, Incident.closed_at)
        .outerjoin(Registration, Registration.id == Alarm.registration_id)
        .outerjoin(Operator, Operator.id == Registration.owner_id)
        .outerjoin(Incident, Incident.id == Alarm.incident_id)
        .where(among_these(session, Alarm.id, alarm_ids))
        .order_by(Alarm.id)
    )
    return [_facts(session, row) for row in rows]


def _facts(session: Session, row: Row[Alarm, Registration, str, datetime | None]) -> AlarmFacts:
    alarm, registration, owner, closed_at = row
    return AlarmFacts(
        id=alarm.id,
        kind=AlarmKind(alarm.kind),
        at=alarm.created_at,
        environment=alarm.environment,
        registration_id=alarm.registration_id,
        incident_id=alarm.incident_id,
        name=registration.name if registration else "",
        owner_name=owner or "",
        status=registration.status if registration else "",
        status_reason=registration.status_reason if registration else "",
        failure_message=(registration.last_failure_message or "") if registration else "",
        lapses_at=registration.lapses_at if registration else None,
        failure=str(alarm.details.get("failure", "")),
        end=str(alarm.details.get("end", "")),
        what=str(alarm.details.get("what", "")),
        incident_closed=closed_at is not None,
        told_before=_told_before(session, alarm),
    )


def _told_before(session: Session, alarm: Alarm) -> bool:
    if alarm.kind == AlarmKind.INCIDENT_CLOSED:
        return _told(session, alarm, Alarm.incident_id, [AlarmKind.INCIDENT_OPENED])
    if alarm.kind == AlarmKind.RECOVERED:
        return _told(session, alarm, Alarm.registration_id, TROUBLES)
    return False


def _told(
    session: Session, end: Alarm, about: InstrumentedAttribute[int | None], kinds: Sequence[AlarmKind]
) -> bool:
    """Whether an alarm of these kinds went out to anybody since the trouble before this one ended."""
    same = about == getattr(end, about.key)
    earlier = select(func.max(Alarm.id)).where(same, Alarm.kind == end.kind, Alarm.id < end.id)
    began_after = session.scalar(earlier) or 0
    told = (
        select(Delivery.id)
        .join(Alarm, Alarm.id == Delivery.alarm_id)
        .where(same, Alarm.kind.in_(kinds), Alarm.id > began_after, Alarm.id < end.id)
        .where(Delivery.sent_at.is_not(None))
    )
    return session.scalar(told.limit(1)) is not None
