"""What the file of the audit log holds."""

from __future__ import annotations

from datetime import datetime

from core import clock
from core.audit.detail_words import detail_words
from core.audit.event_words import actor_word, event_word, outcome_word, subject_words
from core.audit.listing import AuditRow
from core.i18n import N_
from dashboard.tables import Column


def _written(at: datetime) -> str:
    return f"{at.astimezone(clock.DUTCH):%Y-%m-%d %H:%M:%S}{clock.offset_mark(at)}"


AUDIT_COLUMNS: tuple[Column[AuditRow], ...] = (
    Column(N_("Number"), lambda row: row.sequence, kind="number"),
    Column(N_("When"), lambda row: _written(row.at), 20, "written"),
    Column(N_("Who"), actor_word, 24),
    Column(N_("E-mail address"), lambda row: row.actor_email, 30),
    Column(N_("What"), lambda row: event_word(row.event), 36),
    Column(N_("On what"), lambda row: subject_words(row.subject), 40),
    Column(N_("Outcome"), lambda row: outcome_word(row.outcome)),
    Column(N_("From where"), lambda row: row.address, 18, "written"),
    Column(N_("Details"), detail_words, 40),
    Column(N_("Hash"), lambda row: row.hash, 66),
)
