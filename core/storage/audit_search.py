"""Finding a part of what an entry of the audit log is about: trigrams, as for the lists (``core.storage.search``).

Entries are only added, so one trigger keeps the SQLite table in step. PostgreSQL without pg_trgm reads every subject.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from core.storage.search import install

AUDIT_SEARCH_INDEX = "ix_audit_entries_search"
_SQLITE = (
    "DROP TRIGGER IF EXISTS audit_search_insert",
    "DROP TABLE IF EXISTS audit_search",
    """
    CREATE VIRTUAL TABLE audit_search
    USING fts5(subject_key, content='', columnsize=0, detail=none, tokenize='trigram')
    """,
    """
    CREATE TRIGGER audit_search_insert AFTER INSERT ON audit_entries BEGIN
        INSERT INTO audit_search(rowid, subject_key) VALUES (new.sequence, new.subject_key);
    END
    """,
    "INSERT INTO audit_search(rowid, subject_key) SELECT sequence, subject_key FROM audit_entries",
)
_POSTGRESQL = (
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    f"""
    CREATE INDEX IF NOT EXISTS {AUDIT_SEARCH_INDEX} ON audit_entries
    USING gin (subject_key gin_trgm_ops) WITH (fastupdate = off)
    """,
)


def install_audit_search(connection: Connection) -> None:
    """Make (again) what the search needs; nothing on a PostgreSQL without pg_trgm, or where it may not be created."""
    install(connection, sqlite=_SQLITE, postgresql=_POSTGRESQL)


def remove_audit_search(connection: Connection) -> None:
    """Take it away again."""
    if connection.dialect.name == "sqlite":
        for statement in _SQLITE[:2]:
            connection.execute(text(statement))
    else:
        connection.execute(text(f"DROP INDEX IF EXISTS {AUDIT_SEARCH_INDEX}"))
