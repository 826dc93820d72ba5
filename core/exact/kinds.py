"""What a failure at Exact Online means for us, in ten kinds."""

from __future__ import annotations

from enum import StrEnum


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


class Family(StrEnum):
    """Failures with one cause, where many have them at once. One family's incident says nothing of another's."""

    OUTAGE = "outage"
    """Exact, or the way to it."""
    REFUSAL = "refusal"
    """Exact does not accept what customers gave us: its trouble, our app's, or several who withdrew at once."""
    CLIENT = "client"
    """Exact does not know our app: its settings are wrong."""


FAMILIES: dict[FailureKind, Family] = {
    FailureKind.OUTAGE: Family.OUTAGE,
    FailureKind.UNKNOWN: Family.OUTAGE,
    FailureKind.NOT_SENT: Family.OUTAGE,
    FailureKind.REFUSED: Family.REFUSAL,
    FailureKind.NOT_AUTHENTICATED: Family.REFUSAL,
    FailureKind.CLIENT: Family.CLIENT,
}
"""Failures that, when many have them at once, need not be the customers'. The others always have one customer, or us,
as their cause."""
