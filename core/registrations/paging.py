"""One page of a list, at a cost that does not grow with the list.

The ids of the page come first, out of one index where there is one: for no filter or one, in any order for the
former and by name for the latter. Everything else is decided by how many rows match. Up to a thousand are fetched
and sorted. Of more than that, every n-th row matches, so we walk along the index of the sort until the page
is full. But names that hold a part may all stand at the end of the alphabet: of those SQLite is told to sort up to
ten thousand; PostgreSQL decides such things by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, func, select
from sqlalchemy.orm import InstrumentedAttribute

from core.registrations.lists import Column, SqlList
from core.registrations.matching import (
    Shape,
    Wanted,
    asked_twice,
    conditions,
    limited,
    matching,
    matching_ids,
    wanted,
)
from core.registrations.query import COUNT_LIMIT, PAGE_SIZE, ListQuery, Page
from core.storage.rows import Line, Rows
from core.storage.sets import among, as_ids

_DEFAULT = "name"
SORTED = 10
"""So many times ``COUNT_LIMIT`` names that hold a part are sorted rather than walked up to."""
Order = tuple[str, bool]
"""Sort and whether it descends."""


def page_of_ids(rows: Rows, listed: SqlList, query: ListQuery) -> Page[int]:
    """The ids of the rows on the page that is asked for, in its order."""
    want = wanted(listed, query, sqlite=rows.sqlite)
    order = (query.sort if query.sort in listed.sorts else _DEFAULT, query.descending)
    few: list[int] | None = None
    served = _served(want.shape, order)
    if served:
        (count,) = rows.column({**want.given, "limit": COUNT_LIMIT + 1}, _count, want.shape)
    else:
        few = _in_order(rows, want, order, COUNT_LIMIT)
        count = COUNT_LIMIT + 1 if few is None else len(few)
        if few is None and rows.sqlite and want.shape.search == "contains":
            few = _in_order(rows, want, order, SORTED * COUNT_LIMIT)
    more = count > COUNT_LIMIT
    shown = min(count, COUNT_LIMIT)
    pages = max(1, -(-shown // PAGE_SIZE))
    number = min(max(query.page, 1), pages)
    first = (number - 1) * PAGE_SIZE
    if few is None:
        few, first = _walk(rows, want, order, first, indexed=served), 0
    return Page(tuple(few[first : first + PAGE_SIZE]), shown, more, number, pages)


def read_rows(
    rows: Rows,
    columns: Select[*tuple[Any, ...]],
    number: InstrumentedAttribute[int],
    ids: Sequence[int],
) -> list[Line]:
    """The rows with these ids, in this order; those gone in between are left out. ``number`` is the first column."""
    found = rows.all(as_ids(ids, sqlite=rows.sqlite), _of_ids, columns, number) if ids else []
    by_id = {row[0]: row for row in found}
    return [by_id[each] for each in ids if each in by_id]


def _of_ids(
    sqlite: bool, columns: Select[*tuple[Any, ...]], number: InstrumentedAttribute[int]
) -> Select[*tuple[Any, ...]]:
    return columns.where(among(number, sqlite=sqlite))


def _served(shape: Shape, order: Order) -> bool:
    """Whether one index holds exactly the rows that match, in the order that is asked for."""
    by_name = order[0] == _DEFAULT
    if shape.search:
        return by_name and not shape.part and not shape.filters
    return not shape.filters or (by_name and len(shape.filters) == 1)


def _in_order(rows: Rows, want: Wanted, order: Order, most: int) -> list[int] | None:
    """All that match, in their order; None when they are more than ``most``."""
    if want.shape.search == "contains" and not asked_twice(rows, want):
        # Each row has been read to be compared: sorting it in the same question costs little.
        found = rows.column(limited(rows, want, most + 1), _matching_sorted, want.shape, order)
    else:
        found = matching_ids(rows, want, most + 1)
        if found and len(found) <= most:
            found = rows.column(as_ids(found, sqlite=rows.sqlite), _sorted, want.shape.listed, order)
    return found if len(found) <= most else None


def _matching_sorted(sqlite: bool, shape: Shape, order: Order) -> Select[int]:
    found = matching(sqlite, shape).add_columns(*shape.listed.sorts[order[0]]).subquery()
    number, *columns = found.c
    return select(number).order_by(*_unset_last(shape.listed, order, columns))


def _sorted(sqlite: bool, listed: SqlList, order: Order) -> Select[int]:
    """The rows "ids"."""
    found = select(listed.id).where(among(listed.id, sqlite=sqlite))
    return found.order_by(*_unset_last(listed, order, listed.sorts[order[0]]))


def _count(sqlite: bool, shape: Shape) -> Select[int]:
    """How many match, up to the parameter "limit"."""
    found = select(shape.listed.id).where(*conditions(sqlite, shape)).limit(bindparam("limit"))
    return select(func.count()).select_from(found.subquery())


def _walk(rows: Rows, want: Wanted, order: Order, first: int, *, indexed: bool) -> list[int]:
    """A page along the index of the sort; unset values come last in both directions."""
    shape, given = want.shape, want.given
    if not _may_be_unset(shape.listed, order):
        return _take(rows, given, first, PAGE_SIZE, _along, shape, order, indexed)
    ids = _take(rows, given, first, PAGE_SIZE, _along, shape, order, indexed, False)
    if len(ids) == PAGE_SIZE:
        return ids
    before = first + len(ids)
    if not ids:
        (before,) = rows.column({**given, "limit": first}, _how_many_set, shape, order, indexed)
    left = PAGE_SIZE - len(ids)
    return ids + _take(rows, given, max(0, first - before), left, _along, shape, order, indexed, True)


def _along(sqlite: bool, shape: Shape, order: Order, indexed: bool, unset: bool | None = None) -> Select[int]:
    """``unset``: only the rows in which the column of the sort is, or is not."""
    columns = shape.listed.sorts[order[0]]
    # The filter's column stands first in its index, so it may stand first in the order as well.
    before = tuple(shape.listed.filters[name] for name, _unset in shape.filters) if indexed else ()
    found = _narrowed(sqlite, shape, columns[0], indexed, unset)
    return _page_of(found.order_by(*_directed((*before, *columns), order)))


def _how_many_set(sqlite: bool, shape: Shape, order: Order, indexed: bool) -> Select[int]:
    found = _narrowed(sqlite, shape, shape.listed.sorts[order[0]][0], indexed, False)
    return select(func.count()).select_from(found.limit(bindparam("limit")).subquery())


def _narrowed(sqlite: bool, shape: Shape, first: Column, indexed: bool, unset: bool | None) -> Select[int]:
    found = select(shape.listed.id).where(*conditions(sqlite, shape, indexed=indexed))
    if unset is None:
        return found
    return found.where(first.is_(None) if unset else first.is_not(None))


def _page_of(found: Select[int]) -> Select[int]:
    return found.limit(bindparam("size")).offset(bindparam("first"))


def _take(
    rows: Rows,
    given: Mapping[str, Any],
    first: int,
    size: int,
    make: Callable[..., Select[int]],
    *shape: Hashable,
) -> list[int]:
    return rows.column({**given, "first": first, "size": size}, make, *shape)


def _unset_last(
    listed: SqlList, order: Order, columns: Sequence[ColumnElement[Any] | Column]
) -> list[ColumnElement[Any]]:
    unset = [columns[0].is_(None)] if _may_be_unset(listed, order) else []
    return [*unset, *_directed(columns, order)]


def _may_be_unset(listed: SqlList, order: Order) -> bool:
    return bool(listed.sorts[order[0]][0].property.columns[0].nullable)


def _directed(columns: Sequence[ColumnElement[Any] | Column], order: Order) -> list[ColumnElement[Any]]:
    return [column.desc() if order[1] else column.asc() for column in columns]
