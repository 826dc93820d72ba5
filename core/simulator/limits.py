"""Exact's limits: calls per minute and day, and ten errors an hour before a key is blocked."""

from __future__ import annotations

from collections import defaultdict, deque
from datetime import datetime, timedelta

from core.simulator.answers import Answer
from core.simulator.config import SimulatorConfig

Scope = tuple[str, str, int, str]
"""Client id, user, division, endpoint: errors are counted for each of these apart."""
COUNTED_ERRORS = frozenset({400, 401, 403, 404})


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970 in UTC, as the reset headers and the dates carry them."""
    return int(moment.timestamp() * 1000)


def next_minute(now: datetime) -> datetime:
    return now.replace(second=0, microsecond=0) + timedelta(minutes=1)


def next_day(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


class Budgets:
    """Counts calls per app and division. Not kept over a restart."""

    def __init__(self) -> None:
        self._calls: dict[tuple[str, int, str, datetime], int] = defaultdict(int)

    def spend(
        self, config: SimulatorConfig, now: datetime, client_id: str, division: int
    ) -> dict[str, str] | Answer:
        """Count one call: the rate headers of a good answer, or the 429 when a budget is used up.

        A 429 carries only the headers of the budget that ran out, and no body.
        """
        headers: dict[str, str] = {}
        for kind, limit, reset in (
            ("", config.calls_per_day, next_day(now)),
            ("Minutely-", config.calls_per_minute, next_minute(now)),
        ):
            if not limit:
                continue
            used = self._calls[client_id, division, kind, reset] + 1
            own = rate_headers(kind, limit, max(limit - used, 0), reset)
            if used > limit:
                return Answer(429, headers=own)
            self._calls[client_id, division, kind, reset] = used
            headers |= own
        self._forget(now)
        return headers

    def _forget(self, now: datetime) -> None:
        if len(self._calls) > 10_000:  # noqa: PLR2004 - a soak must not grow for ever
            self._calls = defaultdict(int, {k: v for k, v in self._calls.items() if k[3] > now})


def rate_headers(kind: str, limit: int, remaining: int, reset: datetime) -> dict[str, str]:
    """The three headers of one budget; ``kind`` is '' for the day's or 'Minutely-'."""
    return {
        f"X-RateLimit-{kind}Limit": str(limit),
        f"X-RateLimit-{kind}Remaining": str(remaining),
        f"X-RateLimit-{kind}Reset": str(milliseconds(reset)),
    }


class ErrorLimit:
    """Blocks a scope for an hour after ten errors within one, twice as long each time. Not kept over a restart."""

    def __init__(self) -> None:
        self._errors: dict[Scope, deque[datetime]] = defaultdict(deque)
        self._blocked_until: dict[Scope, datetime] = {}
        self._blocks: dict[Scope, int] = defaultdict(int)

    def blocked(self, scope: Scope, now: datetime) -> bool:
        return now < self._blocked_until.get(scope, now)

    def count(self, config: SimulatorConfig, scope: Scope, now: datetime) -> None:
        """Count an error answer; the tenth within an hour blocks the scope."""
        if not config.errors_per_hour:
            return
        errors = self._errors[scope]
        errors.append(now)
        while errors[0] <= now - timedelta(hours=1):
            errors.popleft()
        if len(errors) >= config.errors_per_hour:
            length = config.error_block_seconds * 2 ** self._blocks[scope]
            self._blocked_until[scope] = now + timedelta(seconds=length)
            self._blocks[scope] += 1
            errors.clear()
