"""Keep what is derived in step with the facts, in the transaction that changes them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core import clock
from core.application import Application
from core.registrations.facts import gather
from core.registrations.issues import keep_issues, problems
from core.registrations.names import name_key
from core.registrations.schedule import reschedule
from core.registrations.status import Derived, derive
from core.registrations.telling import Settled, tell
from core.settings import Settings
from core.storage import counters
from core.storage.models import Administration, Grant, Operator, Registration


def settle(session: Session, settings: Settings, registration: Registration, now: datetime) -> Derived:
    """Derive status and issues again, rewrite what is copied from the facts, and tell. Flushes, never commits."""
    session.flush()
    grant = session.get(Grant, registration.grant_id) if registration.grant_id else None
    facts = gather(session, settings, registration, grant)
    derived = derive(facts, now)
    _count(session, registration, derived, facts.linked)
    was = (registration.status, registration.status_reason or "")
    registration.status = derived.status
    registration.status_reason = derived.reason
    registration.status_until = derived.until
    registration.lapses_at = facts.lapses_at
    reschedule(registration, facts.linked, now)
    registration.administrations_linked = facts.linked
    registration.owner_key = _owner_key(session, registration.owner_id)
    session.flush()
    copy_to_administrations(session, registration)
    issues = keep_issues(session, registration.id, problems(facts, now), now)
    tell(session, Settled(registration, was, derived, issues), now)
    return derived


def settle_grant(session: Session, settings: Settings, grant_id: str, now: datetime) -> None:
    """Settle every registration that hangs on a grant."""
    for registration in session.scalars(select(Registration).where(Registration.grant_id == grant_id)):
        settle(session, settings, registration, now)


def settle_due(app: Application, limit: int = 500) -> int:
    """Derive again what stopped holding by the mere passing of time; returns how many rows that were."""
    now = clock.now()
    due = select(Registration).where(Registration.status_until <= now).limit(limit)
    with app.database.read() as session:
        if session.scalar(due.with_only_columns(Registration.id).limit(1)) is None:
            return 0
    with app.database.transaction() as session:
        rows = session.scalars(due).all()
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
    """What the list sorts by: operators keep their name for as long as they are here."""
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
