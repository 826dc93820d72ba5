"""What a registration's status is: one pure function of (facts, now), first match wins."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from core.exact.errors import FailureKind
from core.registrations.asking import AND, DENIED, NOT_ASKED, UNDECIDED, UNIDENTIFIED, Asking, parts


class Status(StrEnum):
    """In the order in which they are tried."""

    DISCONNECTED = "disconnected"
    PAUSED = "paused"
    DRAFT = "draft"
    WAITING_FOR_CONSENT = "waiting_for_consent"
    CONSENT_DENIED = "consent_denied"
    """The customer was asked and refused, and has not been asked anew."""
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
ADMINISTRATIONS_WAIT = "administrations_wait"
"""The reason where all that fail are closed by Exact for a while."""
REFUSED, LAPSED = "refused", "lapsed"
ENDED = (PAUSED_WITHOUT_CONSENT, REFUSED, LAPSED)
"""Why, where the consent that was in force has ended."""


@dataclass(frozen=True)
class Trouble:
    """What keeps a linked administration from working."""

    code: int
    kind: str
    """``core.registrations.issues.IssueKind``."""
    message: str = ""
    at: datetime | None = None
    """When Exact said so; None where it shows from the last reading of the list."""
    passing: bool = field(default=False, compare=False)
    """It is over by itself, which follows from the rest: a backup, for instance."""


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
    asking: Asking = NOT_ASKED
    """What was done to get a consent, where there is none that works."""
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

    @property
    def all_pass(self) -> bool:
        """Whether Exact opens every administration that fails again by itself."""
        return len(self.troubles) == self.failing > 0 and all(trouble.passing for trouble in self.troubles)


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


def lapse_step(lapses_at: datetime | None, now: datetime) -> int | None:
    """Which of ``LAPSES_SOON_DAYS`` a coming lapse has passed last; None while it is not soon, and once it has come.

    The one rule for "soon": issue, alarm, overview and next action all ask here.
    """
    if lapses_at is None or now >= lapses_at:
        return None
    passed = [days for days in LAPSES_SOON_DAYS if now >= lapses_at - timedelta(days=days)]
    return min(passed, default=None)


def next_step(lapses_at: datetime | None, now: datetime) -> datetime | None:
    """When the coming lapse is next news: 14, 7 and 3 days before it, and then itself."""
    if lapses_at is None:
        return None
    steps = (lapses_at - timedelta(days=days) for days in (*LAPSES_SOON_DAYS, 0))
    return next((step for step in steps if now < step), None)


def _before_consent(facts: Facts, now: datetime) -> Derived | None:
    if facts.disconnected:
        return _asked(Status.DISCONNECTED, "disconnected", facts, now)
    if not facts.active:
        return _paused(facts, now)
    if not facts.submitted:
        return Derived(Status.DRAFT, "draft")
    if facts.consented:
        return None
    waiting = _asked(Status.WAITING_FOR_CONSENT, "waiting_for_consent", facts, now)
    return replace(waiting, status=Status.CONSENT_DENIED) if parts(waiting.reason)[1] == DENIED else waiting


def _asked(status: Status, why: str, facts: Facts, now: datetime) -> Derived:
    """There is no consent that works: what has come of asking for one decides what is to be done."""
    asked, until = _stand(facts, now)
    return Derived(status, f"{why}{AND}{asked}" if asked else why, until)


def _stand(facts: Facts, now: datetime) -> tuple[str, datetime | None]:
    if facts.undecided or facts.unidentified:
        return UNDECIDED if facts.undecided else UNIDENTIFIED, None
    return facts.asking.stand(now)


def _paused(facts: Facts, now: datetime) -> Derived:
    if not facts.kept_alive:
        return Derived(Status.PAUSED, _waits_too("paused", facts))
    if facts.dead or facts.lapsed(now):
        return Derived(Status.PAUSED, _waits_too(PAUSED_WITHOUT_CONSENT, facts))
    return Derived(Status.PAUSED, _waits_too("paused", facts), next_step(facts.lapses_at, now))


def _waits_too(why: str, facts: Facts) -> str:
    """Another login waits for an operator's word, whatever else is the matter."""
    return f"{why}{AND}{UNDECIDED}" if facts.undecided else why


def needs_consent(status: str, reason: str) -> bool:
    """Whether the consent has ended; somebody is told once, of a paused one too, whatever comes of asking."""
    beside = status in {Status.PAUSED, Status.ATTENTION, Status.WAITING_FOR_CONSENT}
    return status == Status.RECONNECT_NEEDED or (beside and parts(reason)[0] in ENDED)


def _without_consent(facts: Facts, now: datetime) -> Derived | None:
    """A consent that has ended, whatever was chosen: nothing but a new one helps, which may be here already."""
    if not (facts.dead or facts.lapsed(now)):
        return None
    status = Status.RECONNECT_NEEDED
    if facts.undecided or facts.unidentified:
        status = Status.ATTENTION if facts.undecided else Status.WAITING_FOR_CONSENT
    return _asked(status, REFUSED if facts.dead else LAPSED, facts, now)


def _before_choice(facts: Facts, now: datetime) -> Derived | None:
    """Choosing is asked for where it can be done and is what helps: Exact may be down, once it has shown the list."""
    if facts.chosen:
        return None
    until = next_step(facts.lapses_at, now)
    if facts.failing_since_success and not (facts.listed and facts.passing):
        return _by_failure(facts, until)
    if facts.undecided:
        return Derived(Status.ATTENTION, UNDECIDED, until)
    return Derived(Status.CHOOSE_ADMINISTRATIONS, "choose_administrations", until)


def _after_choice(facts: Facts, now: datetime) -> Derived:
    if facts.failing_since_success:
        return _by_failure(facts, next_step(facts.lapses_at, now))
    return _by_freshness(facts, now)


def _by_failure(facts: Facts, until: datetime | None) -> Derived:
    if facts.incident is not None:
        status = Status.EXACT_OUTAGE if facts.incident.outage else Status.ATTENTION
        return Derived(status, _waits_too(facts.incident.reason, facts), until)
    if facts.last_failure_kind in OUTAGE_KINDS:
        return Derived(Status.EXACT_OUTAGE, _waits_too("outage", facts), until)
    return Derived(Status.ATTENTION, _waits_too(f"failure_{facts.last_failure_kind}", facts), until)


def _by_freshness(facts: Facts, now: datetime) -> Derived:
    lapsing = next_step(facts.lapses_at, now)
    if facts.stale_at is None or now >= facts.stale_at:
        return Derived(Status.ATTENTION, _waits_too("stale", facts), lapsing)
    until = facts.stale_at if lapsing is None else min(facts.stale_at, lapsing)
    if facts.undecided:
        return Derived(Status.ATTENTION, UNDECIDED, until)
    if facts.failing >= facts.linked:
        reason = ADMINISTRATIONS_WAIT if facts.all_pass else "no_administration_works"
        return Derived(Status.ATTENTION, reason, until)
    if facts.failing:
        reason = ADMINISTRATIONS_WAIT if facts.all_pass else "some_administrations_fail"
        return Derived(Status.PARTLY_CONNECTED, reason, until)
    return Derived(Status.CONNECTED, "connected", until)
