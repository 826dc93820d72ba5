"""The only source of time.

Time is aware UTC. The offset is zero in production; the demo and the tests move it to reach days that
have not come yet, or that have passed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

_offset = timedelta(0)


def now() -> datetime:
    """The present moment, aware and in UTC."""
    return datetime.now(UTC) + _offset


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
