"""Statuses and reasons in words: the same word in table, page and timeline."""

from __future__ import annotations

from datetime import datetime

from babel.dates import format_datetime
from babel.numbers import format_decimal

from core import clock
from core.exact.diagnosis import sentence_for
from core.exact.kinds import FailureKind
from core.exact.rules import UNCONFIRMED
from core.i18n import N_, _, current_language
from core.registrations.asking import DENIED, LINK_EXPIRED, LINK_SENT, UNDECIDED, UNIDENTIFIED, parts
from core.registrations.issues import OF_FAILURES, IssueKind
from core.registrations.next_action import FAILURE
from core.registrations.outcomes import ConsentResult, Outcome
from core.registrations.status import ADMINISTRATIONS_WAIT, PAUSED_WITHOUT_CONSENT, Status

STATUS_WORDS: dict[Status, str] = {
    Status.DISCONNECTED: N_("Disconnected"),
    Status.PAUSED: N_("Paused"),
    Status.DRAFT: N_("Draft"),
    Status.WAITING_FOR_CONSENT: N_("Waiting for consent"),
    Status.CONSENT_DENIED: N_("Customer refused"),
    Status.CHOOSE_ADMINISTRATIONS: N_("Choose administrations"),
    Status.RECONNECT_NEEDED: N_("Reconnect needed"),
    Status.EXACT_OUTAGE: N_("Exact outage"),
    Status.ATTENTION: N_("Attention"),
    Status.PARTLY_CONNECTED: N_("Partly connected"),
    Status.CONNECTED: N_("Connected"),
}

REASONS: dict[str, str] = {
    "disconnected": N_("It was disconnected here, and our keys were deleted."),
    "paused": N_("The connection setting is not active; the consent is only kept alive."),
    PAUSED_WITHOUT_CONSENT: N_(
        "The connection setting is not active, and Exact Online no longer accepts the consent: resuming will need a "
        "new consent of the customer."
    ),
    "draft": N_("It has not been sent to Exact Online yet."),
    "waiting_for_consent": N_("The customer has not given consent at Exact Online yet."),
    "choose_administrations": N_("Consent is there; the administrations have not been chosen yet."),
    "refused": N_("Exact Online refuses this consent for good."),
    "lapsed": N_("The consent went unused for too long and lapsed."),
    "outage": N_("Exact Online cannot be reached or is not answering; it is not the customer's doing."),
    "failure_refused": UNCONFIRMED.sentence,
    "incident": N_("Several customers fail at once: it is Exact Online, not this customer."),
    "incident_not_sent": N_(
        "No connection with Exact Online comes about for several customers: it is Exact Online or our own network, not "
        "this customer."
    ),
    "incident_refused": N_(
        "Exact Online refuses several customers at once: it can be trouble of Exact Online or of our app, or they have "
        "withdrawn their consent."
    ),
    "incident_client": N_(
        "Exact Online does not know our app for any customer here: it is our app's settings, not this customer."
    ),
    "stale": N_("There has been no successful check lately, so we cannot call it connected."),
    UNDECIDED: N_("Another Exact user gave consent than the one the connection was made by."),
    "no_administration_works": N_("None of the linked administrations can be reached."),
    "some_administrations_fail": N_("Some linked administrations cannot be reached; see below which."),
    ADMINISTRATIONS_WAIT: N_("Exact Online has closed linked administrations for a while."),
    "connected": N_("Everything answered at the last check."),
}
"""What is so. Who acts on it is decided in ``core.registrations.next_action``, and nothing is said of it here."""
ASKED: dict[str, str] = {
    UNDECIDED: REASONS[UNDECIDED],
    UNIDENTIFIED: N_(
        "A consent was received and kept; Exact Online has not told yet whose it is, and we ask again by ourselves."
    ),
    LINK_SENT: N_("A link for the customer is open."),
    LINK_EXPIRED: N_("The link for the customer has expired, and was not used."),
    DENIED: N_("The customer was asked for consent and refused it at Exact Online."),
}
"""What has come of asking for a consent; how an attempt failed is said in ``core.registrations.outcomes``."""

ISSUES: dict[IssueKind, str] = {
    IssueKind.REFUSED: N_("Exact Online refuses the consent for good"),
    IssueKind.LAPSED: N_("The consent has lapsed"),
    IssueKind.REFUSAL_CONFIRMING: N_("Exact Online refused the consent; this is being confirmed"),
    IssueKind.NOT_AUTHENTICATED: N_("Exact Online did not accept our key"),
    IssueKind.FORBIDDEN: N_("The Exact user may not see what we ask for"),
    IssueKind.CLIENT: N_("Exact Online does not know our app"),
    IssueKind.BAD_REQUEST: N_("Exact Online did not understand our question"),
    IssueKind.OURS: N_("Something is wrong on our side, not at Exact Online"),
    IssueKind.RATE_LIMITED: N_("Exact Online asks us to slow down"),
    IssueKind.OUTAGE: N_("Exact Online cannot be reached or does not answer"),
    IssueKind.STALE: N_("No successful check lately"),
    IssueKind.UNDECIDED: N_("Another Exact user gave consent"),
    IssueKind.LAPSES_SOON: N_("The consent lapses within {days} days unless it is used"),
    IssueKind.NOT_PERMITTED: N_("Linked, no longer permitted"),
    IssueKind.ARCHIVED: N_("Linked, archived at Exact"),
    IssueKind.BLOCKED: N_("Linked, blocked at Exact for now"),
    IssueKind.INACTIVE: N_("Linked, inactive at Exact"),
    IssueKind.FAILING: N_("Exact Online does not let us into this administration"),
}
"""What is wrong."""
_REFUSED = N_("Exact Online refused the consent")


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


def setting_word(active: bool, status: str) -> str:
    """The connection setting; of what is disconnected it says nothing that is in force."""
    if status == Status.DISCONNECTED:
        return "–"
    return _("Active") if active else _("Paused")


def called(name: str) -> str:
    """The customer's name; of a draft that has none yet, what it is."""
    return name or _("Draft without a name")


def reason_sentence(reason: str, exact_message: str = "") -> str:
    """Why the status is what it is, in the reader's language; Exact's own words make a failure's more precise.

    What came of asking for a consent leads, where there is none yet.
    """
    why, asked = parts(reason)
    found = REASONS.get(why)
    sentence = _(found) if found else sentence_for(why.removeprefix(FAILURE), exact_message)
    if not asked:
        return sentence
    also = _(ASKED[asked]) if asked in ASKED else ConsentResult(Outcome(asked)).sentence
    return also if why == "waiting_for_consent" else f"{sentence} {also}"


def failure_words(kind: str) -> str:
    """What failed, in few words and without advice: what is to be done may be something else by now."""
    known = FailureKind(kind) if kind in set(FailureKind) else FailureKind.UNKNOWN
    return _(_REFUSED) if known is FailureKind.REFUSED else _(ISSUES[OF_FAILURES[known]])


def issue_words(kind: str, level: int = 0) -> str:
    """What is wrong, in the reader's language; ``level`` is the days of a coming lapse."""
    return _(ISSUES[IssueKind(kind)]).format(days=level)


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
