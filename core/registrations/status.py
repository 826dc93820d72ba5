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
PASSING_KINDS = OUTAGE_KINDS | {FailureKind.RATE_LIMITED, FailureKind.TOO_EARLY}
"""Failures that pass by themselves."""
LAPSES_SOON_DAYS = (14, 7, 3)
"""So many days before a consent lapses somebody is told: a keeper that works never lets it come to that."""


PAUSED_WITHOUT_CONSENT = "paused_without_consent"
"""The reason of a paused one whose consent has died."""


@dataclass(frozen=True)
class Trouble:
    """What keeps a linked administration from working."""

    code: int
    kind: str
    """``core.registrations.issues.IssueKind``."""
    message: str = ""
    at: datetime | None = None
    """When Exact said so; None where it shows from the last reading of the list."""


@dataclass(frozen=True)
class IncidentFact:
    """The open incident that a registration's failure belongs to."""

    id: int
    ours: bool
    """Our app's settings are the cause, not Exact."""
    refused: bool = False
    """Exact refuses several: it, our app or they themselves may be the cause."""
    unreached: bool = False
    """No connection comes about: Exact or our own network may be the cause."""

    @property
    def outage(self) -> bool:
        """Whether Exact, or the way to it, is the cause."""
        return not (self.ours or self.refused)

    @property
    def reason(self) -> str:
        """What the status says of it."""
        if self.ours:
            return "incident_client"
        if self.refused:
            return "incident_refused"
        return "incident_not_sent" if self.unreached else "incident"


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
    unidentified: bool = False
    """A consent is kept of which Exact has not told yet whose it is."""
    listed: bool = True
    """Exact has shown administrations that can be chosen."""
    lapses_at: datetime | None = None
    last_success_at: datetime | None = None
    last_failure_at: datetime | None = None
    last_failure_kind: str | None = None
    last_failure_message: str = ""
    last_checked_at: datetime | None = None
    incident: IncidentFact | None = None
    linked: int = 0
    failing: int = 0
    """Of the linked administrations, those that Exact does not let us into."""
    troubles: tuple[Trouble, ...] = ()
    """What is wrong with the failing ones; of very many only the first."""
    fresh: timedelta = timedelta(days=8)

    @property
    def watched(self) -> bool:
        """Whether anything can be wrong: nothing is expected of a draft, or of what is paused."""
        return self.active and self.kept_alive

    @property
    def kept_alive(self) -> bool:
        """Whether the consent is to live on: of a paused one too, or resuming needs the customer again."""
        return self.submitted and self.consented and not self.disconnected

    @property
    def chosen(self) -> bool:
        """Whether there are administrations to be connected to."""
        return self.completed and self.linked > 0

    @property
    def failing_since_success(self) -> bool:
        """Whether the last thing that was heard of Exact was a failure."""
        if self.last_failure_at is None or self.last_failure_kind is None:
            return False
        return self.last_success_at is None or self.last_failure_at > self.last_success_at

    @property
    def passing(self) -> bool:
        """Whether the last failure passes by itself, and says nothing against the consent."""
        if self.incident is not None:
            return not self.incident.ours
        return self.last_failure_kind in PASSING_KINDS

    @property
    def stale_at(self) -> datetime | None:
        """When the last success becomes old news; None where there was none."""
        return None if self.last_success_at is None else self.last_success_at + self.fresh

    def lapsed(self, now: datetime) -> bool:
        return self.lapses_at is not None and now >= self.lapses_at


@dataclass(frozen=True)
class Derived:
    """A status, why, and the moment at which it stops holding by the mere passing of time."""

    status: Status
    reason: str
    until: datetime | None = None


def derive(facts: Facts, now: datetime) -> Derived:
    """The status at ``now``. Never green on old news: a success counts for ``facts.fresh``."""
    ended = _before_consent(facts, now) or _without_consent(facts, now)
    return ended or _before_choice(facts, now) or _after_choice(facts, now)


def next_step(lapses_at: datetime | None, now: datetime) -> datetime | None:
    """When the coming lapse is next news: 14, 7 and 3 days before it, and then itself."""
    if lapses_at is None:
        return None
    steps = (lapses_at - timedelta(days=days) for days in (*LAPSES_SOON_DAYS, 0))
    return next((step for step in steps if now < step), None)


def _before_consent(facts: Facts, now: datetime) -> Derived | None:
    if facts.disconnected:
        return Derived(Status.DISCONNECTED, "unidentified" if facts.unidentified else "disconnected")
    if not facts.active:
        return _paused(facts, now)
    if not facts.submitted:
        return Derived(Status.DRAFT, "draft")
    if not facts.consented:
        reason = "unidentified" if facts.unidentified else "waiting_for_consent"
        return Derived(Status.WAITING_FOR_CONSENT, reason)
    return None


def _paused(facts: Facts, now: datetime) -> Derived:
    if not facts.kept_alive:
        return Derived(Status.PAUSED, "paused")
    if facts.dead or facts.lapsed(now):
        return Derived(Status.PAUSED, PAUSED_WITHOUT_CONSENT)
    return Derived(Status.PAUSED, "paused", next_step(facts.lapses_at, now))


def needs_consent(status: str, reason: str) -> bool:
    """Whether only a new consent helps; somebody is to be told, of a paused one too."""
    return status == Status.RECONNECT_NEEDED or reason == PAUSED_WITHOUT_CONSENT


def _without_consent(facts: Facts, now: datetime) -> Derived | None:
    """A consent that has ended, whatever was chosen: nothing but a new one helps."""
    if facts.dead:
        return Derived(Status.RECONNECT_NEEDED, "refused")
    if facts.lapsed(now):
        return Derived(Status.RECONNECT_NEEDED, "lapsed")
    return None


def _before_choice(facts: Facts, now: datetime) -> Derived | None:
    """Choosing is asked for where it can be done and is what helps: Exact may be down, once it has shown the list."""
    if facts.chosen:
        return None
    until = next_step(facts.lapses_at, now)
    if facts.failing_since_success and not (facts.listed and facts.passing):
        return _by_failure(facts, until)
    if facts.undecided:
        return Derived(Status.ATTENTION, "undecided", until)
    return Derived(Status.CHOOSE_ADMINISTRATIONS, "choose_administrations", until)


def _after_choice(facts: Facts, now: datetime) -> Derived:
    if facts.failing_since_success:
        return _by_failure(facts, next_step(facts.lapses_at, now))
    return _by_freshness(facts, now)


def _by_failure(facts: Facts, until: datetime | None) -> Derived:
    if facts.incident is not None:
        status = Status.EXACT_OUTAGE if facts.incident.outage else Status.ATTENTION
        return Derived(status, facts.incident.reason, until)
    if facts.last_failure_kind in OUTAGE_KINDS:
        return Derived(Status.EXACT_OUTAGE, "outage", until)
    return Derived(Status.ATTENTION, f"failure_{facts.last_failure_kind}", until)


def _by_freshness(facts: Facts, now: datetime) -> Derived:
    lapsing = next_step(facts.lapses_at, now)
    if facts.stale_at is None or now >= facts.stale_at:
        return Derived(Status.ATTENTION, "stale", lapsing)
    until = facts.stale_at if lapsing is None else min(facts.stale_at, lapsing)
    if facts.undecided:
        return Derived(Status.ATTENTION, "undecided", until)
    if facts.failing >= facts.linked:
        return Derived(Status.ATTENTION, "no_administration_works", until)
    if facts.failing:
        return Derived(Status.PARTLY_CONNECTED, "some_administrations_fail", until)
    return Derived(Status.CONNECTED, "connected", until)
