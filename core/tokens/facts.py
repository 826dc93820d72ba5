"""What follows from a grant's facts; pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from core.settings import Settings
from core.storage.models import Grant

CONFIRMING_REFUSALS = 3
CONFIRMING_TIME = timedelta(hours=2)
"""One refusal proves nothing: Exact has refused at night and accepted later (exact-online.md, section 3)."""


def lapses_at(rotated_at: datetime, settings: Settings) -> datetime:
    """When a grant lapses if its refresh token is not used before."""
    return rotated_at + settings.consent_life


def grant_is_dead(grant: Grant) -> bool:
    """Whether Exact has refused the refresh token for good: three definite refusals over two hours or more."""
    if grant.refusals < CONFIRMING_REFUSALS or grant.refused_since is None or grant.last_failure_at is None:
        return False
    return grant.last_failure_at - grant.refused_since >= CONFIRMING_TIME
