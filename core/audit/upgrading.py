"""Bringing the database to this version's tables, with a line in the audit log."""

from __future__ import annotations

from core.audit.events import Event
from core.audit.heads import HEADS, HeadFile
from core.audit.record import record
from core.settings import Settings
from core.storage import schema
from core.storage.database import Database


def upgrade_and_record(settings: Settings) -> None:
    """Upgrade, and record from where to where when there was something to do; needs no keys."""
    database = Database(settings.database_url.get_secret_value())
    database.info[HEADS] = HeadFile(settings.audit_head_file)
    try:
        before = schema.current_revision(database)
        schema.upgrade(database)
        after = schema.current_revision(database)
        if before != after:
            with database.transaction() as session:
                record(session, Event.DATABASE_UPGRADED, None, detail=f"{before or '-'} {after}")
    finally:
        database.dispose()
