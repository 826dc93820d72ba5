"""What a person sets going: a test of an address, and another try where one failed."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Update, exists, select, update
from sqlalchemy.orm import Session

from core import clock
from core.accounts.roles import Action, CurrentOperator, require
from core.alarms.addresses import Audience, Recipient, owners_can_be_told, support_addresses
from core.alarms.delivery import Outcome, deliver, of
from core.alarms.listing import labels
from core.alarms.outbox import AlarmKind
from core.alarms.planning import add_delivery
from core.alarms.sending import error_sentence
from core.application import Application
from core.audit.events import Event
from core.audit.record import record
from core.errors import NotFound, SettingsError
from core.i18n import _
from core.storage.models import Alarm, Delivery, Operator


@dataclass(frozen=True)
class Tried:
    """What came of one recipient."""

    label: str
    sent: bool
    error: str = ""
    """Why not, as a sentence; "" where nothing was left to send, or another process is at it."""


def send_test(
    app: Application, by: CurrentOperator | None, audience: Audience, email: str = ""
) -> tuple[Tried, ...]:
    """Send a test to support's addresses or, as to an owner, to one operator: ``by``, else whose e-mail is given.

    It goes the way of every alarm, but is not tried again by itself. Raises ``NotAllowed``, ``SettingsError`` when
    no address is set, ``NotFound`` when there is no such operator.
    """
    if by is not None:
        require(by, Action.ALARMS)
    with app.database.transaction() as session:
        recipients = _tested(app, session, audience, by.email if by is not None else email)
        now = clock.now()
        alarm = Alarm(kind=AlarmKind.TEST.value, details={}, created_at=now, planned_at=now)
        session.add(alarm)
        session.flush()
        record(session, Event.ALARM_TESTED, by, on=f"alarm {alarm.id}", detail=audience.value)
        sent = {to: add_delivery(session, alarm.id, to, now) for to in recipients}
    return tuple(_try(app, to, number) for to, number in sent.items())


def try_again(app: Application, by: CurrentOperator, to: Recipient) -> Tried:
    """Tell a recipient now what could not be told before. Raises ``NotAllowed``, ``NotFound`` when that is nothing."""
    require(by, Action.ALARMS)
    failed = (*of(to), Delivery.outcome.in_(["", Outcome.GIVEN_UP.value]), Delivery.last_error != "")
    with app.database.transaction() as session:
        again = session.scalars(select(Delivery.id).where(*failed).order_by(Delivery.id)).all()
        if not again:
            raise NotFound(_("Everything has been told in the meantime."))
        reopened = exists().where(Delivery.alarm_id == Alarm.id, *failed)
        _run(session, update(Alarm).where(reopened).values(settled_at=None))
        record(session, Event.ALARM_RETRIED, by, detail=f"{to.audience.value} {to.number}")
        _run(session, update(Delivery).where(*failed).values(outcome="", next_try_at=clock.now()))
    return _try(app, to, again[-1])


def _tested(app: Application, session: Session, audience: Audience, email: str) -> list[Recipient]:
    if audience is Audience.SUPPORT:
        count = len(support_addresses(app.settings))
        if not count:
            raise SettingsError(_("No address is set for support: see CLICKKER_ALARM_SUPPORT in the README."))
        return [Recipient(audience, number + 1) for number in range(count)]
    if not owners_can_be_told(app.settings):
        raise SettingsError(_("No address is set for owners: see CLICKKER_ALARM_OWNER in the README."))
    known = select(Operator.id).where(Operator.email == email.strip().lower(), Operator.active)
    number = session.scalar(known)
    if number is None:
        raise NotFound(_("There is no operator with this e-mail address."))
    return [Recipient(audience, number)]


def _try(app: Application, to: Recipient, number: int) -> Tried:
    """Send, and read what came of this delivery: another process may have been first."""
    code = deliver(app, to, at_once=True)
    with app.database.transaction() as session:
        row = session.get_one(Delivery, number)
        label = labels(session, app.settings, [to])[to]
        if code and session.get_one(Alarm, row.alarm_id).kind == AlarmKind.TEST:
            row.outcome, row.next_try_at = Outcome.GIVEN_UP.value, None
        sent = code == "" or row.outcome == Outcome.SENT
        return Tried(label, sent, error_sentence(code) if code else "")


def _run(session: Session, changed: Update) -> None:
    session.execute(changed.execution_options(synchronize_session=False))
