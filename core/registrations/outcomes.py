"""How an attempt at consent can end, and what each end is called: what happened, who acts, what comes next."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.exact.kinds import FailureKind
from core.i18n import N_, _

EXCHANGING = "exchanging"
"""The outcome of a consent while its code is with Exact: disconnecting in that moment takes it back."""


class Outcome(StrEnum):
    """A customer who refuses is a result, not an error."""

    GRANTED = "granted"
    NEEDS_DECISION = "needs_decision"
    UNIDENTIFIED = "unidentified"
    """The tokens are kept, but Exact did not tell whose they are; asking again finishes it."""
    REFUSED = "refused"
    UNKNOWN_STATE = "unknown_state"
    REUSED_STATE = "reused_state"
    EXPIRED_STATE = "expired_state"
    OTHER_BROWSER = "other_browser"
    OTHER_OPERATOR = "other_operator"
    MISSING_CODE = "missing_code"
    DOUBLED_PARAMETER = "doubled_parameter"
    PROVIDER_ERROR = "provider_error"
    TOKEN_ERROR = "token_error"  # noqa: S105 - the name of an outcome
    CLIENT_ERROR = "client_error"
    OUR_ERROR = "our_error"
    TIMEOUT = "timeout"
    MAINTENANCE = "maintenance"
    WITHDRAWN = "withdrawn"
    LINK_USED = "link_used"
    """Another browser came first with the same customer's link."""
    OTHER_COUNTRY = "other_country"
    """The registration was moved to another environment while the browser was at Exact."""

    @property
    def arrived(self) -> bool:
        """Whether tokens were received and kept."""
        return self in {Outcome.GRANTED, Outcome.NEEDS_DECISION, Outcome.UNIDENTIFIED}


OF_FAILURES = {
    FailureKind.OUTAGE: Outcome.MAINTENANCE,
    FailureKind.NOT_SENT: Outcome.TIMEOUT,
    FailureKind.UNKNOWN: Outcome.TIMEOUT,
    FailureKind.RATE_LIMITED: Outcome.MAINTENANCE,
    FailureKind.CLIENT: Outcome.CLIENT_ERROR,
    FailureKind.OURS: Outcome.OUR_ERROR,
}
"""How an attempt ends when its code could not be handed in; any other failure: the code was refused."""
BACK_FROM_EXACT = frozenset(
    {
        Outcome.GRANTED,
        Outcome.NEEDS_DECISION,
        Outcome.UNIDENTIFIED,
        Outcome.REFUSED,
        Outcome.PROVIDER_ERROR,
        Outcome.MISSING_CODE,
        Outcome.TOKEN_ERROR,
        Outcome.CLIENT_ERROR,
        Outcome.OUR_ERROR,
        Outcome.TIMEOUT,
        Outcome.MAINTENANCE,
    }
)
"""How an attempt ends with which the browser came back to us: what has come of asking the customer."""
_CODE_LENGTH = 8_000
"""Codes of more than 450 characters were seen (exact-online.md, section 2); a megabyte is no code."""


def answer_of(given: dict[str, str]) -> Outcome | None:
    """How an attempt ends by what Exact sent along with the browser; None when there is a code to hand in."""
    if given.get("error") == "access_denied":
        return Outcome.REFUSED
    if "error" in given:
        return Outcome.PROVIDER_ERROR
    code = given.get("code", "")
    return Outcome.MISSING_CODE if not code or len(code) > _CODE_LENGTH else None


@dataclass(frozen=True)
class ConsentResult:
    """How the browser's return from Exact ended."""

    outcome: Outcome
    registration_id: int | None = None
    customer: bool = False
    """Whether it was a customer with a link, who has no account here."""
    unchanged: bool = False
    """A reconnect after which everything linked is still permitted: there is nothing to choose."""
    about: str = ""
    """The name of the registration, or of several, where this browser is the one that left for it."""

    @property
    def title(self) -> str:
        return _(self._words[0])

    @property
    def sentence(self) -> str:
        """What happened."""
        return _(self._words[1])

    @property
    def who(self) -> str:
        """Who must act."""
        return _(_CUSTOMER_ACTS) if self._to_be_tried_again else _(self._words[2])

    @property
    def next_step(self) -> str:
        """What to do next."""
        return _(_CUSTOMER_NEXT) if self._to_be_tried_again else _(self._words[3])

    @property
    def _words(self) -> tuple[str, str, str, str]:
        unsaid = self.outcome is Outcome.UNKNOWN_STATE and self.about
        return _UNSAID if unsaid else _WORDS[self.outcome]

    @property
    def _to_be_tried_again(self) -> bool:
        """By the customer, who still has a link that works."""
        return self.customer and not self.outcome.arrived and self.outcome is not Outcome.LINK_USED


_CUSTOMER_ACTS = N_("You, when it suits you.")
_CUSTOMER_NEXT = N_("Open the link you were sent once more and try again. If it fails again, call Clickker.")
_YOU = N_("You, with the customer.")
_AGAIN = N_("Go back to the registration and press Connect again; nothing you entered is lost.")

_UNSAID = (
    N_("Exact Online did not say for whom"),
    N_(
        "Exact Online reported that consent was denied or did not succeed, but did not say for which of the "
        "customers for whom this browser went there. Nothing was connected and nothing was changed."
    ),
    _YOU,
    N_("Open the registration that was meant and press Connect again; the others go on as they are."),
)
"""An error without our state, in a browser that has left for several registrations."""

