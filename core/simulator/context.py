"""What the parts of the engine share, and who and what lives in it at present."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from datetime import datetime

from core.simulator.clock import SimulatorClock
from core.simulator.config import SimulatorConfig
from core.simulator.data import Directory, Division, User
from core.simulator.faults import FaultPlan
from core.simulator.limits import Budgets, ErrorLimit
from core.simulator.state import Chain, Consent, Pair, State, key


@dataclass(frozen=True)
class Call:
    """One request that arrived, for tests that count them."""

    at: datetime
    endpoint: str
    environment: str
    client_id: str
    user: str
    division: int
    status: int
    fault: str = ""


@dataclass
class Context:
    """Config, time and memory; the functions of the engine's parts take it first."""

    config: SimulatorConfig
    clock: SimulatorClock
    directory: Directory
    state: State
    faults: FaultPlan = field(default_factory=FaultPlan)
    budgets: Budgets = field(default_factory=Budgets)
    errors: ErrorLimit = field(default_factory=ErrorLimit)
    calls: deque[Call] = field(default_factory=lambda: deque(maxlen=10_000))
    by_access: dict[str, str] = field(default_factory=dict)
    """Refresh token by access token."""
    changes: int = 0
    """Grows with every change worth saving."""

    def touch(self) -> None:
        self.changes += 1


def find_user(context: Context, environment: str, name: str) -> User | None:
    """The user with this login name or user id, in upper or lower case."""
    wanted = name.strip().lower()
    for user in context.directory.users:
        if user.environment == environment and wanted in (user.name.lower(), str(user.id)):
            return user
    return None


def known_user(context: Context, environment: str, name: str) -> User:
    """The same. Raises ``LookupError`` when there is none."""
    user = find_user(context, environment, name)
    if user is None:
        raise LookupError(f"the simulator knows no user {name!r} in {environment!r}")
    return user


def reachable(context: Context, user: User) -> list[Division]:
    """All divisions the user's own rights reach, by code, with the changes made since the start."""
    codes = set(user.divisions)
    base = [d for d in context.directory.divisions if d.environment == user.environment and d.code in codes]
    added = [
        d for d in context.state.added if context.state.added_for[key(d.environment, d.code)] == user.name
        and d.environment == user.environment
    ]  # fmt: skip
    return sorted((_changed(context, d) for d in (*base, *added)), key=lambda d: d.code)


def _changed(context: Context, division: Division) -> Division:
    changes = context.state.changes.get(key(division.environment, division.code), {})
    return replace(
        division,
        name=str(changes.get("name", division.name)),
        status=int(changes.get("status", division.status)),
        blocking=int(changes.get("blocking", division.blocking)),
    )


def current_division(context: Context, user: User) -> int:
    """The division the user last worked in; it moves with clicks at Exact and may lie outside the consent."""
    return context.state.current.get(key(user.environment, user.name), user.current)


def consent_of(context: Context, environment: str, client_id: str, user: str) -> Consent | None:
    return context.state.consents.get(key(environment, client_id, user))


def permitted(context: Context, chain: Chain) -> list[Division]:
    """The divisions that the consent lets the app see, of those the user reaches."""
    user = known_user(context, chain.environment, chain.user)
    consent = consent_of(context, chain.environment, chain.client_id, chain.user)
    if consent is None:
        # Revoked, but the access token may live on: it then sees what the user sees.
        return reachable(context, user)
    return [d for d in reachable(context, user) if consent.divisions is None or d.code in consent.divisions]


def pair_of_access(context: Context, access_token: str) -> Pair | None:
    refresh_token = context.by_access.get(access_token)
    return context.state.pairs.get(refresh_token) if refresh_token else None
