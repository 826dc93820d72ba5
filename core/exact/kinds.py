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
