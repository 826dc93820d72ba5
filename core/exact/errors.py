"""What can go wrong at Exact Online, and who must do what about it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from core.errors import ClickkerError
from core.exact.sentences import sentence_for
from core.text import neutral


class FailureKind(StrEnum):
    """What a failure means for us; stored in the facts of a grant, a registration and an administration."""

    NOT_SENT = "not_sent"
    """No connection, so nothing was sent: DNS, refused, TLS."""
    UNKNOWN = "unknown"
    """Sent, but the answer is missing or unusable: read time-out, reset, bad JSON."""
    OUTAGE = "outage"
    """5xx, or a maintenance page."""
    RATE_LIMITED = "rate_limited"
    TOO_EARLY = "too_early"
    """A refresh sooner than 570 s after the previous token; the present tokens stay good."""
    REFUSED = "refused"
    """The refresh token or the code is definitely not accepted: only a new consent mends it."""
    NOT_AUTHENTICATED = "not_authenticated"
    """401 on an API call: the access token is not accepted."""
    FORBIDDEN = "forbidden"
    """403: the Exact user, the administration or the app's scope does not permit it."""
    BAD_REQUEST = "bad_request"
    CLIENT = "client"
    """The client id or secret of our app is wrong."""
    OURS = "ours"
    """Something went wrong on our side; Exact was not the cause."""


_RETRYABLE = {
    FailureKind.NOT_SENT,
    FailureKind.UNKNOWN,
    FailureKind.OUTAGE,
    FailureKind.RATE_LIMITED,
    FailureKind.TOO_EARLY,
    FailureKind.NOT_AUTHENTICATED,
}


class ExactError(ClickkerError):
    """Anything Exact Online did that was not a proper answer.

    ``exact_message`` is Exact's own words, neutralised, at most 500 characters; ``retry_at`` the moment from which
    trying again makes sense, when known; ``status`` the HTTP status, when there was an answer.
    """

    def __init__(
        self,
        kind: FailureKind,
        *,
        exact_message: str = "",
        retry_at: datetime | None = None,
        status: int | None = None,
        message: str = "",
    ) -> None:
        self.kind = kind
        self.exact_message = neutral(exact_message, 500)
        self.retry_at = retry_at
        self.status = status
        self.retryable = kind in _RETRYABLE
        super().__init__(message or sentence_for(kind.value, self.exact_message))

    def __repr__(self) -> str:
        return f"ExactError({self.kind.value}, status={self.status})"
