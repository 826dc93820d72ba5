"""Statuses and reasons in words: the same word in table, page and timeline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from babel.dates import format_datetime
from babel.numbers import format_decimal

from core import clock
from core.exact.diagnosis import sentence_for
from core.exact.rules import UNCONFIRMED
from core.i18n import N_, _, current_language
from core.registrations.issues import IssueKind
from core.registrations.status import PAUSED_WITHOUT_CONSENT, Status

STATUS_WORDS: dict[Status, str] = {
    Status.DISCONNECTED: N_("Disconnected"),
    Status.PAUSED: N_("Paused"),
    Status.DRAFT: N_("Draft"),
    Status.WAITING_FOR_CONSENT: N_("Waiting for consent"),
    Status.CHOOSE_ADMINISTRATIONS: N_("Choose administrations"),
    Status.RECONNECT_NEEDED: N_("Reconnect needed"),
    Status.EXACT_OUTAGE: N_("Exact outage"),
    Status.ATTENTION: N_("Attention"),
    Status.PARTLY_CONNECTED: N_("Partly connected"),
    Status.CONNECTED: N_("Connected"),
}

FAILURE = "failure_"
"""A reason that begins so ends in a kind of failure: what that means is said in ``core.exact.rules``."""

REASONS: dict[str, str] = {
    "disconnected": N_("It was disconnected here; connect again to resume."),
    "paused": N_("The connection setting is not active; the consent is only kept alive."),
    PAUSED_WITHOUT_CONSENT: N_(
        "The connection setting is not active, and Exact Online no longer accepts the consent: resuming will need a "
        "new consent of the customer."
    ),
    "draft": N_("It has not been sent to Exact Online yet; continue the registration."),
    "waiting_for_consent": N_("The customer has not given consent at Exact Online yet."),
    "unidentified": N_(
        "A consent was received and kept; Exact Online has not told yet whose it is, and we ask again by ourselves."
    ),
    "choose_administrations": N_("Consent is there; choose the administrations and save all changes."),
    "refused": N_("Exact Online refuses this consent for good: the customer must connect again."),
    "lapsed": N_("The consent went unused for too long and lapsed: the customer must connect again."),
    "outage": N_(
        "Exact Online cannot be reached or is not answering; the customer has nothing to do, and we keep trying."
    ),
    "failure_refused": UNCONFIRMED.sentence,
    "incident": N_(
        "Several customers fail at once: it is Exact Online, not this customer. Nobody has to do anything; "
        "we check less often and go on by ourselves."
    ),
    "incident_not_sent": N_(
        "No connection with Exact Online comes about for several customers: it is Exact Online or our own network, not "
        "this customer. An admin must see whether the server reaches the internet; we keep trying."
    ),
    "incident_refused": N_(
        "Exact Online refuses several customers at once: it can be trouble of Exact Online or of our app, or they have "
        "withdrawn their consent. Within hours it shows; connecting again already helps whoever has withdrawn."
    ),
    "incident_client": N_(
        "Exact Online does not know our app for any customer here: it is our app's settings, not this customer. "
        "An admin must check them."
    ),
    "stale": N_("There has been no successful check lately, so we cannot call it connected."),
    "undecided": N_("Another Exact user gave consent; choose which login the connection runs under."),
    "no_administration_works": N_("None of the linked administrations can be reached."),
    "some_administrations_fail": N_("Some linked administrations cannot be reached; see below which."),
    "connected": N_("Everything answered at the last check."),
}

_NOBODY = N_("Nobody; it passes by itself.")
_CUSTOMER = N_("The customer, with you: connect again.")
_CUSTOMERS_ADMIN = N_("The customer's admin at Exact Online.")
_ADMIN = N_("An admin of Clickker Connections.")
_SUPPORT = N_("You: unlink it here, or ask the customer.")

ISSUES: dict[IssueKind, tuple[str, str]] = {
    IssueKind.REFUSED: (N_("Exact Online refuses the consent for good"), _CUSTOMER),
    IssueKind.LAPSED: (N_("The consent has lapsed"), _CUSTOMER),
    IssueKind.REFUSAL_CONFIRMING: (
        N_("Exact Online refused the consent; this is being confirmed"),
        N_("Nobody yet; connecting again already helps."),
    ),
    IssueKind.NOT_AUTHENTICATED: (
        N_("Exact Online did not accept our key"),
        N_("You: check now, and connect again if it stays so."),
    ),
    IssueKind.FORBIDDEN: (N_("The Exact user may not see what we ask for"), _CUSTOMERS_ADMIN),
    IssueKind.CLIENT: (N_("Exact Online does not know our app"), _ADMIN),
    IssueKind.BAD_REQUEST: (N_("Exact Online did not understand our question"), N_("The developers.")),
    IssueKind.OURS: (
        N_("Something is wrong on our side, not at Exact Online"),
        N_("An admin of Clickker Connections."),
    ),
    IssueKind.RATE_LIMITED: (N_("Exact Online asks us to slow down"), _NOBODY),
    IssueKind.OUTAGE: (
        N_("Exact Online cannot be reached or does not answer"),
        N_("Nobody yet; it usually passes by itself. An admin, if every customer has it for long."),
    ),
    IssueKind.STALE: (N_("No successful check lately"), N_("You: check now.")),
    IssueKind.UNDECIDED: (N_("Another Exact user gave consent"), N_("You: choose which login stays.")),
    IssueKind.LAPSES_SOON: (
        N_("The consent lapses within {days} days unless it is used"),
        N_("You: check now, and connect again if that does not help."),
    ),
    IssueKind.NOT_PERMITTED: (N_("Linked, no longer permitted"), _CUSTOMERS_ADMIN),
    IssueKind.ARCHIVED: (N_("Linked, archived at Exact"), _SUPPORT),
    IssueKind.BLOCKED: (N_("Linked, blocked at Exact for now"), _NOBODY),
    IssueKind.INACTIVE: (N_("Linked, inactive at Exact"), _CUSTOMERS_ADMIN),
    IssueKind.FAILING: (N_("Exact Online does not let us into this administration"), _CUSTOMERS_ADMIN),
}
"""What is wrong, and who must act."""


@dataclass(frozen=True)
class IssueWords:
    """An issue in the reader's language."""

    what: str
    who: str


