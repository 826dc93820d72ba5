"""One page of a list, at a cost that does not grow with the list.

The ids of the page come first, out of one index where there is one: for no filter or one, in any order for the
former and by name for the latter. Everything else is decided by how many rows match. Up to a thousand are fetched
and sorted. Of more than that, every n-th row matches, so we walk along the index of the sort until the page
is full.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select
from sqlalchemy.orm import InstrumentedAttribute

from core.registrations.lists import Column, SqlList
from core.registrations.matching import Wanted, conditions, matching_ids, wanted
from core.registrations.query import COUNT_LIMIT, PAGE_SIZE, ListQuery, Page
from core.storage.sets import among, as_ids, of_ids

_DEFAULT = "name"


def page_of_ids(connection: Connection, listed: SqlList, query: ListQuery) -> Page[int]:
    """The ids of the rows on the page that is asked for, in its order."""
    want = wanted(listed, query)
    if _served(want, query):
        count = _count(connection, want)
        few: list[int] | None = None
    else:
        few = matching_ids(connection, want, COUNT_LIMIT + 1)
        count = len(few)
    more = count > COUNT_LIMIT
    shown = min(count, COUNT_LIMIT)
    pages = max(1, -(-shown // PAGE_SIZE))
    number = min(max(query.page, 1), pages)
    first = (number - 1) * PAGE_SIZE
    if few is not None and not more:
        ids = _sorted(connection, listed, query, few, first)
    else:
        ids = _walk(connection, want, query, first, indexed=few is None)
    return Page(tuple(ids), shown, more, number, pages)


def read_rows(
    connection: Connection,
    columns: Select[*tuple[Any, ...]],
    number: InstrumentedAttribute[int],
    ids: Sequence[int],
) -> Sequence[Row[Any]]:
    """The rows with these ids, in no order."""
    dialect = connection.dialect.name
    return connection.execute(of_ids(columns, number, dialect), as_ids(ids, dialect)).all() if ids else []


def in_order(rows: Sequence[Any], ids: Sequence[int]) -> list[Any]:
    """``rows``, which have their id as ``id``, in the order of ``ids``; those gone in between are left out."""
    by_id = {row.id: row for row in rows}
    return [by_id[number] for number in ids if number in by_id]


def _served(want: Wanted, query: ListQuery) -> bool:
    """Whether one index holds exactly the rows that match, in the order that is asked for."""
    by_name = query.sort == _DEFAULT or query.sort not in want.listed.sorts
    if want.term:
        return by_name and not want.part and not want.equal
    return not want.equal or (by_name and len(want.equal) == 1)


def _count(connection: Connection, want: Wanted) -> int:
    """How many match; one more than the limit when there are more."""
    found = select(want.listed.id).where(*conditions(connection, want)).limit(COUNT_LIMIT + 1).subquery()
    return connection.scalar(select(func.count()).select_from(found)) or 0


def _sorted(
    connection: Connection, listed: SqlList, query: ListQuery, ids: list[int], first: int
) -> list[int]:
    """A page of the rows ``ids``, a thousand at most."""
    if not ids:
        return []
    columns = _columns(listed, query)
    order = [columns[0].is_(None), *_directed(columns, query)]
    statement = select(listed.id).where(among(connection, listed.id, ids)).order_by(*order)
    return list(connection.scalars(statement.limit(PAGE_SIZE).offset(first)))


def _walk(connection: Connection, want: Wanted, query: ListQuery, first: int, *, indexed: bool) -> list[int]:
    """A page along the index of the sort; unset values come last in both directions."""
    columns = _columns(want.listed, query)
    statement = select(want.listed.id).where(*conditions(connection, want, indexed=indexed))
    # The filter's column stands first in its index, so it may stand first in the order as well.
    order = _directed(
        (*(filtered for filtered, _value in want.equal), *columns) if indexed else columns, query
    )
    if not columns[0].property.columns[0].nullable:
        return _take(connection, statement.order_by(*order), first, PAGE_SIZE)
    known = statement.where(columns[0].is_not(None))
    ids = _take(connection, known.order_by(*order), first, PAGE_SIZE)
    if len(ids) == PAGE_SIZE:
        return ids
    before = first + len(ids) if ids else _how_many(connection, known, first)
    unset = statement.where(columns[0].is_(None)).order_by(*order)
    return ids + _take(connection, unset, max(0, first - before), PAGE_SIZE - len(ids))


def _how_many(connection: Connection, statement: Select[int], limit: int) -> int:
    return connection.scalar(select(func.count()).select_from(statement.limit(limit).subquery())) or 0


def _take(connection: Connection, statement: Select[int], first: int, size: int) -> list[int]:
    return list(connection.scalars(statement.limit(size).offset(first)))


def _columns(listed: SqlList, query: ListQuery) -> tuple[Column, ...]:
    return listed.sorts.get(query.sort, listed.sorts[_DEFAULT])


def _directed(columns: Sequence[Column], query: ListQuery) -> list[ColumnElement[Any]]:
    return [column.desc() if query.descending else column.asc() for column in columns]
