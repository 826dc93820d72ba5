"""Keep what is derived in step with the facts, in the transaction that changes them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from core import clock
from core.application import Application
from core.exact.errors import FailureKind
from core.registrations.names import name_key
from core.registrations.schedule import reschedule
from core.registrations.status import Derived, Facts, Status, derive
from core.registrations.timeline import CLICKKER
from core.settings import Settings
from core.storage import counters
from core.storage.models import Administration, Grant, Operator, Registration
from core.tokens.facts import grant_is_dead, lapses_at


def settle(session: Session, settings: Settings, registration: Registration, now: datetime) -> Derived:
    """Derive the status again and rewrite everything copied from the facts. Flushes, never commits."""
    session.flush()
    grant = session.get(Grant, registration.grant_id) if registration.grant_id else None
    facts = _facts(session, settings, registration, grant, now)
    derived = derive(facts, now)
    _count(session, registration, derived, facts.linked)
    changed = registration.status != derived.status
    registration.status = derived.status
    registration.status_reason = derived.reason
    registration.status_until = derived.until
    registration.lapses_at = facts.lapses_at
    reschedule(registration, facts.linked, now)
    registration.administrations_linked = facts.linked
    registration.owner_key = _owner_key(session, registration.owner_id)
    session.flush()
    copy_to_administrations(session, registration)
    if changed and derived.status != Status.DRAFT:
        # Imported here: the timeline's sentences name statuses.
        from core.registrations.timeline import write

        write(session, registration.id, CLICKKER, "status", status=derived.status, reason=derived.reason)
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


def _facts(
    session: Session, settings: Settings, registration: Registration, grant: Grant | None, now: datetime
) -> Facts:
    linked, failing = _count_administrations(session, registration.id)
    failure_at, failure_kind = _last_failure(registration, grant)
    return Facts(
        active=registration.active,
        submitted=registration.submitted_at is not None,
        disconnected=registration.disconnected_at is not None,
        consented=grant is not None,
        completed=registration.completed_at is not None,
        dead=grant is not None and grant_is_dead(grant),
        undecided=registration.candidate_grant_id is not None,
        lapses_at=lapses_at(grant.rotated_at, settings) if grant and grant.rotated_at else None,
        last_success_at=registration.last_success_at,
        last_failure_at=failure_at,
        last_failure_kind=failure_kind,
        linked=linked,
        failing=failing,
        fresh=settings.fresh,
    )


def _last_failure(registration: Registration, grant: Grant | None) -> tuple[datetime | None, str | None]:
    """The later of the registration's own last failure and a refusal of the grant it hangs on."""
    own = (registration.last_failure_at, registration.last_failure_kind)
    if grant is None or grant.last_failure_kind != FailureKind.REFUSED or grant.last_failure_at is None:
        return own
    if grant.last_success_at is not None and grant.last_success_at >= grant.last_failure_at:
        return own
    if own[0] is not None and own[0] > grant.last_failure_at:
        return own
    return grant.last_failure_at, grant.last_failure_kind


def _count_administrations(session: Session, registration_id: int) -> tuple[int, int]:
    failing = (
        ~Administration.permitted
        | (Administration.exact_status != 1)
        | (Administration.blocking_status != 0)
        | Administration.last_failure_kind.is_not(None)
    )
    row = session.execute(
        select(func.count(), func.count().filter(failing)).where(
            Administration.registration_id == registration_id, Administration.linked
        )
    ).one()
    return row[0], row[1]


def _count(session: Session, registration: Registration, derived: Derived, linked: int) -> None:
    """Keep the overview's figures: a counter a status, and one for linked administrations."""
    if registration.status != derived.status:
        if registration.status:
            counters.add(session, f"status:{registration.status}", -1)
        counters.add(session, f"status:{derived.status}", 1)
    if registration.administrations_linked != linked:
        counters.add(session, "administrations", linked - registration.administrations_linked)
