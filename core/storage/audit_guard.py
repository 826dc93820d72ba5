"""Triggers that refuse to change, delete or replace what the audit log holds.

Whoever owns the database can take them away; what is edited then is found by the chain of hashes.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

_SENTENCE = "entries of the audit log are never changed or deleted"
_SQLITE = (
    f"""
    CREATE TRIGGER audit_entries_update BEFORE UPDATE ON audit_entries BEGIN
        SELECT RAISE(ABORT, '{_SENTENCE}');
    END
    """,
    f"""
    CREATE TRIGGER audit_entries_delete BEFORE DELETE ON audit_entries BEGIN
        SELECT RAISE(ABORT, '{_SENTENCE}');
    END
    """,
    # INSERT OR REPLACE deletes without firing the trigger above.
    """
    CREATE TRIGGER audit_entries_replace BEFORE INSERT ON audit_entries
    WHEN EXISTS (SELECT 1 FROM audit_entries WHERE sequence = new.sequence) BEGIN
        SELECT RAISE(ABORT, 'entries of the audit log are never replaced');
    END
    """,
)
_POSTGRESQL = (
    f"""
    CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '{_SENTENCE}';
    END $$
    """,
    """
    CREATE TRIGGER audit_entries_change BEFORE UPDATE OR DELETE ON audit_entries
    FOR EACH ROW EXECUTE FUNCTION refuse_audit_change()
    """,
    """
    CREATE TRIGGER audit_entries_truncate BEFORE TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()
    """,
)
_SQLITE_REMOVAL = tuple(
    f"DROP TRIGGER IF EXISTS audit_entries_{what}" for what in ("update", "delete", "replace")
)
_POSTGRESQL_REMOVAL = (
    "DROP TRIGGER IF EXISTS audit_entries_change ON audit_entries",
    "DROP TRIGGER IF EXISTS audit_entries_truncate ON audit_entries",
    "DROP FUNCTION IF EXISTS refuse_audit_change()",
)


def guard(connection: Connection) -> None:
    """Put the triggers up; ``unguard`` first where they may be there."""
    for statement in _SQLITE if connection.dialect.name == "sqlite" else _POSTGRESQL:
        connection.execute(text(statement))


def unguard(connection: Connection) -> None:
    """Take the triggers away: for a migration, and for the tests that play somebody who owns the database."""
    for statement in _SQLITE_REMOVAL if connection.dialect.name == "sqlite" else _POSTGRESQL_REMOVAL:
        connection.execute(text(statement))
