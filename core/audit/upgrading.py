"""Bringing the database to this version's tables, with a line in the audit log."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError

from core.audit.events import Event
from core.audit.heads import HEADS, HeadFile
from core.audit.record import record
from core.errors import SettingsError
from core.settings import Settings
from core.storage import schema
from core.storage.database import Database
from core.storage.database_address import unreachable


def upgrade_and_record(settings: Settings) -> None:
    """Upgrade, and record from where to where when there was something to do; needs no keys."""
    address = settings.database_url.get_secret_value()
    database = Database(address)
    database.info[HEADS] = HeadFile(settings.audit_head_file)
    try:
        before = schema.current_revision(database)
        schema.upgrade(database)
        after = schema.current_revision(database)
        if before != after:
            with database.transaction() as session:
                record(session, Event.DATABASE_UPGRADED, None, detail=f"{before or '-'} {after}")
    except DBAPIError as error:
        raise SettingsError(unreachable(error, address)) from None
    finally:
        database.dispose()
