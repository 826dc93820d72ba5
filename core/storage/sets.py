"""Few words of SQL that the two databases say differently."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Select,
    any_,
    bindparam,
    column,
    func,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.visitors import InternalTraversal


def on_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def among(number: InstrumentedAttribute[int], *, sqlite: bool) -> ColumnElement[bool]:
    """``number`` is one of the parameter "ids" (see ``as_ids``), however many: the statement stays the same."""
    if sqlite:
        values: Select[Any] = select(column("value")).select_from(func.json_each(bindparam("ids")))
        return number.in_(values)
    return number == any_(bindparam("ids", type_=ARRAY(BigInteger)))


def among_these(
    session: Session, number: InstrumentedAttribute[int], wanted: Sequence[int]
) -> ColumnElement[bool]:
    """The same with its parameter filled in, for a statement that is made anew each time."""
    if on_sqlite(session):
        values: Select[Any] = select(column("value")).select_from(func.json_each(json.dumps(list(wanted))))
        return number.in_(values)
    return number == any_(bindparam(None, list(wanted), ARRAY(BigInteger), unique=True))


def as_ids(wanted: Sequence[int], *, sqlite: bool) -> dict[str, Any]:
    """The parameter of ``among``."""
    return {"ids": json.dumps(list(wanted)) if sqlite else list(wanted)}


def contains(text: ColumnElement[str] | InstrumentedAttribute[str], *, sqlite: bool) -> ColumnElement[bool]:
    """``text`` holds the parameter "part" (see ``as_part``). On PostgreSQL in the form that pg_trgm serves."""
    return func.instr(text, bindparam("part")) > 0 if sqlite else text.like(bindparam("part"))


def as_part(part: str, *, sqlite: bool) -> dict[str, str]:
    """The parameter of ``contains``: it is found letter by letter."""
    if sqlite:
        return {"part": part}
    escaped = part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return {"part": f"%{escaped}%"}


class Unindexed(ColumnElement[Any]):
    """A column that SQLite shall not look up in an index: ``+column``, as its manual advises.

    SQLite knows nothing of how common a value is. Where we know that a filter lets many rows through, walking
    along the index of the sort, or another index, is far cheaper; PostgreSQL finds that out by itself.
    https://www.sqlite.org/optoverview.html#disqualifying_where_clause_terms_using_unary_
    """

    inherit_cache = True
    _traverse_internals = [("inner", InternalTraversal.dp_clauseelement)]  # noqa: RUF012 - SQLAlchemy's protocol

    def __init__(self, inner: ColumnElement[Any] | InstrumentedAttribute[Any]) -> None:
        self.inner = inner.expression if isinstance(inner, InstrumentedAttribute) else inner
        self.type = inner.type


@compiles(Unindexed)
def _as_it_is(element: Unindexed, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    return compiler.process(element.inner, **options)


@compiles(Unindexed, "sqlite")
def _with_plus(element: Unindexed, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    return "+" + compiler.process(element.inner, **options)
