"""Everything that a query matches, without holding it all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from sqlalchemy import Connection, Select, select, tuple_

from core.application import Application
from core.registrations.lists import SqlList
from core.registrations.matching import Wanted, conditions, matching_ids, wanted
from core.registrations.query import COUNT_LIMIT, ListQuery
from core.storage.sets import among

Row = TypeVar("Row")

CHUNK = 1_000


def stream_ids(
    app: Application,
    listed: SqlList,
    query: ListQuery,
    read_rows: Callable[[Connection, Sequence[int]], list[Row]],
) -> Iterator[Row]:
    """Rows by name and id, a chunk a transaction: a slow reader keeps nobody waiting.

    Each chunk goes on where the last one ended, so no row comes twice unless it is renamed meanwhile.
    """
    want = wanted(listed, query)
    after: tuple[str, int] | None = None
    while True:
        with app.database.rows() as connection:
            found = connection.execute(_next(connection, want, after)).all()
            rows = read_rows(connection, [number for number, _key in found])
        yield from rows
        if len(found) < CHUNK:
            return
        after = (found[-1][1], found[-1][0])


def _next(connection: Connection, want: Wanted, after: tuple[str, int] | None) -> Select[int, str]:
    listed = want.listed
    statement = select(listed.id, listed.name_key).order_by(listed.name_key, listed.id).limit(CHUNK)
    if want.part:
        few = matching_ids(connection, want, COUNT_LIMIT + 1)
        if len(few) <= COUNT_LIMIT:
            return _after(statement.where(among(connection, listed.id, few)), listed, after)
    # Of many matches: along the index of the names, or of the filter, which holds the names in order too.
    return _after(statement.where(*conditions(connection, want)), listed, after)


def _after(statement: Select[int, str], listed: SqlList, after: tuple[str, int] | None) -> Select[int, str]:
    if after is None:
        return statement
    return statement.where(tuple_(listed.name_key, listed.id) > tuple_(*after))
