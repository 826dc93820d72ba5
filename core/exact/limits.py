"""How often Exact lets us ask: what the headers of an answer say of it (exact-online.md, section 6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from core.exact.answers import epoch, number


@dataclass(frozen=True)
class Window:
    """One limit: how many calls until when. None where the answer does not say."""

    limit: int | None = None
    left: int | None = None
    ends_at: datetime | None = None


@dataclass(frozen=True)
class Limits:
    """An answer's status and what it says of the calls of this minute and this day."""

    status: int
    received_at: datetime
    minute: Window = Window()
    day: Window = Window()


class Meter(Protocol):
    """Is asked before every call to the API and told of every answer; knows what ``core.exact`` does not: tables."""

    def ask(self, division: int) -> None:
        """Raises ``ExactError`` (RATE_LIMITED) when this division (0: none) may not be asked now."""

    def heard(self, division: int, limits: Limits) -> None:
        """An answer has come."""

    def left_out(self, resource: str) -> frozenset[str]:
        """The fields that are not asked of this resource, since Exact did not know them lately."""

    def leave_out(self, resource: str, fields: frozenset[str], words: str) -> None:
        """Exact answers without these ``fields``, and refused them with these ``words``."""


def read_limits(status: int, headers: Mapping[str, str], received_at: datetime) -> Limits:
    """The limits that an answer tells of. A 429 tells only of the one that was hit."""
    minute = _window(headers, "x-ratelimit-minutely", received_at)
    return Limits(status, received_at, minute, _window(headers, "x-ratelimit", received_at))


def _window(headers: Mapping[str, str], prefix: str, received_at: datetime) -> Window:
    limit, left = number(headers.get(f"{prefix}-limit")), number(headers.get(f"{prefix}-remaining"))
    return Window(
        limit=int(limit) if limit else None,
        left=None if left is None else int(left),
        ends_at=epoch(headers.get(f"{prefix}-reset"), received_at),
    )
