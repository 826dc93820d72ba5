"""The only source of time.

Time is aware UTC. The offset is zero in production; the demo and the tests move it to reach days that
have not come yet, or that have passed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

DUTCH = ZoneInfo("Europe/Amsterdam")
"""Whose day and hour people here read, wherever the server stands."""
_offset = timedelta(0)


def now() -> datetime:
    """The present moment, aware and in UTC."""
    return datetime.now(UTC) + _offset


def today() -> date:
    """The day that it is in the Netherlands."""
    return now().astimezone(DUTCH).date()


def comes_twice(at: datetime) -> bool:
    """Whether Dutch clocks show this time twice: from 02:00 to 03:00 on the last Sunday of October."""
    here = at.astimezone(DUTCH)
    return here.replace(fold=0).utcoffset() != here.replace(fold=1).utcoffset()


def zone_mark(at: datetime) -> str:
    """What tells a time that comes twice from the other, for people: " CEST" or " CET"; else nothing."""
    return f" {at.astimezone(DUTCH):%Z}" if comes_twice(at) else ""


def offset_mark(at: datetime) -> str:
    """The same for files: " +02:00" or " +01:00"; else nothing."""
    return f" {at.astimezone(DUTCH).isoformat()[-6:]}" if comes_twice(at) else ""


def offset() -> timedelta:
    """How far the clock of this process has been moved."""
    return _offset


@contextmanager
def shifted(by: timedelta) -> Iterator[None]:
    """Move the clock of this process by ``by`` while the block runs."""
    global _offset  # noqa: PLW0603 - one clock a process is the point
    before = _offset
    _offset = before + by
    try:
        yield
    finally:
        _offset = before
