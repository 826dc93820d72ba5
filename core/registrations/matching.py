"""From a query to the conditions a row must meet."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    bindparam,
    column,
    literal_column,
    or_,
    select,
    table,
    union_all,
)

from core.registrations.lists import SqlList
from core.registrations.names import name_key
from core.registrations.query import LONGEST_SEARCH, WITHOUT_OWNER, ListQuery
from core.storage.ngrams import match_expression
from core.storage.rows import Rows
from core.storage.search import SHORTEST_PART
from core.storage.sets import Unindexed, as_part, contains

_AFTER_EVERYTHING = chr(0x10FFFF)
_CODE_DIGITS = 10
"""Division codes have been seen above 10,000,000; ten digits leave room."""
_CODE = re.compile(rf"[1-9][0-9]{{0,{_CODE_DIGITS - 1}}}")


@dataclass(frozen=True)
class Shape:
    """What a query asks, without the values: one statement serves all queries of a shape."""

    listed: SqlList
    filters: tuple[tuple[str, bool], ...]
    """Name in ``listed.filters``, which is the parameter's too, and whether the column must be unset."""
    search: Literal["", "begins", "contains"]
    digits: int
    """How many digits of a code are searched; 0 for what is no beginning of a code."""

    @property
    def part(self) -> bool:
        """Whether more is searched than the beginning of a name."""
        return self.search == "contains" or self.digits > 0


@dataclass(frozen=True)
class Wanted:
    """One query on one list: its shape, what is searched, folded, and the parameters of its statements."""

    shape: Shape
    term: str
    given: Mapping[str, Any]


def wanted(listed: SqlList, query: ListQuery, *, sqlite: bool) -> Wanted:
    """Read a query; values that can match nothing are kept, and match nothing."""
    equal = _equal(query)
    term = name_key(query.search)[:LONGEST_SEARCH]
    digits = len(term) if listed.code is not None and _CODE.fullmatch(term) else 0
    search: Literal["", "begins", "contains"] = ""
    given: dict[str, Any] = {name: value for name, value in equal.items() if value is not None}
    if len(term) >= SHORTEST_PART:
        search, given = "contains", given | as_part(term, sqlite=sqlite)
    elif term:
        search, given = "begins", given | {"first_name": term, "last_name": term + _AFTER_EVERYTHING}
    for place, step in enumerate(_steps(digits)):
        given |= {f"code_from_{place}": int(term) * step, f"code_to_{place}": (int(term) + 1) * step - 1}
    shape = Shape(listed, tuple((name, value is None) for name, value in equal.items()), search, digits)
    return Wanted(shape, term, given)


def _equal(query: ListQuery) -> dict[str, Any]:
    """The filters that are set; None for what must be unset."""
    equal: dict[str, Any] = {
        name: value.replace("\x00", " ")  # PostgreSQL refuses a NUL
        for name, value in (("status", query.status), ("environment", query.environment))
        if value
    }
    if query.owner_id is not None:
        equal["owner_id"] = None if query.owner_id == WITHOUT_OWNER else query.owner_id
    if query.active is not None:
        equal["active"] = query.active
    return equal


def matching_ids(rows: Rows, want: Wanted, limit: int) -> list[int]:
    """The ids of rows that match, in no order, the first ``limit`` that are found."""
    given = limited(rows, want, limit)
    found = rows.column(given, matching, want.shape)
    if not asked_twice(rows, want):
        return found
    if len(found) < limit:
        found += rows.column(given, _by_code, want.shape)
    return list(dict.fromkeys(found))[:limit]


def asked_twice(rows: Rows, want: Wanted) -> bool:
    """SQLite is led to each index by hand, one question for names and one for codes."""
    return rows.sqlite and want.shape.digits > 0


def limited(rows: Rows, want: Wanted, limit: int) -> dict[str, Any]:
    """The parameters of ``matching``."""
    given = {**want.given, "limit": limit}
    if rows.sqlite and want.shape.search == "contains":
        listed = want.shape.listed
        given["match"] = match_expression(rows, listed.id, listed.name_key, want.term)
    return given


def matching(sqlite: bool, shape: Shape) -> Select[int]:
    """The ids of rows that match, up to the parameter "limit"; see ``asked_twice``."""
    by_name = sqlite and shape.part
    found = _by_name(shape) if by_name else select(shape.listed.id).where(*conditions(sqlite, shape))
    return found.limit(bindparam("limit"))


def conditions(sqlite: bool, shape: Shape, *, indexed: bool = True) -> Iterator[ColumnElement[bool]]:
    """All of them, each decided on the row alone. Not ``indexed``: for a walk along the index of a sort."""
    yield from shape.listed.always
    yield from _filters(shape, indexed=indexed)
    if shape.part:
        yield or_(*_names(sqlite, shape), *_code_ranges(shape, indexed=indexed))
    elif shape.search:
        yield _begins(shape)


def _by_name(shape: Shape) -> Select[int]:
    """Candidates of SQLite's full-text table, each compared with its row; or the names that begin with it."""
    listed = shape.listed
    # Not indexed: the one way in must be the full-text table, which stops at the limit and holds no row that
    # is not in the list.
    filters = _filters(shape, indexed=False)
    if shape.search != "contains":
        return select(listed.id).where(*listed.always, _begins(shape), *filters)
    found = table(listed.search_table, column("rowid"))
    matched = literal_column(listed.search_table).op("MATCH")(bindparam("match"))
    return (
        select(listed.id)
        .select_from(found)
        .join(listed.id.class_, listed.id == found.c.rowid)
        .where(matched, *filters, or_(*_names(True, shape)))
    )


def _by_code(_sqlite: bool, shape: Shape) -> CompoundSelect[int]:
    listed, filters = shape.listed, list(_filters(shape, indexed=False))
    by_code = [select(listed.id).where(*listed.always, code, *filters) for code in _code_ranges(shape)]
    return union_all(*by_code).limit(bindparam("limit"))


def _filters(shape: Shape, *, indexed: bool) -> Iterator[ColumnElement[bool]]:
    for name, unset in shape.filters:
        shown = _shown(shape.listed.filters[name].expression, indexed=indexed)
        yield shown.is_(None) if unset else shown == bindparam(name)


def _shown(filtered: ColumnElement[Any], *, indexed: bool) -> ColumnElement[Any]:
    return filtered if indexed else Unindexed(filtered)


def _begins(shape: Shape) -> ColumnElement[bool]:
    return shape.listed.name_key.between(bindparam("first_name"), bindparam("last_name"))


def _names(sqlite: bool, shape: Shape) -> list[ColumnElement[bool]]:
    if shape.search != "contains":
        return [_begins(shape)]
    texts = [shape.listed.name_key, shape.listed.also]
    return [contains(text, sqlite=sqlite) for text in texts if text is not None]


def _code_ranges(shape: Shape, *, indexed: bool = True) -> list[ColumnElement[bool]]:
    """Codes that begin with the digits searched."""
    if shape.listed.code is None:
        return []
    code = _shown(shape.listed.code, indexed=indexed)
    places = range(len(_steps(shape.digits)))
    return [code.between(bindparam(f"code_from_{place}"), bindparam(f"code_to_{place}")) for place in places]


def _steps(digits: int) -> list[int]:
    return [10**more for more in range(_CODE_DIGITS - digits + 1)] if digits else []