FIELDS: dict[str, str] = {
    "name": N_("Name"),
    "environment": N_("Exact Online environment"),
    "active": N_("Connection setting"),
    "reference": N_("Customer reference"),
    "owner_id": N_("Owner"),
    "note": N_("Note"),
}
"""The fields of the form, in the order of the screen."""


def status_word(status: str) -> str:
    """The status as people say it, in the reader's language."""
    return _(STATUS_WORDS[Status(status)])


def reason_sentence(reason: str, exact_message: str = "") -> str:
    """One plain sentence why, in the reader's language; Exact's own words make a failure's more precise."""
    if reason in REASONS:
        return _(REASONS[reason])
    return sentence_for(reason.removeprefix(FAILURE), exact_message)


def issue_words(kind: str, level: int = 0) -> IssueWords:
    """What is wrong and who must act, in the reader's language; ``level`` is the days of a coming lapse."""
    what, who = ISSUES[IssueKind(kind)]
    return IssueWords(_(what).format(days=level), _(who))


def figure(number: int) -> str:
    """A number as the reader's language writes it: 1,234 or 1.234."""
    return format_decimal(number, locale=current_language())


def hour_of(at: datetime) -> str:
    """A moment of today as hours and minutes, of another day in full; in the time zone of the Netherlands."""
    if at.astimezone(clock.DUTCH).date() != clock.today():
        return moment(at)
    written = format_datetime(at, "HH:mm", tzinfo=clock.DUTCH, locale=current_language())
    return written + clock.zone_mark(at)


def moment(at: datetime | None) -> str:
    """A moment as people in the Netherlands read it: their time zone, their language."""
    if at is None:
        return _("never")
    written = format_datetime(at, "d MMM y HH:mm", tzinfo=clock.DUTCH, locale=current_language())
    return written + clock.zone_mark(at)
