"""When the keeper looks at a registration next. Pure: moments are given, nothing is read."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import uniform

from core.exact.errors import ExactError
from core.settings import Settings
from core.storage.models import Registration
from core.tokens.facts import in_quiet_hour

SOON = timedelta(minutes=2)
"""After connecting, resuming or linking: the operator is still at it, and has just been answered."""
_JITTER = 0.1


def after_quiet_hour(settings: Settings, moment: datetime) -> datetime:
    """``moment``, or an hour later when it falls in the quiet hour."""
    return moment + timedelta(hours=1) if in_quiet_hour(settings, moment) else moment


def wants_checks(registration: Registration) -> bool:
    """A draft, a paused one and one without consent are not checked; a paused one is only kept alive."""
    return (
        registration.active
        and registration.submitted_at is not None
        and registration.disconnected_at is None
        and registration.grant_id is not None
    )


def look_soon(registration: Registration, now: datetime) -> None:
    """Something was begun that somebody must finish, should this process end: the keeper looks soon, or sooner."""
    soon = now + SOON
    registration.next_check_at = min(registration.next_check_at or soon, soon)


def reschedule(registration: Registration, linked: int, now: datetime, *, unidentified: bool = False) -> None:
    """Set the next check of a registration that was changed; ``linked`` is how many administrations it has now.

    One with a consent that Exact has not named an owner of (``unidentified``) is looked at whatever its state.
    """
    if not wants_checks(registration) and not unidentified:
        registration.next_check_at = None
    elif registration.next_check_at is None:
        registration.next_check_at = now + SOON
    elif linked > registration.administrations_linked:
        registration.next_check_at = min(registration.next_check_at, now + SOON)


def after_success(settings: Settings, now: datetime) -> datetime:
    """Less than a day later, each at a moment of its own."""
    hours = settings.check_hours * uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - no secret
    return after_quiet_hour(settings, now + timedelta(hours=hours))


def after_failure(
    settings: Settings, registration: Registration, error: ExactError | None, now: datetime
) -> datetime:
    """When Exact said, else twice as long as was waited before. To be asked before the failure is recorded."""
    if error is not None and error.retry_at is not None and error.retry_at > now:
        return error.retry_at
    first = timedelta(minutes=settings.check_retry_minutes)
    longest = timedelta(hours=settings.check_retry_hours)
    waited = timedelta(0)
    if failing(registration) and registration.last_checked_at is not None:
        waited = now - registration.last_checked_at
    return now + min(max(2 * waited, first), longest)


def until_identified(
    settings: Settings, kept_at: datetime, error: ExactError | None, now: datetime
) -> datetime:
    """When to ask again whose a consent is that was kept at ``kept_at``: when Exact said, else the waits double."""
    if error is not None and error.retry_at is not None and error.retry_at > now:
        return error.retry_at
    first, longest = (
        timedelta(minutes=settings.check_retry_minutes),
        timedelta(hours=settings.check_retry_hours),
    )
    return now + min(max(now - kept_at, first), longest)


def failing(registration: Registration) -> bool:
    """Whether the last check failed."""
    if registration.last_failure_at is None or registration.last_failure_kind is None:
        return False
    return registration.last_success_at is None or registration.last_failure_at > registration.last_success_at
