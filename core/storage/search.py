"""Finding a part of a name without reading every name: trigrams, as each database has them.

SQLite: a full-text table of trigrams beside each list, kept in step by triggers. PostgreSQL: an index of the
extension pg_trgm where the server has it; where it has not, every name is read, and ``doctor`` says so.

Whoever lets Alembic rebuild one of these tables on SQLite (batch mode) must call ``install_search`` afterwards:
triggers go with the table they hang on.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from core.storage.database import Database

SHORTEST_PART = 3
"""A shorter text than a trigram finds names that begin with it, not parts of names."""
SEARCH_INDEXES = ("ix_registrations_search", "ix_administrations_search")

# detail=none: which rows hold a trigram, without its place; a third of the size, and the row itself is compared
# anyway. content='': the names are not kept a second time.
_OPTIONS = "content='', columnsize=0, detail=none, tokenize='trigram'"

_SQLITE = (
    f"CREATE VIRTUAL TABLE registrations_search USING fts5(name_key, reference, {_OPTIONS})",
    f"CREATE VIRTUAL TABLE administrations_search USING fts5(name_key, {_OPTIONS})",
    """
    CREATE TRIGGER registrations_search_insert AFTER INSERT ON registrations BEGIN
        INSERT INTO registrations_search(rowid, name_key, reference)
        VALUES (new.id, new.name_key, new.reference);
    END
    """,
    """
    CREATE TRIGGER registrations_search_delete AFTER DELETE ON registrations BEGIN
        INSERT INTO registrations_search(registrations_search, rowid, name_key, reference)
        VALUES ('delete', old.id, old.name_key, old.reference);
    END
    """,
    """
    CREATE TRIGGER registrations_search_update AFTER UPDATE OF name_key, reference ON registrations
    WHEN old.name_key IS NOT new.name_key OR old.reference IS NOT new.reference BEGIN
        INSERT INTO registrations_search(registrations_search, rowid, name_key, reference)
        VALUES ('delete', old.id, old.name_key, old.reference);
        INSERT INTO registrations_search(rowid, name_key, reference)
        VALUES (new.id, new.name_key, new.reference);
    END
    """,
    """
    CREATE TRIGGER administrations_search_insert AFTER INSERT ON administrations WHEN new.linked BEGIN
        INSERT INTO administrations_search(rowid, name_key) VALUES (new.id, new.name_key);
    END
    """,
    """
    CREATE TRIGGER administrations_search_delete AFTER DELETE ON administrations WHEN old.linked BEGIN
        INSERT INTO administrations_search(administrations_search, rowid, name_key)
        VALUES ('delete', old.id, old.name_key);
    END
    """,
    # One trigger for both halves: the order in which several fire is not defined.
    """
    CREATE TRIGGER administrations_search_update AFTER UPDATE OF name_key, linked ON administrations
    WHEN old.name_key IS NOT new.name_key OR old.linked IS NOT new.linked BEGIN
        INSERT INTO administrations_search(administrations_search, rowid, name_key)
        SELECT 'delete', old.id, old.name_key WHERE old.linked;
        INSERT INTO administrations_search(rowid, name_key) SELECT new.id, new.name_key WHERE new.linked;
    END
    """,
    "INSERT INTO registrations_search(rowid, name_key, reference) SELECT id, name_key, reference FROM registrations",
    "INSERT INTO administrations_search(rowid, name_key) SELECT id, name_key FROM administrations WHERE linked",
)
_SQLITE_REMOVAL = (
    *(
        f"DROP TRIGGER IF EXISTS {table}_search_{event}"
        for table in ("registrations", "administrations")
        for event in ("insert", "update", "delete")
    ),
    "DROP TABLE IF EXISTS registrations_search",
    "DROP TABLE IF EXISTS administrations_search",
)
_POSTGRESQL = (
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    # Without fastupdate: new names would wait in a list that every search reads in full, and with a few hundred
    # waiting PostgreSQL rather reads the whole table, until its own vacuum comes by.
    """
    CREATE INDEX IF NOT EXISTS ix_registrations_search ON registrations
    USING gin (name_key gin_trgm_ops, lower(reference) gin_trgm_ops) WITH (fastupdate = off)
    """,
    """
    CREATE INDEX IF NOT EXISTS ix_administrations_search ON administrations
    USING gin (name_key gin_trgm_ops) WITH (fastupdate = off) WHERE linked
    """,
)
_HAS_PG_TRGM = "SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'"


def install_search(connection: Connection) -> None:
    """Make (again) what part-of-name search needs, from the rows that are there."""
    install(connection, sqlite=(*_SQLITE_REMOVAL, *_SQLITE), postgresql=_POSTGRESQL)


def install(connection: Connection, sqlite: Iterable[str], postgresql: Iterable[str]) -> None:
    """Run what the database at hand needs for trigrams.

    On PostgreSQL it does nothing when the server has no pg_trgm or the role may not create it.
    """
    if connection.dialect.name == "sqlite":
        for statement in sqlite:
            connection.execute(text(statement))
        return
    if connection.scalar(text(_HAS_PG_TRGM)) is None:
        return
    try:
        with connection.begin_nested():
            for statement in postgresql:
                connection.execute(text(statement))
    except DBAPIError:
        # The role lacks the right to create the extension: search works all the same, only slower.
        return


def remove_search_indexes(connection: Connection) -> None:
    """Take PostgreSQL's indexes away until ``install_search``: many rows at once are entered faster without."""
    for name in SEARCH_INDEXES:
        connection.execute(text(f"DROP INDEX IF EXISTS {name}"))


def search_backend(database: Database) -> str:
    """How part of a name is found: "fts5", "pg_trgm", or "scan", which reads every name.

    With "scan" an administrator of the server can install pg_trgm (Debian: postgresql-contrib) and upgrade again.
    """
    if database.is_sqlite:
        return "fts5"
    with database.engine.connect() as connection:
        found = connection.scalar(
            text("SELECT count(*) FROM pg_indexes WHERE indexname = ANY(:names)"),
            {"names": list(SEARCH_INDEXES)},
        )
    return "pg_trgm" if found == len(SEARCH_INDEXES) else "scan"