_WORDS: dict[Outcome, tuple[str, str, str, str]] = {
    Outcome.GRANTED: (
        N_("Consent received"),
        N_("Exact Online gave us consent and it was kept safely."),
        N_("Clickker"),
        N_("Clickker chooses the administrations. You can close this page."),
    ),
    Outcome.NEEDS_DECISION: (
        N_("Consent received from another login"),
        N_(
            "Consent was given by another Exact user than before; the old connection stays until Clickker decides."
        ),
        N_("Clickker"),
        N_("Clickker compares the two logins. You can close this page."),
    ),
    Outcome.UNIDENTIFIED: (
        N_("Consent received, Exact Online is slow"),
        N_("The consent was kept safely, but Exact Online has not yet told us whose it is."),
        N_("Clickker"),
        N_("Clickker asks Exact Online again in a moment. You can close this page."),
    ),
    Outcome.REFUSED: (
        N_("Consent was refused"),
        N_("At Exact Online, Deny was chosen. Nothing was connected and nothing was changed."),
        _YOU,
        N_(
            "Talk to the customer, then send the link again or press Connect again; nothing you entered is lost."
        ),
    ),
    Outcome.UNKNOWN_STATE: (
        N_("We do not know this attempt"),
        N_(
            "Exact Online sent the browser back with an answer to a question that we did not ask, or asked long ago."
        ),
        _YOU,
        N_("Open the registration in the dashboard and press Connect again."),
    ),
    Outcome.REUSED_STATE: (
        N_("This answer was used already"),
        N_("Each answer of Exact Online counts once. The page was probably loaded a second time."),
        N_("Nobody, if the registration has moved on."),
        N_("Open the registration to see where it stands."),
    ),
    Outcome.EXPIRED_STATE: (
        N_("This attempt took too long"),
        N_("Too much time passed between Connect and Allow, so the answer was not used."),
        _YOU,
        _AGAIN,
    ),
    Outcome.OTHER_BROWSER: (
        N_("Another browser came back"),
        N_("Consent has to end in the browser in which it began, and this is another one."),
        _YOU,
        N_("Start and finish in the same browser, without a private window, or send the customer a link."),
    ),
    Outcome.OTHER_OPERATOR: (
        N_("Somebody else is signed in"),
        N_(
            "This attempt was begun by another operator than the one signed in now, so the answer was not used."
        ),
        _YOU,
        _AGAIN,
    ),
    Outcome.MISSING_CODE: (
        N_("Exact Online's answer is incomplete"),
        N_("The code that should have come with the answer is missing or cannot be used."),
        _YOU,
        _AGAIN,
    ),
    Outcome.DOUBLED_PARAMETER: (
        N_("Exact Online's answer is not in order"),
        N_("A part of the answer came twice, so it was not trusted and not used."),
        _YOU,
        _AGAIN,
    ),
    Outcome.PROVIDER_ERROR: (
        N_("Exact Online reported an error"),
        N_("Exact Online could not handle the request for consent."),
        _YOU,
        _AGAIN,
    ),
    Outcome.TOKEN_ERROR: (
        N_("Exact Online did not accept the code"),
        N_(
            "The consent was given, but its code was no longer valid when we handed it in. A code lives three minutes."
        ),
        _YOU,
        _AGAIN,
    ),
    Outcome.CLIENT_ERROR: (
        N_("Exact Online does not know our app"),
        N_("The client id or secret in the settings is not the one that Exact Online has for this country."),
        N_("An admin of Clickker Connections."),
        N_(
            "Ask an admin to compare the settings with the app registration at Exact Online, then press Connect again."
        ),
    ),
    Outcome.OUR_ERROR: (
        N_("Something went wrong on our side"),
        N_(
            "The consent was given, but a server of Clickker could not take it, so nothing was sent to Exact Online. "
            "Exact Online and the customer have nothing to do with it."
        ),
        N_("An admin of Clickker Connections."),
        N_("Tell an admin, who finds the reason in the log of the server; then press Connect again."),
    ),
    Outcome.TIMEOUT: (
        N_("Exact Online did not answer in time"),
        N_("The consent was given, but Exact Online did not answer when we handed in its code."),
        _YOU,
        _AGAIN,
    ),
    Outcome.MAINTENANCE: (
        N_("Exact Online is under maintenance"),
        N_("The consent was given, but Exact Online is not available at the moment."),
        _YOU,
        N_("Wait a quarter of an hour, then press Connect again; nothing you entered is lost."),
    ),
    Outcome.WITHDRAWN: (
        N_("This attempt was withdrawn"),
        N_(
            "The registration was disconnected, or the link withdrawn, while consent was being given. Nothing changed."
        ),
        _YOU,
        _AGAIN,
    ),
    Outcome.OTHER_COUNTRY: (
        N_("The country was changed meanwhile"),
        N_(
            "The registration was moved to another country's Exact Online while consent was being given in the old "
            "one. That consent is not used."
        ),
        _YOU,
        _AGAIN,
    ),
    Outcome.LINK_USED: (
        N_("This link was used already"),
        N_(
            "The link works once, and consent came by it in another window or browser. What was done here was not used."
        ),
        N_("Nobody, if the other window says thank you."),
        N_("You can close this page. If the other window reports a problem, open the link there once more."),
    ),
}
