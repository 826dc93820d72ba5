"""Many rows at once, past the ORM."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from psycopg import Connection, sql
from sqlalchemy import Table, func, insert, select, text
from sqlalchemy.orm import Session

from core.storage.models import Base
from core.storage.search import install_search, remove_search_indexes
from core.storage.sets import on_sqlite


@contextmanager
def indexes_later(session: Session, *models: type[Base]) -> Iterator[None]:
    """Take the indexes of ``models`` away and make them again afterwards, sorted: three times as fast for a million.

    Those of pg_trgm too; SQLite's search tables stay, and follow row by row.

    All in the transaction of ``session``: whoever looks meanwhile waits (PostgreSQL) or sees them (SQLite), and
    when the block fails they are back. Unique ones stay.
    """
    connection = session.connection()
    indexes = [index for model in models for index in _table(model).indexes if not index.unique]
    for index in indexes:
        index.drop(connection)
    if not on_sqlite(session):
        remove_search_indexes(connection)
    yield
    for index in indexes:
        index.create(connection)
    if not on_sqlite(session):
        install_search(connection)


def insert_rows(session: Session, model: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    """Insert ``rows``, which all name the same columns, ids included; columns left out become NULL."""
    if not rows:
        return
    if on_sqlite(session):
        session.connection().execute(insert(model), list(rows))
        return
    names = list(rows[0])
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(_table(model).name), sql.SQL(", ").join(map(sql.Identifier, names))
    )
    driver: Connection[Any] = session.connection().connection.driver_connection  # type: ignore[assignment]
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row([row[name] for name in names])


def go_on_after(session: Session, model: type[Base]) -> None:
    """Let PostgreSQL hand out ids after the highest there is; SQLite does so of itself."""
    if on_sqlite(session):
        return
    number = _table(model).c.id
    sequence = func.pg_get_serial_sequence(_table(model).name, "id")
    session.execute(select(func.setval(sequence, select(func.max(number)).scalar_subquery())))


def learn(session: Session, *models: type[Base]) -> None:
    """Let PostgreSQL look at the new rows; SQLite is asked in words that need no figures."""
    if not on_sqlite(session):
        for model in models:
            session.execute(text(f"ANALYZE {_table(model).name}"))


def _table(model: type[Base]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)  # noqa: S101 - for the type checker
    return table
