"""From a query to the conditions a row must meet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Select,
    column,
    literal_column,
    or_,
    select,
    table,
    union_all,
)

from core.registrations.lists import Column, SqlList
from core.registrations.names import name_key
from core.registrations.query import WITHOUT_OWNER, ListQuery
from core.storage.search import SHORTEST_PART
from core.storage.sets import Unindexed, contains, on_sqlite
from core.storage.trigrams import match_expression

_LONGEST_TERM = 100
_AFTER_EVERYTHING = chr(0x10FFFF)
_CODE_DIGITS = 10
"""Division codes have been seen above 10,000,000; ten digits leave room."""
_CODE = re.compile(rf"[1-9][0-9]{{0,{_CODE_DIGITS - 1}}}")


@dataclass(frozen=True)
class Wanted:
    """The conditions of one query on one list."""

    listed: SqlList
    equal: tuple[tuple[Column, Any], ...]
    """Filters: column and value, None for unset."""
    term: str
    """What is searched, folded; '' for nothing."""

    @property
    def part(self) -> bool:
        """Whether a part of the name is searched, and not its beginning."""
        return len(self.term) >= SHORTEST_PART or bool(_code_ranges(self))


def wanted(listed: SqlList, query: ListQuery) -> Wanted:
    """Read a query; values that can match nothing are kept, and match nothing."""
    equal: list[tuple[Column, Any]] = [
        (listed.filters[name], value.replace("\x00", " "))  # PostgreSQL refuses a NUL
        for name, value in (("status", query.status), ("environment", query.environment))
        if value
    ]
    if query.owner_id is not None:
        equal.append(
            (listed.filters["owner_id"], None if query.owner_id == WITHOUT_OWNER else query.owner_id)
        )
    if query.active is not None:
        equal.append((listed.filters["active"], query.active))
    return Wanted(listed, tuple(equal), name_key(query.search)[:_LONGEST_TERM])


def matching_ids(connection: Connection, want: Wanted, limit: int) -> list[int]:
    """The ids of rows that match, in no order, the first ``limit`` that are found."""
    if not want.part or not on_sqlite(connection):
        return _first(connection, select(want.listed.id).where(*conditions(connection, want)), limit)
    # SQLite is led to each index by hand, one question for names and one for codes.
    found = dict.fromkeys(_first(connection, _by_name(connection, want), limit))
    ranges = _code_ranges(want)
    if ranges and len(found) < limit:
        by_code = [
            select(want.listed.id).where(*want.listed.always, code, *_filters(want, indexed=False))
            for code in ranges
        ]
        found.update(dict.fromkeys(_first(connection, union_all(*by_code), limit)))
    return list(found)[:limit]


def _first(connection: Connection, statement: Select[int] | CompoundSelect[int], limit: int) -> list[int]:
    return list(connection.scalars(statement.limit(limit)).all())


def conditions(
    connection: Connection, want: Wanted, *, indexed: bool = True
) -> Iterator[ColumnElement[bool]]:
    """All of them, each decided on the row alone. Not ``indexed``: for a walk along the index of a sort."""
    yield from want.listed.always
    yield from _filters(want, indexed=indexed)
    if want.part:
        yield or_(*_names(connection, want), *_code_ranges(want, indexed=indexed))
    elif want.term:
        yield _begins(want)


def _filters(want: Wanted, *, indexed: bool) -> Iterator[ColumnElement[bool]]:
    for filtered, value in want.equal:
        shown = _shown(filtered.expression, indexed=indexed)
        yield shown.is_(None) if value is None else shown == value


def _shown(filtered: ColumnElement[Any], *, indexed: bool) -> ColumnElement[Any]:
    return filtered if indexed else Unindexed(filtered)


def _begins(want: Wanted) -> ColumnElement[bool]:
    return want.listed.name_key.between(want.term, want.term + _AFTER_EVERYTHING)


def _names(connection: Connection, want: Wanted) -> list[ColumnElement[bool]]:
    if len(want.term) < SHORTEST_PART:
        return [_begins(want)]
    texts = [want.listed.name_key, want.listed.also]
    return [contains(connection, text, want.term) for text in texts if text is not None]


def _by_name(connection: Connection, want: Wanted) -> Select[int]:
    """Candidates of the full-text table, each compared with its row; or the names that begin with it."""
    listed = want.listed
    if len(want.term) < SHORTEST_PART:
        return select(listed.id).where(*listed.always, _begins(want), *_filters(want, indexed=False))
    found = table(listed.search_table, column("rowid"))
    expression = match_expression(connection, listed.id, listed.name_key, want.term)
    # Not indexed: the one way in must be the full-text table, which stops at the limit and holds no row that
    # is not in the list.
    return (
        select(listed.id)
        .select_from(found)
        .join(listed.id.class_, listed.id == found.c.rowid)
        .where(
            literal_column(listed.search_table).op("MATCH")(expression),
            *_filters(want, indexed=False),
            or_(*_names(connection, want)),
        )
    )


def _code_ranges(want: Wanted, *, indexed: bool = True) -> list[ColumnElement[bool]]:
    """Codes that begin with the digits searched; empty for what is no beginning of a code."""
    listed, digits = want.listed, want.term
    if listed.code is None or not _CODE.fullmatch(digits):
        return []
    code = _shown(listed.code, indexed=indexed)
    steps = [10**more for more in range(_CODE_DIGITS - len(digits) + 1)]
    return [code.between(int(digits) * step, (int(digits) + 1) * step - 1) for step in steps]
