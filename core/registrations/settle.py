"""Keep what is derived in step with the facts, in the transaction that changes them."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Update, select, true, update
from sqlalchemy.orm import Session

from core import clock
from core.application import Application
from core.exact.errors import FailureKind
from core.registrations.facts import gather
from core.registrations.issues import keep_issues, problems
from core.registrations.locking import lock_all_on
from core.registrations.names import name_key
from core.registrations.schedule import reschedule
from core.registrations.status import LAPSES_SOON_DAYS, Derived, derive
from core.registrations.telling import Settled, tell
from core.settings import Settings
from core.storage import counters
from core.storage.models import Administration, Grant, Operator, Registration
from core.tokens.facts import followed, lapses_at

AT_ONCE = 20
"""Registrations of one login that are settled in the transaction that changes it."""


def settle(session: Session, settings: Settings, registration: Registration, now: datetime) -> Derived:
    """Derive status and issues again, rewrite what is copied from the facts, and tell. Flushes, never commits.

    The caller has locked the registration (``locking``) and reads nothing from before: what is counted and told is what
    has changed.
    """
    session.flush()
    grant = session.get(Grant, registration.grant_id) if registration.grant_id else None
    if grant is not None and not _only_later(settings, grant):
        grant.followed = ""  # this one follows now; the others do with the next ``settle_grant``
    facts = gather(session, settings, registration, grant)
    derived = derive(facts, now)
    _count(session, registration, derived, facts.linked)
    was = (registration.status, registration.status_reason or "")
    registration.status = derived.status
    registration.status_reason = derived.reason
    registration.status_until = derived.until
    registration.lapses_at = facts.lapses_at
    reschedule(registration, facts.linked, now, unidentified=facts.unidentified)
    registration.administrations_linked = facts.linked
    registration.owner_key = _owner_key(session, registration.owner_id)
    session.flush()
    copy_to_administrations(session, registration)
    issues = keep_issues(session, registration.id, problems(facts, now), now)
    tell(session, Settled(registration, was, derived, issues), now)
    return derived


def settle_grant(session: Session, settings: Settings, grant_id: str, now: datetime) -> None:
    """Let every registration that hangs on a grant follow it, where it has changed since they last did.

    When it lapses is copied to all in one statement. What else there is to say is settled here for the first few;
    an accountant's hundreds have their turn with whatever comes due by time (``settle_due``), seconds later.
    """
    session.flush()
    grant = session.get(Grant, grant_id)
    if grant is None or not has_news(settings, grant):
        return
    lock_all_on(session, grant_id)
    only_later = _only_later(settings, grant)
    grant.followed = followed(settings, grant)
    lapse = lapses_at(grant.rotated_at, settings) if grant.rotated_at else None
    hang_on = Registration.grant_id == grant_id
    behind = _lapse_is_told(lapse, now) if only_later else true()
    _write(session, update(Registration).where(hang_on, behind).values(status_until=now))
    _write(session, update(Registration).where(hang_on).values(lapses_at=lapse))
    first = select(Registration).where(hang_on, Registration.status_until == now).order_by(Registration.id)
    for registration in session.scalars(first.limit(AT_ONCE).execution_options(populate_existing=True)).all():
        settle(session, settings, registration, now)


def follow(app: Application, grant_id: str) -> None:
    """The same after a call to Exact that may have spent a token; a transaction of its own, where there is news."""
    with app.database.read() as session:
        grant = session.get(Grant, grant_id)
        if grant is None or not has_news(app.settings, grant):
            return
    with app.database.transaction() as session:
        settle_grant(session, app.settings, grant_id, clock.now())


def settle_all_on(session: Session, settings: Settings, grant_id: str, now: datetime) -> None:
    """A new consent has mended a login: what refused the others is over, and each of them is checked soon."""
    session.flush()
    lock_all_on(session, grant_id)
    refused = (Registration.grant_id == grant_id, Registration.last_failure_kind == FailureKind.REFUSED.value)
    nothing = {"last_failure_at": None, "last_failure_kind": None, "last_failure_message": None}
    _write(session, update(Registration).where(*refused).values(next_check_at=None, **nothing))
    grant = session.get(Grant, grant_id)
    if grant is not None:
        grant.followed = ""
    settle_grant(session, settings, grant_id, now)


def has_news(settings: Settings, grant: Grant) -> bool:
    """Whether the registrations that hang on a grant have not followed it yet."""
    return grant.followed != followed(settings, grant)


def _only_later(settings: Settings, grant: Grant) -> bool:
    """Whether nothing but the day on which it lapses is new: not how Exact refuses it, or no longer does."""
    return grant.followed.partition(" ")[2] == followed(settings, grant).partition(" ")[2]


def _lapse_is_told(lapse: datetime | None, now: datetime) -> ColumnElement[bool]:
    """Those who were warned of a lapse that has moved, or to whom it comes sooner than they know."""
    if lapse is None:
        return true()
    warned = now + timedelta(days=LAPSES_SOON_DAYS[0])
    known = Registration.lapses_at
    return known.is_(None) | (known <= warned) | (known > lapse)


def _write(session: Session, statement: Update) -> None:
    session.execute(statement.execution_options(synchronize_session="fetch"))


def settle_due(app: Application, limit: int = 500) -> int:
    """Derive again what stopped holding by the mere passing of time; returns how many rows that were."""
    now = clock.now()
    due = select(Registration).where(Registration.status_until <= now).order_by(Registration.id).limit(limit)
    with app.database.read() as session:
        if session.scalar(select(Registration.id).where(Registration.status_until <= now).limit(1)) is None:
            return 0
    with app.database.transaction() as session:
        # One that somebody else holds is settled there, or by the next round.
        rows = session.scalars(due.with_for_update(skip_locked=True)).all()
        for registration in rows:
            settle(session, app.settings, registration, now)
        return len(rows)


def forget(session: Session, registration: Registration) -> None:
    """Take a registration that is about to be deleted out of the counters."""
    counters.add(session, f"status:{registration.status}", -1)
    counters.add(session, "administrations", -registration.administrations_linked)


def copy_to_administrations(session: Session, registration: Registration) -> None:
    """Repeat on the administrations what their list filters by."""
    copies = {
        "status": registration.status,
        "owner_id": registration.owner_id,
        "active": registration.active,
        "owner_key": registration.owner_key,
        "registration_key": registration.name_key,
    }
    session.execute(
        update(Administration)
        .where(
            Administration.registration_id == registration.id,
            (Administration.status != registration.status)
            | (Administration.active != registration.active)
            | (Administration.owner_key != registration.owner_key)
            | (Administration.registration_key != registration.name_key)
            | Administration.owner_id.is_distinct_from(registration.owner_id),
        )
        .values(**copies)
        .execution_options(synchronize_session="fetch")
    )


def _owner_key(session: Session, owner_id: int | None) -> str:
    """What the list sorts by. Whoever changes the name marks what copies it (``core.accounts.operators.rename``)."""
    owner = session.get(Operator, owner_id) if owner_id is not None else None
    return name_key(owner.name) if owner else ""


def _count(session: Session, registration: Registration, derived: Derived, linked: int) -> None:
    """Keep the overview's figures: a counter a status, and one for linked administrations."""
    if registration.status != derived.status:
        if registration.status:
            counters.add(session, f"status:{registration.status}", -1)
        counters.add(session, f"status:{derived.status}", 1)
    if registration.administrations_linked != linked:
        counters.add(session, "administrations", linked - registration.administrations_linked)
