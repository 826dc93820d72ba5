"""What is due, and who may do it: one conditional UPDATE a row, the same on both databases.

Whoever sees its row changed by the UPDATE has the claim; nobody waits, no row stays locked while Exact is asked.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, or_, select, update

from core.exact.kinds import FAMILIES, Family
from core.settings import Settings
from core.storage.database import Database
from core.storage.models import Grant, Registration
from core.tokens.facts import in_quiet_hour

_REFUSED = [kind.value for kind, family in FAMILIES.items() if family is Family.REFUSAL]
URGENT = timedelta(hours=6)
"""A consent with less life than this is used even in the quiet hour."""


def due_checks(now: datetime, limit: int, held: Collection[str] = ()) -> Select[int]:
    """The registrations to check now, longest due first; those of the environments ``held`` wait.

    Whoever is refused does not wait for the end of somebody else's outage: only by asking does it become certain. Whose
    a new consent is can be asked meanwhile too: it may be what ends the trouble.
    """
    query = select(Registration.id).where(_check_is_due(now), _nobody_checks(now))
    if held:
        refused = Registration.last_failure_kind.in_(_REFUSED)
        nameless = select(Grant.id).where(Grant.exact_user_id.is_(None))
        waits = Registration.candidate_grant_id.in_(nameless)
        query = query.where(or_(Registration.environment.not_in(held), refused, waits))
    return query.order_by(Registration.next_check_at).limit(limit)


def claim_check(
    database: Database, settings: Settings, registration_id: int, now: datetime, *, canary: bool = False
) -> bool:
    """Take one registration. It is free again when the check ends, or when its process has died, after the lease.

    A canary is taken before its time: it finds out for all whether an outage is over.
    """
    seconds = 60 * settings.check_minutes + settings.token_timeout_seconds + 2 * settings.api_timeout_seconds
    statement = (
        update(Registration)
        .where(Registration.id == registration_id, _nobody_checks(now))
        .values(check_until=now + timedelta(seconds=seconds))
        .returning(Registration.id)
    )
    if not canary:
        statement = statement.where(_check_is_due(now))
    with database.transaction() as session:
        return session.scalar(statement.execution_options(synchronize_session=False)) is not None


def due_keep_alives(settings: Settings, now: datetime, limit: int) -> Select[str]:
    """The grants whose refresh token has rested long enough. In the quiet hour only those that would lapse."""
    query = select(Grant.id).where(_keep_alive_is_due(now)).order_by(Grant.keep_alive_at).limit(limit)
    if in_quiet_hour(settings, now):
        query = query.where(Grant.rotated_at <= now + URGENT - settings.consent_life)
    return query


def claim_keep_alive(database: Database, settings: Settings, grant_id: str, now: datetime) -> bool:
    """Take one grant: it comes due again after the lease unless it was spent, which sets a later moment."""
    lease = timedelta(seconds=2 * settings.token_timeout_seconds)
    statement = (
        update(Grant)
        .where(Grant.id == grant_id, _keep_alive_is_due(now))
        .values(keep_alive_at=now + lease)
        .returning(Grant.id)
    )
    with database.transaction() as session:
        return session.scalar(statement.execution_options(synchronize_session=False)) is not None


def _check_is_due(now: datetime) -> ColumnElement[bool]:
    return Registration.next_check_at <= now


def _nobody_checks(now: datetime) -> ColumnElement[bool]:
    return or_(Registration.check_until.is_(None), Registration.check_until <= now)


def _keep_alive_is_due(now: datetime) -> ColumnElement[bool]:
    return (
        (Grant.keep_alive_at <= now)
        & Grant.fingerprint.is_not(None)
        & or_(Grant.next_try_at.is_(None), Grant.next_try_at <= now)
    )
