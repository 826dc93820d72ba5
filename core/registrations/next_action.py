"""Who acts and what by: the one decision. Status line, banner, primary button, issue, diagnosis, bulk check, alarm and
export word what it says (``core.registrations.action_words``), and decide nothing of their own. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.exact import rules
from core.exact.diagnosis import diagnose
from core.exact.kinds import FailureKind
from core.exact.rules import Reconnect, Rule
from core.registrations.asking import DENIED, FAILED, LINK_EXPIRED, LINK_SENT, UNDECIDED, UNIDENTIFIED, parts
from core.registrations.issues import IssueKind
from core.registrations.status import (
    ADMINISTRATIONS_WAIT,
    PAUSED_WITHOUT_CONSENT,
    IncidentFact,
    Status,
    lapse_step,
)

FAILURE = "failure_"
"""A reason that begins so ends in a kind of failure: what that means is said in ``core.exact.rules``."""


class Who(StrEnum):
    """Who acts."""

    SUPPORT = "support"
    CUSTOMER = "customer"
    CUSTOMER_ADMIN = "customer_admin"
    ADMIN = "admin"
    """An admin of Clickker Connections."""
    EXACT = "exact"
    """Nobody here: Exact has to mend it."""
    RETRY = "retry"
    """Nobody: we try again by ourselves."""
    NOBODY = "nobody"


class Act(StrEnum):
    """What by."""

    NOTHING = "nothing"
    CONTINUE = "continue"
    CONNECT = "connect"
    """Connect with the customer, or send a link."""
    OPEN_LINK = "open_link"
    TALK = "talk"
    """Talk to the customer, who has refused; then send the link again."""
    CHOOSE = "choose"
    DECIDE = "decide"
    RECONNECT = "reconnect"
    RESUME = "resume"
    CHECK = "check"
    ADMINISTRATIONS = "administrations"
    UNLINK = "unlink"
    AT_EXACT = "at_exact"
    """Something is to be changed at Exact Online, and nothing here."""
    SETTINGS = "settings"
    NETWORK = "network"
    REPORT = "report"
    WAIT = "wait"
    CONFIRM = "confirm"
    """Wait: whether a refusal stays shows within hours."""
    EACH = "each"
    """See for each registration by itself."""


@dataclass(frozen=True)
class NextAction:
    """The decision."""

    who: Who
    act: Act

    @property
    def needs_somebody(self) -> bool:
        """Whether a person has to do something."""
        return self.who not in _NOBODY

    @property
    def reconnect(self) -> Reconnect:
        """Whether a consent, for the first time or again, is what helps."""
        if self.act in _CONSENTING:
            return Reconnect.YES
        if self.act in _DOUBTFUL:
            return Reconnect.NOT_YET
        return Reconnect.NOT_KNOWN if self.act is Act.EACH else Reconnect.NO


@dataclass(frozen=True)
class ActionFacts:
    """All that the decision depends on."""

    status: Status
    reason: str
    """What ``core.registrations.status.derive`` gives as the reason of the status."""
    message: str = ""
    """Exact's own words at the last failure: they make a failure's meaning more precise."""
    lapses_soon: bool = False
    """The consent lapses soon unless it is used (``core.registrations.status.lapse_step``)."""

    @classmethod
    def of(
        cls, status: str, reason: str, message: str | None, lapses_at: datetime | None, now: datetime
    ) -> ActionFacts:
        """What the row of a registration says at ``now``."""
        return cls(Status(status), reason, message or "", lapse_step(lapses_at, now) is not None)


_NOBODY = frozenset({Who.EXACT, Who.RETRY, Who.NOBODY})
_CONSENTING = frozenset({Act.CONNECT, Act.OPEN_LINK, Act.TALK, Act.RECONNECT})
_DOUBTFUL = frozenset({Act.CHECK, Act.CONFIRM})

NOTHING = NextAction(Who.NOBODY, Act.NOTHING)
WAIT = NextAction(Who.RETRY, Act.WAIT)
CONFIRM = NextAction(Who.RETRY, Act.CONFIRM)
CHECK = NextAction(Who.SUPPORT, Act.CHECK)
CONNECT = NextAction(Who.SUPPORT, Act.CONNECT)
RECONNECT = NextAction(Who.CUSTOMER, Act.RECONNECT)
DECIDE = NextAction(Who.SUPPORT, Act.DECIDE)
REPORT = NextAction(Who.ADMIN, Act.REPORT)
SETTINGS = NextAction(Who.ADMIN, Act.SETTINGS)
ADMINISTRATIONS = NextAction(Who.SUPPORT, Act.ADMINISTRATIONS)
EACH = NextAction(Who.SUPPORT, Act.EACH)

BY_REASON: dict[str, NextAction] = {
    "disconnected": NOTHING,
    "paused": NOTHING,
    PAUSED_WITHOUT_CONSENT: NextAction(Who.SUPPORT, Act.RESUME),
    "draft": NextAction(Who.SUPPORT, Act.CONTINUE),
    "waiting_for_consent": CONNECT,
    "choose_administrations": NextAction(Who.SUPPORT, Act.CHOOSE),
    "refused": RECONNECT,
    "lapsed": RECONNECT,
    "outage": WAIT,
    f"{FAILURE}{FailureKind.REFUSED}": CONFIRM,
    "incident": NextAction(Who.EXACT, Act.WAIT),
    "incident_not_sent": NextAction(Who.ADMIN, Act.NETWORK),
    "incident_refused": CONFIRM,
    "incident_client": SETTINGS,
    "stale": CHECK,
    UNDECIDED: DECIDE,
    "no_administration_works": ADMINISTRATIONS,
    "some_administrations_fail": ADMINISTRATIONS,
    ADMINISTRATIONS_WAIT: WAIT,
    "connected": NOTHING,
}
"""What is not here is a failure, and its message decides."""
_OURS: dict[FailureKind | None, NextAction] = {
    FailureKind.CLIENT: SETTINGS,
    FailureKind.NOT_SENT: NextAction(Who.ADMIN, Act.NETWORK),
}
"""What is ours to mend, by the kind of failure; of other kinds the log of the server says more."""
_BY_ASKING: dict[str, NextAction] = {
    UNDECIDED: DECIDE,
    UNIDENTIFIED: WAIT,
    LINK_SENT: NextAction(Who.CUSTOMER, Act.OPEN_LINK),
    DENIED: NextAction(Who.SUPPORT, Act.TALK),
    "client_error": SETTINGS,
    "our_error": REPORT,
}
_ASK_AGAIN = FAILED - set(_BY_ASKING) | {LINK_EXPIRED}
"""As if nobody had been asked yet."""
_ANSWERING = frozenset(
    {"connected", "paused", "some_administrations_fail", "no_administration_works", ADMINISTRATIONS_WAIT}
)
"""Exact answers: a check renews a consent that lapses soon, and losing it would be worse than all the rest."""

_OF_ADMINISTRATIONS: dict[IssueKind, NextAction] = {
    IssueKind.NOT_PERMITTED: NextAction(Who.CUSTOMER, Act.AT_EXACT),
    IssueKind.ARCHIVED: NextAction(Who.SUPPORT, Act.UNLINK),
    IssueKind.BLOCKED: WAIT,
    IssueKind.INACTIVE: NextAction(Who.CUSTOMER_ADMIN, Act.AT_EXACT),
}


def next_action(facts: ActionFacts) -> NextAction:
    """Who acts and what by, for one registration."""
    why, asked = parts(facts.reason)
    if asked in _BY_ASKING:
        return _BY_ASKING[asked]
    if asked in _ASK_AGAIN and why == "disconnected":
        return CONNECT
    if facts.lapses_soon and why in _ANSWERING:
        return CHECK
    return BY_REASON.get(why) or by_rule(rule_of(why.removeprefix(FAILURE), facts.message))


def of_issue(kind: str, own: NextAction, message: str = "", failure: str = "") -> NextAction:
    """Who acts on one issue of a registration whose next action is ``own``.

    What is wrong with an administration has an answer of its own: ``failure`` is the kind of its last failure,
    ``message`` Exact's words. Everything else is part of what is decided for the registration.
    """
    if kind == IssueKind.FAILING:
        return by_rule(rule_of(failure, message))
    return _OF_ADMINISTRATIONS.get(IssueKind(kind), own)


def of_incident(incident: IncidentFact) -> NextAction:
    """Who acts on an incident: the same as for each registration that it befell."""
    return BY_REASON[incident.reason]


def by_rule(rule: Rule) -> NextAction:
    """What a message of Exact means, where nothing more is known than the message."""
    if rule.reconnect is Reconnect.YES:
        return RECONNECT
    if rule.who in {rules.Who.NOBODY, rules.Who.EXACT}:
        return WAIT
    if rule.who is rules.Who.US:
        if rule.kind in _OURS:
            return _OURS[rule.kind]
        if rule.key == "scope_violated":
            return SETTINGS
        return REPORT if rule.reconnect is Reconnect.NO else CHECK
    return NextAction(Who(rule.who), Act.AT_EXACT)


def rule_of(failure: str, message: str) -> Rule:
    """The meaning of a failure of this kind; of one that an older or newer version wrote, that of its words."""
    return diagnose(message, FailureKind(failure) if failure in set(FailureKind) else None).rule
