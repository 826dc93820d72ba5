"""What Exact's answers say of our budgets overrules what we counted ourselves (exact-online.md, section 6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core.exact.limits import Limits, Window
from core.settings import Settings
from core.storage.models import CallBudget
from core.storage.sets import on_sqlite

TOO_MANY = 429
COUNTED_ERRORS = frozenset({400, 401, 403, 404})
HOUR = timedelta(hours=1)
UNSAID = timedelta(minutes=10)
"""How long to wait after a 429 that does not say until when."""


def fresh(settings: Settings, calls: int, now: datetime) -> dict[str, datetime | int]:
    """A budget of which ``calls`` are used. Exact's windows end at the whole minute and at midnight UTC."""
    return {
        "minute_ends_at": now.replace(second=0, microsecond=0) + timedelta(minutes=1),
        "minute_left": settings.calls_per_minute - calls,
        "minute_limit": settings.calls_per_minute,
        "day_ends_at": now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1),
        "day_left": settings.calls_per_day - calls,
        "day_limit": settings.calls_per_day,
    }


def write_down(
    session: Session,
    settings: Settings,
    environment: str,
    told: Mapping[int, Iterable[Limits]],
    now: datetime,
) -> None:
    """Keep what Exact's answers said, by administration and in the order in which they came."""
    for code in sorted(told):
        insert = sqlite.insert if on_sqlite(session) else postgresql.insert
        new: dict[str, object] = {
            "environment": environment,
            "code": code,
            "error_moments": [],
            **fresh(settings, 0, now),
        }
        session.execute(insert(CallBudget).values(new).on_conflict_do_nothing())
        query = select(CallBudget).where(CallBudget.environment == environment, CallBudget.code == code)
        row = session.scalars(query.with_for_update().execution_options(populate_existing=True)).one()
        for limits in told[code]:
            _overrule(row, limits, now)
            _count_error(row, limits, settings.errors_per_hour)
    session.flush()


def _overrule(row: CallBudget, limits: Limits, now: datetime) -> None:
    _overrule_window(row, "minute", limits.minute, now)
    _overrule_window(row, "day", limits.day, now)
    if limits.status == TOO_MANY and row.minute_left and row.day_left:
        _block(row, limits.received_at + UNSAID)


def _overrule_window(row: CallBudget, name: str, told: Window, now: datetime) -> None:
    """Of two counts of the same window the lower holds: Exact has not counted yet what is on its way to it."""
    limit, left, ends_at = (getattr(row, f"{name}_{part}") for part in ("limit", "left", "ends_at"))
    if told.limit:
        setattr(row, f"{name}_limit", told.limit)
        left = max(left + told.limit - limit, 0)
    if told.left is not None and told.ends_at is not None and told.ends_at > now:
        left = min(left, told.left) if told.ends_at == ends_at else told.left
        setattr(row, f"{name}_ends_at", told.ends_at)
    setattr(row, f"{name}_left", left)


def _count_error(row: CallBudget, limits: Limits, most: int) -> None:
    if limits.status not in COUNTED_ERRORS:
        return
    at = limits.received_at.timestamp()
    recent = [earlier for earlier in row.error_moments if earlier > at - HOUR.total_seconds()]
    row.error_moments = [*recent, at][-most:]
    if len(row.error_moments) >= most:
        _block(row, limits.received_at + HOUR - timedelta(seconds=at - row.error_moments[0]))


def _block(row: CallBudget, until: datetime) -> None:
    row.blocked_until = until if row.blocked_until is None else max(row.blocked_until, until)
