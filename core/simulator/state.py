"""Everything the simulator remembers, as plain records that survive a restart as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from core.simulator.data import Division


@dataclass
class Consent:
    """What a user permits an app. ``divisions`` None: all current and future ones."""

    environment: str
    client_id: str
    user: str
    divisions: list[int] | None
    given_at: datetime


@dataclass
class Code:
    """An authorization code on its way to the app."""

    value: str
    environment: str
    client_id: str
    user: str
    issued_at: datetime
    challenge: str = ""
    spent_at: datetime | None = None


@dataclass
class Chain:
    """A line of refresh tokens, each born from the one before. ``ended``: '', 'superseded' or 'revoked'."""

    id: str
    environment: str
    client_id: str
    user: str
    ended: str = ""


@dataclass
class Pair:
    """An access and a refresh token, issued together."""

    number: int
    chain: str
    access_token: str
    refresh_token: str
    issued_at: datetime
    parent: str = ""
    """The refresh token spent for this pair; '' for the pair of a code."""
    children: list[str] = field(default_factory=list)
    spent_at: datetime | None = None
    used_at: datetime | None = None
    """First use of either token; the grace 'until the successor is used' looks at it."""


@dataclass
class Attempt:
    """A consent being given in one browser; its form is bound to that browser and to ``csrf``."""

    id: str
    browser: str
    csrf: str
    environment: str
    client_id: str
    created_at: datetime
    state: str | None = None
    challenge: str = ""
    user: str = ""


@dataclass
class State:
    """The whole of it."""

    consents: dict[str, Consent] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    chains: dict[str, Chain] = field(default_factory=dict)
    pairs: dict[str, Pair] = field(default_factory=dict)
    """By refresh token."""
    attempts: dict[str, Attempt] = field(default_factory=dict)
    logins: dict[str, str] = field(default_factory=dict)
    """User by browser and environment."""
    added: list[Division] = field(default_factory=list)
    added_for: dict[str, str] = field(default_factory=dict)
    """User by environment and code of an added division."""
    changes: dict[str, dict[str, int | str]] = field(default_factory=dict)
    """Fields changed since the start, by environment and code."""
    current: dict[str, int] = field(default_factory=dict)
    """CurrentDivision by environment and user, where it has moved."""
    down: list[str] = field(default_factory=list)
    """Environment and user of those whose part of Exact is out of order."""
    issued: int = 0


def key(*parts: str | int) -> str:
    """One JSON key of several parts."""
    return "|".join(str(part) for part in parts)
