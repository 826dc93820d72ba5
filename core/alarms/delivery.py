"""Delivering alarms at least once: claim, send, mark, each by itself, and nothing sent inside a transaction.

A claim is one conditional UPDATE with a lease, so any number of processes may deliver. Whoever dies between
sending and marking leaves a lease that runs out, and the message is sent once more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, exists, func, or_, select, update
from sqlalchemy.orm import Session

from core import clock
from core.alarms import sending
from core.alarms.addresses import Audience, Recipient, owner_address, support_address
from core.alarms.facts import AlarmFacts, read_facts, still_holds
from core.alarms.messages import compose
from core.alarms.planning import plan
from core.application import Application
from core.i18n import DEFAULT_LANGUAGE
from core.settings import Settings
from core.storage.models import Alarm, Delivery, Incident, Issue, Operator
from core.storage.sets import among_these

MESSAGES = 20
"""At most so many in one go: each may take its whole deadline."""
BATCH = 500
"""Alarms in one message at most."""
LEASE = timedelta(seconds=sending.DEADLINE_SECONDS * 4)
BACK_OFF = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=4),
)
"""After the first failure, the second ...; then daily."""
DAILY = timedelta(days=1)
HELD_AT_MOST = timedelta(hours=4)


class Outcome(StrEnum):
    """How a delivery ended; it has none while it waits."""

    SENT = "sent"
    OVERTAKEN = "overtaken"
    """By the time it could be told it was no longer so."""
    NOBODY = "nobody"
    """The operator or the address is no longer there."""
    GIVEN_UP = "given_up"
    """Failed so often that a person must try again."""


@dataclass(frozen=True)
class _Claim:
    """Deliveries of one recipient, ours until ``until``."""

    to: Recipient
    until: datetime
    tries: dict[int, int]
    """Delivery to the tries made of it, this one counted."""
    alarms: dict[int, int]
    """Alarm to its delivery."""


@dataclass(frozen=True)
class _Address:
    secret: str
    language: str

    def __repr__(self) -> str:
        return "_Address(...)"


def deliver_due(app: Application) -> int:
    """Tell what is to be told now; returns how many messages went out. Call it every few seconds."""
    plan(app)
    sent = sum(deliver(app, recipient) == "" for recipient in _due_recipients(app))
    _settle(app)
    return sent


def deliver(app: Application, to: Recipient, *, at_once: bool = False) -> str | None:
    """Send one recipient all that is due, in one message.

    Returns "" when it went out, a code of ``core.alarms.sending`` when it did not, None when there was nothing
    to send. ``at_once`` does not wait for the end of a flood.
    """
    now = clock.now()
    with app.database.transaction() as session:
        if not at_once and _wait_for_the_end_of_the_flood(session, app.settings, to, now):
            return None
        claim = _claim(session, to, now)
        told = _without_overtaken(session, claim)
        address = _address(session, app.settings, to)
        if not address.secret:
            _end(session, list(claim.alarms.values()), Outcome.NOBODY)
    if not told or not address.secret:
        return None
    message = compose(_newest(told), address.language, app.settings.public_address)
    error = sending.send(address.secret, message.title, message.body)
    with app.database.transaction() as session:
        mine = [claim.alarms[facts.id] for facts in told]
        if error:
            _mark_failed(session, app.settings, claim, mine, error)
        else:
            _mark_sent(session, to, mine)
    return error


def is_held(now: datetime) -> ColumnElement[bool]:
    """Whether an alarm waits for the end of an incident: it is of a customer whom the incident befell, and not old."""
    befallen = exists().where(
        Issue.registration_id == Alarm.registration_id,
        Issue.resolved_at.is_(None),
        Issue.incident_id == Incident.id,
        Incident.closed_at.is_(None),
    )
    return (Alarm.created_at > now - HELD_AT_MOST) & befallen


def _due(now: datetime) -> tuple[ColumnElement[bool], ...]:
    free = or_(Delivery.lease_until.is_(None), Delivery.lease_until <= now)
    return Delivery.outcome == "", Delivery.next_try_at <= now, free


def _due_recipients(app: Application) -> list[Recipient]:
    now = clock.now()
    with app.database.read() as session:
        rows = session.execute(
            select(Delivery.audience, Delivery.recipient)
            .join(Alarm, Alarm.id == Delivery.alarm_id)
            .where(*_due(now), ~is_held(now))
            .group_by(Delivery.audience, Delivery.recipient)
            .order_by(func.min(Delivery.next_try_at))
            .limit(MESSAGES)
        )
        return [Recipient(Audience(audience), number) for audience, number in rows]


def of(to: Recipient) -> tuple[ColumnElement[bool], ...]:
    """The deliveries of one recipient."""
    return Delivery.audience == to.audience.value, Delivery.recipient == to.number


def _wait_for_the_end_of_the_flood(
    session: Session, settings: Settings, to: Recipient, now: datetime
) -> bool:
    """Put off what is due for somebody who was told much of late: it then goes in one message."""
    window = timedelta(minutes=settings.alarm_digest_minutes)
    count, last = session.execute(
        select(func.count(), func.max(Delivery.sent_at)).where(*of(to), Delivery.sent_at > now - window)
    ).one()
    if last is None or count < settings.alarm_digest_after:
        return False
    _change(session, *of(to), *_due(now), next_try_at=last + window)
    return True


def _claim(session: Session, to: Recipient, now: datetime) -> _Claim:
    due = (
        select(Delivery.id)
        .join(Alarm, Alarm.id == Delivery.alarm_id)
        .where(*of(to), *_due(now), ~is_held(now))
        .order_by(Delivery.id)
        .limit(BATCH)
    )
    # Another process may have claimed some of them since they were looked up: the conditions are asked again.
    rows = session.execute(
        update(Delivery)
        .where(Delivery.id.in_(due), *_due(now))
        .values(lease_until=now + LEASE, tries=Delivery.tries + 1)
        .returning(Delivery.id, Delivery.alarm_id, Delivery.tries)
        .execution_options(synchronize_session=False)
    ).all()
    return _Claim(
        to, now + LEASE, {row.id: row.tries for row in rows}, {row.alarm_id: row.id for row in rows}
    )


def _without_overtaken(session: Session, claim: _Claim) -> list[AlarmFacts]:
    """What still holds; of the rest nobody hears."""
    known = read_facts(session, list(claim.alarms))
    now = clock.now()
    held = [facts for facts in known if still_holds(facts, now)]
    _end(session, [claim.alarms[facts.id] for facts in known if facts not in held], Outcome.OVERTAKEN)
    return held


def _newest(told: Sequence[AlarmFacts]) -> list[AlarmFacts]:
    """Of several about the same, the last: it says what is so now."""
    return list({facts.subject: facts for facts in told}.values())


def _address(session: Session, settings: Settings, to: Recipient) -> _Address:
    if to.audience is Audience.SUPPORT:
        return _Address(support_address(settings, to.number), DEFAULT_LANGUAGE)
    operator = session.get(Operator, to.number)
    if operator is None or not operator.active:
        return _Address("", DEFAULT_LANGUAGE)
    return _Address(owner_address(settings, operator.email), operator.language or DEFAULT_LANGUAGE)


def _mark_sent(session: Session, to: Recipient, ids: Sequence[int]) -> None:
    now = clock.now()
    _end(session, ids, Outcome.SENT, sent_at=now, last_error="")
    # The address answers again: what failed before need not wait for its turn.
    waiting = (Delivery.outcome == "", Delivery.last_error != "", Delivery.lease_until.is_(None))
    _change(session, *of(to), *waiting, next_try_at=now)


def _mark_failed(session: Session, settings: Settings, claim: _Claim, ids: Sequence[int], error: str) -> None:
    now = clock.now()
    for tries in {claim.tries[number] for number in ids}:
        same = [number for number in ids if claim.tries[number] == tries]
        # Where the lease ran out and another took over, their word counts.
        ours = (among_these(session, Delivery.id, same), Delivery.lease_until == claim.until)
        facts = {"lease_until": None, "last_error": error}
        if tries >= settings.alarm_tries:
            _change(session, *ours, **facts, next_try_at=None, outcome=Outcome.GIVEN_UP.value)
        else:
            _change(session, *ours, **facts, next_try_at=now + _pause(tries))


def _pause(tries: int) -> timedelta:
    return BACK_OFF[tries - 1] if tries <= len(BACK_OFF) else DAILY


def _end(session: Session, ids: Sequence[int], outcome: Outcome, **facts: object) -> None:
    if ids:
        ended = {"outcome": outcome.value, "next_try_at": None, "lease_until": None}
        _change(session, among_these(session, Delivery.id, ids), **ended, **facts)


def _change(session: Session, *where: ColumnElement[bool], **facts: object) -> None:
    changed = update(Delivery).where(*where).values(**facts)
    session.execute(changed.execution_options(synchronize_session=False))


def _settle(app: Application) -> None:
    """Alarms of which every delivery has ended are done with."""
    open_still = exists().where(Delivery.alarm_id == Alarm.id, Delivery.outcome == "")
    done = (Alarm.settled_at.is_(None), Alarm.planned_at.is_not(None), ~open_still)
    with app.database.read() as session:
        if session.scalar(select(Alarm.id).where(*done).limit(1)) is None:
            return
    with app.database.transaction() as session:
        settled = update(Alarm).where(*done).values(settled_at=clock.now())
        session.execute(settled.execution_options(synchronize_session=False))
