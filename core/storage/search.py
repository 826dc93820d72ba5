"""Finding a part of a name without reading every name: runs of its characters, as each database can look them up.

SQLite: a full-text table beside each list, kept in step by triggers, in which every run of five characters is a
word. FTS5's own trigrams take a third of the room, and several times as long in a million names, of which many share
any three characters. PostgreSQL: an index of the extension pg_trgm where the server has it; where it has not, every
name is read, and ``doctor`` says so.

Whoever lets Alembic rebuild one of these tables on SQLite (batch mode) must call ``install_search`` afterwards:
triggers go with the table they hang on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from core.storage.database import Database

SHORTEST_PART = 3
"""A shorter text than a trigram finds names that begin with it, not parts of names."""
SEARCH_INDEXES = ("ix_registrations_search", "ix_administrations_search")

LONGEST_RUN = 5
"""Characters of a word in SQLite's tables; the last two words of a name are shorter."""

# prefix: three and four characters are looked up as the beginning of a word. categories, separators: whatever stands
# in a name belongs to a word. detail=none: which rows hold a word, without its place; the row itself is compared
# anyway. content='': the names are not kept a second time.
_OPTIONS = (
    "prefix='3 4', content='', columnsize=0, detail=none, tokenize=\"unicode61 remove_diacritics 0"
    " categories 'L* M* N* P* S* Z* C*' separators '\x1f'\""
)


def _runs(name: str) -> str:
    """SQL: the words of the column ``name``, beginning at each of its characters but the last two."""
    # A trigger can count up to a length only along a list that is made for it.
    places = f"'[' || replace(hex(zeroblob(length({name}) - {SHORTEST_PART})), '00', '0,') || '0]'"
    word = f"substr({name}, json_each.key + 1, {LONGEST_RUN})"
    return f"(SELECT group_concat({word}, char(31)) FROM json_each({places}))"  # noqa: S608 - our own names


def _full_text(table: str, columns: Sequence[str], only: str = "id") -> Iterator[str]:
    """The table of words beside ``table``, which holds the rows in which ``only`` is true, and what keeps it so."""
    search, named = f"{table}_search", ", ".join(columns)

    def words(row: str) -> str:
        return ", ".join([f"{row}.id", *(_runs(f"{row}.{column}") for column in columns)])

    entered = f"INSERT INTO {search}(rowid, {named}) SELECT {words('new')} WHERE new.{only}"
    removed = (
        f"INSERT INTO {search}({search}, rowid, {named}) SELECT 'delete', {words('old')} WHERE old.{only}"
    )
    changed = " OR ".join(f"old.{column} IS NOT new.{column}" for column in (*columns, only))
    yield f"CREATE VIRTUAL TABLE {search} USING fts5({named}, {_OPTIONS})"
    yield f"CREATE TRIGGER {search}_insert AFTER INSERT ON {table} BEGIN {entered}; END"
    yield f"CREATE TRIGGER {search}_delete AFTER DELETE ON {table} BEGIN {removed}; END"
    # One trigger for both halves: the order in which several fire is not defined.
    yield f"""
        CREATE TRIGGER {search}_update AFTER UPDATE OF {named}, {only} ON {table} WHEN {changed}
        BEGIN {removed}; {entered}; END
    """
    yield f"INSERT INTO {search}(rowid, {named}) SELECT {words(table)} FROM {table} WHERE {only}"  # noqa: S608


def _sqlite(also: str) -> tuple[str, ...]:
    return (
        *_full_text("registrations", ("name_key", also)),
        *_full_text("administrations", ("name_key",), only="linked"),
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


def _postgresql(also: str) -> tuple[str, ...]:
    return (
        "CREATE EXTENSION IF NOT EXISTS pg_trgm",
        # Without fastupdate: new names would wait in a list that every search reads in full, and with a few hundred
        # waiting PostgreSQL rather reads the whole table, until its own vacuum comes by.
        f"""
        CREATE INDEX IF NOT EXISTS ix_registrations_search ON registrations
        USING gin (name_key gin_trgm_ops, {also} gin_trgm_ops) WITH (fastupdate = off)
        """,
        """
        CREATE INDEX IF NOT EXISTS ix_administrations_search ON administrations
        USING gin (name_key gin_trgm_ops) WITH (fastupdate = off) WHERE linked
        """,
    )


_HAS_PG_TRGM = "SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'"


def install_search(connection: Connection) -> None:
    """Make (again) what part-of-name search needs, from the rows that are there."""
    columns = {column["name"] for column in inspect(connection).get_columns("registrations")}
    # Migrations before the one that folds references call this too.
    also = "reference_key" if "reference_key" in columns else "reference"
    install(connection, sqlite=(*_SQLITE_REMOVAL, *_sqlite(also)), postgresql=_postgresql(also))


def remove_search(connection: Connection) -> None:
    """Take it away: for a migration that changes what is searched, and calls ``install_search`` afterwards."""
    if connection.dialect.name == "sqlite":
        for statement in _SQLITE_REMOVAL:
            connection.execute(text(statement))
    else:
        remove_search_indexes(connection)


def install(connection: Connection, sqlite: Iterable[str], postgresql: Iterable[str]) -> None:
    """Run what the database at hand needs to find parts of texts.

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
