"""How far asking the customer for a consent is: asked by a link, refused, or ended by a failure. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

LINK_SENT, LINK_EXPIRED, DENIED = "link_sent", "link_expired", "denied"
UNDECIDED, UNIDENTIFIED = "undecided", "unidentified"
"""A consent came of another login, or of one that Exact has not named yet."""
AND = "+"
"""Stands in a reason between why the status is what it is and what has come of asking."""
FAILED = frozenset(
    {
        "provider_error",
        "missing_code",
        "token_error",
        "client_error",
        "our_error",
        "timeout",
        "maintenance",
    }
)
"""How an attempt at Exact can fail without anybody having refused (``core.registrations.outcomes.Outcome``)."""
_DENIED = {"refused": DENIED} | {outcome: outcome for outcome in FAILED}


@dataclass(frozen=True)
class Asking:
    """What was done to get a consent in the registration's present country. Moments are aware UTC."""

    link_made_at: datetime | None = None
    """Of the latest link for the customer that is neither used nor withdrawn."""
    link_until: datetime | None = None
    answer: str = ""
    """How the last attempt ended with which a browser came back from Exact."""
    answered_at: datetime | None = None

    def stand(self, now: datetime) -> tuple[str, datetime | None]:
        """In one word what has come of it, and until when that holds by itself; "" where nobody is being asked.

        What an attempt ended with holds until a later attempt comes back or a new link is made: the link by which the
        customer refused is open still, and says nothing.
        """
        word = _DENIED.get(self.answer, "")
        if word and not self._asked_since:
            return word, None
        if self.link_until is None:
            return "", None
        return (LINK_SENT, self.link_until) if now < self.link_until else (LINK_EXPIRED, None)

    @property
    def _asked_since(self) -> bool:
        made, answered = self.link_made_at, self.answered_at
        return made is not None and answered is not None and made > answered


NOT_ASKED = Asking()


def parts(reason: str) -> tuple[str, str]:
    """A reason in two: why the status is what it is, and what has come of asking for a consent, "" for nothing."""
    why, _and, asked = reason.partition(AND)
    return why, asked
