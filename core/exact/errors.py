"""What can go wrong at Exact Online, and who must do what about it."""

from __future__ import annotations

from datetime import datetime

from core.errors import ClickkerError
from core.exact.diagnosis import sentence_for
from core.exact.kinds import FailureKind
from core.text import neutral

__all__ = ["ExactError", "FailureKind"]

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
