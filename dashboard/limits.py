"""How often one address may knock at an open door, kept in memory: a first brake, the locks are in the database."""

from __future__ import annotations

import threading
from collections import OrderedDict
from time import monotonic

MOST_KEYS = 10_000
_lock = threading.Lock()
_levels: OrderedDict[str, tuple[float, float]] = OrderedDict()
"""By key: how full the bucket was, and when (monotonic seconds)."""


def allow(key: str, per_minute: int) -> bool:
    """Whether ``key`` may knock once more; a bucket of ``per_minute`` that empties in a minute."""
    moment = monotonic()
    with _lock:
        level, since = _levels.pop(key, (0.0, moment))
        level = max(0.0, level - (moment - since) * per_minute / 60)
        allowed = level + 1 <= per_minute
        _levels[key] = (level + 1 if allowed else level, moment)
        while len(_levels) > MOST_KEYS:
            _levels.popitem(last=False)
    return allowed


def forget() -> None:
    """Empty every bucket, for tests."""
    with _lock:
        _levels.clear()
