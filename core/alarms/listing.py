"""The alarms as a screen shows them: what happened, who was told, and what is in the way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Row, Select, func, select
from sqlalchemy.orm import Session

from core import clock
from core.accounts.roles import Action, CurrentOperator, require
from core.alarms.addresses import Audience, Recipient, support_address, support_addresses
from core.alarms.delivery import Outcome, is_held
from core.alarms.facts import TROUBLES, read_facts, still_holds
from core.alarms.outbox import AlarmKind
from core.alarms.sending import error_sentence, service
from core.application import Application
from core.i18n import _
from core.registrations.query import COUNT_LIMIT, PAGE_SIZE, Page
from core.settings import Settings
from core.storage.models import Alarm, Delivery, Operator, Registration
from core.storage.sets import among_these

_OF_TROUBLE = (*TROUBLES, AlarmKind.INCIDENT_OPENED)


class State(StrEnum):
    """Where a delivery stands."""

    SENT = "sent"
    WAITING = "waiting"
    HELD = "held"
    """Until the incident is over."""
    FAILING = "failing"
    """It is tried again by itself."""
    GIVEN_UP = "given_up"
    OVERTAKEN = "overtaken"
    NOBODY = "nobody"


@dataclass(frozen=True)
class DeliveryView:
    """One alarm on its way to one recipient."""

    to: str
    state: State
    at: datetime | None
    """When it was sent, or is tried next."""
    tries: int
    error: str
    """Why the last try failed, as a sentence; "" when none did."""


@dataclass(frozen=True)
class AlarmView:
    """One alarm, and everybody who is told of it; nobody where no address is set."""

    id: int
    kind: AlarmKind
    at: datetime
    environment: str
    registration_id: int | None
    name: str
    over: bool
    """What it told of is no longer so: other pages say that all is well by now."""
    deliveries: tuple[DeliveryView, ...]


@dataclass(frozen=True)
class FailingView:
    """A recipient who could not be told at the last try."""

    to: Recipient
    label: str
    count: int
    """Alarms that wait."""
    tries: int
    next_try_at: datetime | None
    """None when it is left to a person."""
    error: str


def list_alarms(app: Application, by: CurrentOperator, number: int = 1) -> Page[AlarmView]:
    """A page of the alarms, the latest first. Raises ``NotAllowed``."""
    require(by, Action.ALARMS)
    with app.database.read() as session:
        known = select(Alarm.id).limit(COUNT_LIMIT + 1).subquery()
        found = session.scalar(select(func.count()).select_from(known)) or 0
        count = min(found, COUNT_LIMIT)
        pages = max(1, -(-count // PAGE_SIZE))
        number = min(max(number, 1), pages)
        alarms = session.execute(_latest().limit(PAGE_SIZE).offset((number - 1) * PAGE_SIZE)).all()
        told = _deliveries(session, app.settings, alarms)
        over = _over(session, [alarm.id for alarm in alarms if alarm.kind in _OF_TROUBLE])
    rows = tuple(_alarm_view(alarm, told[alarm.id], over=alarm.id in over) for alarm in alarms)
    return Page(rows, count, found > COUNT_LIMIT, number, pages)


def list_failing(app: Application, by: CurrentOperator) -> tuple[FailingView, ...]:
    """Everybody who could not be told at the last try. Raises ``NotAllowed``."""
    require(by, Action.ALARMS)
    failing = (
        select(
            Delivery.audience,
            Delivery.recipient,
            func.count().label("number"),
            func.max(Delivery.tries).label("tries"),
            func.min(Delivery.next_try_at).label("next_try_at"),
            func.max(Delivery.last_error).label("error"),
        )
        .where(Delivery.outcome.in_(["", Outcome.GIVEN_UP.value]), Delivery.last_error != "")
        .group_by(Delivery.audience, Delivery.recipient)
        .order_by(Delivery.audience.desc(), Delivery.recipient)
    )
    with app.database.read() as session:
        rows = session.execute(failing).all()
        recipients = {row: Recipient(Audience(row.audience), row.recipient) for row in rows}
        names = labels(session, app.settings, recipients.values())
    return tuple(
        FailingView(to, names[to], row.number, row.tries, row.next_try_at, error_sentence(row.error))
        for row, to in recipients.items()
    )


def labels(session: Session, settings: Settings, all_of: Iterable[Recipient]) -> Mapping[Recipient, str]:
    """What recipients are called on a screen: never by their address."""
    wanted = set(all_of)
    owners = [to.number for to in wanted if to.audience is Audience.OWNER]
    found = session.execute(
        select(Operator.id, Operator.name).where(among_these(session, Operator.id, owners))
    )
    names = {row.id: row.name for row in found}
    return {to: _label(settings, to, names) for to in wanted}


def _label(settings: Settings, to: Recipient, names: Mapping[int, str]) -> str:
    if to.audience is Audience.OWNER:
        return names.get(to.number, "")
    several = len(support_addresses(settings)) > 1 or to.number > 1
    name = _("Support {number}").format(number=to.number) if several else _("Support")
    kind = service(support_address(settings, to.number))
    return f"{name} ({kind})" if kind else name


def _latest() -> Select[int, str, datetime, str, int | None, str, bool]:
    return (
        select(
            Alarm.id,
            Alarm.kind,
            Alarm.created_at,
            Alarm.environment,
            Alarm.registration_id,
            Registration.name,
            is_held(clock.now()).label("held"),
        )
        .outerjoin(Registration, Registration.id == Alarm.registration_id)
        .order_by(Alarm.id.desc())
    )


def _over(session: Session, alarm_ids: Sequence[int]) -> set[int]:
    now = clock.now()
    return {facts.id for facts in read_facts(session, alarm_ids) if not still_holds(facts, now)}


def _deliveries(
    session: Session,
    settings: Settings,
    alarms: Sequence[Row[int, str, datetime, str, int | None, str, bool]],
) -> Mapping[int, list[DeliveryView]]:
    held = {alarm.id for alarm in alarms if alarm.held}
    of_these = among_these(session, Delivery.alarm_id, [alarm.id for alarm in alarms])
    rows = session.scalars(select(Delivery).where(of_these).order_by(Delivery.alarm_id, Delivery.id)).all()
    to = {row.id: Recipient(Audience(row.audience), row.recipient) for row in rows}
    names = labels(session, settings, to.values())
    views: dict[int, list[DeliveryView]] = defaultdict(list)
    for row in rows:
        views[row.alarm_id].append(_delivery_view(row, names[to[row.id]], held=row.alarm_id in held))
    return views


def _delivery_view(row: Delivery, label: str, *, held: bool) -> DeliveryView:
    error = error_sentence(row.last_error) if row.last_error else ""
    return DeliveryView(label, _state(row, held=held), row.sent_at or row.next_try_at, row.tries, error)


def _state(row: Delivery, *, held: bool) -> State:
    if row.outcome:
        return State(row.outcome)
    if held:
        return State.HELD
    return State.FAILING if row.last_error else State.WAITING


def _alarm_view(
    row: Row[int, str, datetime, str, int | None, str, bool], told: Sequence[DeliveryView], *, over: bool
) -> AlarmView:
    return AlarmView(
        id=row.id,
        kind=AlarmKind(row.kind),
        at=row.created_at,
        environment=row.environment,
        registration_id=row.registration_id,
        name=row.name or "",
        over=over,
        deliveries=tuple(told),
    )
