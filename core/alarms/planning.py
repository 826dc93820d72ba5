"""Who is told of an alarm: decided once, soon after it was raised, and written as deliveries."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from core import clock
from core.alarms.addresses import Audience, Recipient, audiences, owners_can_be_told, support_addresses
from core.alarms.outbox import AlarmKind
from core.application import Application
from core.settings import Settings
from core.storage.models import Alarm, Delivery, Operator, Registration
from core.storage.sets import among_these

BATCH = 500
_UNPLANNED = (Alarm.settled_at.is_(None), Alarm.planned_at.is_(None))


def plan(app: Application) -> None:
    """Write the deliveries of all new alarms; where no address is set, an alarm is settled at once."""
    while True:
        with app.database.read() as session:
            fresh = list(session.scalars(select(Alarm.id).where(*_UNPLANNED).order_by(Alarm.id).limit(BATCH)))
        if not fresh:
            return
        with app.database.transaction() as session:
            _plan(session, app.settings, fresh, clock.now())


def add_delivery(session: Session, alarm_id: int, recipient: Recipient, due: datetime) -> int:
    """Write one delivery, to be tried from ``due`` on, and return its id."""
    row = Delivery(
        alarm_id=alarm_id, audience=recipient.audience.value, recipient=recipient.number, next_try_at=due
    )
    session.add(row)
    session.flush()
    return row.id


def _plan(session: Session, settings: Settings, alarm_ids: list[int], now: datetime) -> None:
    # Whoever sets planned_at writes the deliveries: of two processes that saw the same alarms, one gets each.
    taken = session.execute(
        update(Alarm)
        .where(among_these(session, Alarm.id, alarm_ids), *_UNPLANNED)
        .values(planned_at=now)
        .returning(Alarm.id, Alarm.kind, Alarm.registration_id)
        .execution_options(synchronize_session=False)
    ).all()
    wanted = [
        {"alarm_id": alarm_id, "audience": to.audience.value, "recipient": to.number, "next_try_at": now}
        for alarm_id, kind, registration_id in taken
        for to in _recipients(session, settings, AlarmKind(kind), registration_id)
    ]
    if wanted:
        session.execute(insert(Delivery), wanted)
    told = {row["alarm_id"] for row in wanted}
    nobody = [alarm_id for alarm_id, _kind, _registration in taken if alarm_id not in told]
    if nobody:
        settled = update(Alarm).where(among_these(session, Alarm.id, nobody)).values(settled_at=now)
        session.execute(settled.execution_options(synchronize_session=False))


def _recipients(
    session: Session, settings: Settings, kind: AlarmKind, registration_id: int | None
) -> list[Recipient]:
    wanted = audiences(settings, kind)
    owner = _owner(session, settings, registration_id) if Audience.OWNER in wanted else []
    # What its owner cannot be told, support is told: better somebody than nobody.
    if Audience.SUPPORT in wanted or (Audience.OWNER in wanted and not owner):
        owner += [Recipient(Audience.SUPPORT, n + 1) for n in range(len(support_addresses(settings)))]
    return owner


def _owner(session: Session, settings: Settings, registration_id: int | None) -> list[Recipient]:
    if registration_id is None or not owners_can_be_told(settings):
        return []
    owner = select(Operator.id).join(Registration, Registration.owner_id == Operator.id)
    found = session.scalar(owner.where(Registration.id == registration_id, Operator.active))
    return [Recipient(Audience.OWNER, found)] if found else []
