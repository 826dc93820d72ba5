"""What a registration's status is: one pure function of (facts, now), first match wins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from core.exact.errors import FailureKind


class Status(StrEnum):
    """In the order in which they are tried."""

    DISCONNECTED = "disconnected"
    PAUSED = "paused"
    DRAFT = "draft"
    WAITING_FOR_CONSENT = "waiting_for_consent"
    CHOOSE_ADMINISTRATIONS = "choose_administrations"
    RECONNECT_NEEDED = "reconnect_needed"
    EXACT_OUTAGE = "exact_outage"
    ATTENTION = "attention"
    PARTLY_CONNECTED = "partly_connected"
    CONNECTED = "connected"


STATUSES = {status.value: status for status in Status}
"""By the word that stands in the database: quicker than ``Status(word)``, which a list asks fifty times."""

OUTAGE_KINDS = frozenset({FailureKind.OUTAGE, FailureKind.UNKNOWN, FailureKind.NOT_SENT})
"""Failures that say something of Exact or of the way to it, and nothing of the customer."""


@dataclass(frozen=True)
class Facts:
    """All that the status depends on. Moments are aware UTC."""

    active: bool = True
    submitted: bool = True
    disconnected: bool = False
    consented: bool = False
    """A grant is in force."""
    completed: bool = False
    """Administrations have been saved at least once."""
    dead: bool = False
    """Exact has refused the grant for good (``core.tokens.facts.grant_is_dead``)."""
    undecided: bool = False
    """Another Exact user gave consent; an operator must decide."""
    lapses_at: datetime | None = None
    last_success_at: datetime | None = None
    last_failure_at: datetime | None = None
    last_failure_kind: str | None = None
    linked: int = 0
    failing: int = 0
    """Of the linked administrations, those that Exact does not let us into."""
    fresh: timedelta = timedelta(days=8)


@dataclass(frozen=True)
class Derived:
    """A status, why, and the moment at which it stops holding by the mere passing of time."""

    status: Status
    reason: str
    until: datetime | None = None


def derive(facts: Facts, now: datetime) -> Derived:
    """The status at ``now``. Never green on old news: a success counts for ``facts.fresh``."""
    return _before_consent(facts) or _after_consent(facts, now)


def _before_consent(facts: Facts) -> Derived | None:
    if facts.disconnected:
        return Derived(Status.DISCONNECTED, "disconnected")
    if not facts.active:
        return Derived(Status.PAUSED, "paused")
    if not facts.submitted:
        return Derived(Status.DRAFT, "draft")
    if not facts.consented:
        return Derived(Status.WAITING_FOR_CONSENT, "waiting_for_consent")
    if not facts.completed or not facts.linked:
        return Derived(Status.CHOOSE_ADMINISTRATIONS, "choose_administrations")
    return None


def _after_consent(facts: Facts, now: datetime) -> Derived:
    if facts.dead:
        return Derived(Status.RECONNECT_NEEDED, "refused")
    if facts.lapses_at is not None and now >= facts.lapses_at:
        return Derived(Status.RECONNECT_NEEDED, "lapsed")
    failing = _failing_since_success(facts)
    if failing and facts.last_failure_kind in OUTAGE_KINDS:
        return Derived(Status.EXACT_OUTAGE, "outage", facts.lapses_at)
    if failing:
        return Derived(Status.ATTENTION, f"failure_{facts.last_failure_kind}", facts.lapses_at)
    return _by_freshness(facts, now)


def _by_freshness(facts: Facts, now: datetime) -> Derived:
    stale_at = None if facts.last_success_at is None else facts.last_success_at + facts.fresh
    if stale_at is None or now >= stale_at:
        return Derived(Status.ATTENTION, "stale", facts.lapses_at)
    until = stale_at if facts.lapses_at is None else min(stale_at, facts.lapses_at)
    if facts.undecided:
        return Derived(Status.ATTENTION, "undecided", until)
    if facts.failing >= facts.linked:
        return Derived(Status.ATTENTION, "no_administration_works", until)
    if facts.failing:
        return Derived(Status.PARTLY_CONNECTED, "some_administrations_fail", until)
    return Derived(Status.CONNECTED, "connected", until)


def _failing_since_success(facts: Facts) -> bool:
    if facts.last_failure_at is None or facts.last_failure_kind is None:
        return False
    return facts.last_success_at is None or facts.last_failure_at > facts.last_success_at
