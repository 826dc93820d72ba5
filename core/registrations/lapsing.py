"""Which consents can lapse at all, for SQL: one that Exact refuses for good is gone already."""

from __future__ import annotations

from sqlalchemy import ColumnElement, or_

from core.registrations.status import ENDED
from core.storage.models import Registration


def can_lapse() -> ColumnElement[bool]:
    """Of a registration with ``lapses_at``: its consent lives. Reasons begin with why."""
    return ~or_(*(Registration.status_reason.startswith(why, autoescape=True) for why in ENDED))
