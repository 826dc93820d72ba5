"""Which consents can lapse at all, for SQL: one that Exact refuses for good is gone already."""

from __future__ import annotations

from sqlalchemy import ColumnElement

from core.registrations.status import PAUSED_WITHOUT_CONSENT, Status
from core.storage.models import Registration


def can_lapse() -> ColumnElement[bool]:
    """Of a registration with ``lapses_at``: its consent lives. The counterpart of ``status.needs_consent``."""
    without = Registration.status_reason.startswith(PAUSED_WITHOUT_CONSENT, autoescape=True)
    return ~((Registration.status == Status.RECONNECT_NEEDED) | without)
