"""Everything that a query matches, without holding it all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, bindparam, select, tuple_

from core.accounts.confirming import require_fresh
from core.accounts.roles import Action, CurrentOperator, require
from core.application import Application
from core.registrations.lists import SqlList
from core.registrations.matching import Shape, Wanted, conditions, matching_ids, wanted
from core.registrations.paging import page_of_ids
from core.registrations.query import COUNT_LIMIT, ListQuery
from core.registrations.scope import within_sight
from core.storage.rows import Line, Rows
from core.storage.sets import among, as_ids

Row = TypeVar("Row")

CHUNK = 1_000


def export(
    app: Application,
    by: CurrentOperator,
    listed: SqlList,
    query: ListQuery,
    read: Callable[[Rows, Sequence[int]], list[Row]],
) -> Iterator[Row]:
    """What ``query`` matches and ``by`` may see; refuses before the first row is read.

    Raises ``NotAllowed``; ``ConfirmationNeeded`` when the password is not fresh, for everything at once and for more
    rows than a list counts: a filter that nearly everything passes is no way around it.
    """
    require(by, Action.EXPORT)
    seen = within_sight(app.settings, by, query)
    if not query.narrows or _is_large(app, listed, seen):
        with app.database.read() as session:
            require_fresh(session, app.settings, by, Action.EXPORT)
    return stream_ids(app, listed, seen, read)


def _is_large(app: Application, listed: SqlList, query: ListQuery) -> bool:
    with app.database.rows() as connection:
        return page_of_ids(connection, listed, query).more


def stream_ids(
    app: Application,
    listed: SqlList,
    query: ListQuery,
    read: Callable[[Rows, Sequence[int]], list[Row]],
) -> Iterator[Row]:
    """Rows by name and id, a chunk a connection: a slow reader keeps nobody waiting.

    Each chunk goes on where the last one ended, so no row comes twice unless it is renamed meanwhile.
    """
    after: tuple[str, int] | None = None
    while True:
        with app.database.rows() as connection:
            found = _next(connection, wanted(listed, query, sqlite=connection.sqlite), after)
            rows = read(connection, [number for number, _key in found])
        yield from rows
        if len(found) < CHUNK:
            return
        after = (found[-1][1], found[-1][0])


def _next(rows: Rows, want: Wanted, after: tuple[str, int] | None) -> list[Line]:
    given: dict[str, Any] = {**want.given, "size": CHUNK}
    if after is not None:
        given |= {"after_key": after[0], "after_id": after[1]}
    if want.shape.part:
        few = matching_ids(rows, want, COUNT_LIMIT + 1)
        if len(few) <= COUNT_LIMIT:
            given |= as_ids(few, sqlite=rows.sqlite)
            return rows.all(given, _of_few, want.shape.listed, after is not None)
    return rows.all(given, _of_many, want.shape, after is not None)


def _of_few(sqlite: bool, listed: SqlList, further: bool) -> Select[int, str]:
    return _chunk(listed, [among(listed.id, sqlite=sqlite)], further)


def _of_many(sqlite: bool, shape: Shape, further: bool) -> Select[int, str]:
    """Along the index of the names, or of the filter, which holds the names in order too."""
    return _chunk(shape.listed, conditions(sqlite, shape), further)


def _chunk(listed: SqlList, met: Iterable[ColumnElement[bool]], further: bool) -> Select[int, str]:
    found = select(listed.id, listed.name_key).where(*met).order_by(listed.name_key, listed.id)
    if further:
        found = found.where(
            tuple_(listed.name_key, listed.id)
            > tuple_(
                bindparam("after_key", type_=listed.name_key.type),
                bindparam("after_id", type_=listed.id.type),
            )
        )
    return found.limit(bindparam("size"))
