"""What a page says of the next check: when it comes, from when it can be made by hand, how many calls are left."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock
from core.application import Application
from core.registrations.budget import calls_left
from core.registrations.facts import linked_of
from core.registrations.views import CheckView
from core.settings import Settings
from core.storage.models import Administration, Grant, Registration
from core.tokens.facts import SPARE


def check_view(session: Session, app: Application, row: Registration) -> CheckView | None:
    """None where there is no consent to check."""
    grant = session.get(Grant, row.grant_id) if row.grant_id else None
    if grant is None:
        return None
    now = clock.now()
    home = grant.current_division or 0
    linked = session.scalars(select(Administration.code).where(*linked_of(row.id)))
    first = calls_left(session, app.settings, row.environment, [home], now)
    left = calls_left(session, app.settings, row.environment, {home, *linked}, now)
    moments = [at for at in (token_from(grant, app.settings, now), first.blocked_until) if at is not None]
    return CheckView(
        next_at=row.next_check_at,
        possible_from=max(moments, default=None),
        calls_this_minute=left.minute,
        calls_today=left.day,
    )


def token_from(grant: Grant, settings: Settings, now: datetime) -> datetime | None:
    """From when there is a live access token to ask with, by a refresh if need be; None when there is one now."""
    ends_at = grant.access_expires_at if grant.access_token is not None else None
    if ends_at is not None and now < ends_at - SPARE:
        return None
    waits = [grant.next_try_at]
    if grant.rotated_at is not None:
        waits.append(grant.rotated_at + timedelta(seconds=settings.token_min_age_seconds))
    return max((at for at in waits if at is not None and at > now), default=None)
