"""Few words of SQL that the two databases say differently."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
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


def on_sqlite(asked: Session | Connection) -> bool:
    dialect = asked.dialect if isinstance(asked, Connection) else asked.get_bind().dialect
    return dialect.name == "sqlite"


def among(
    asked: Session | Connection, number: InstrumentedAttribute[int], wanted: Sequence[int]
) -> ColumnElement[bool]:
    """``number`` is one of ``wanted``, however many: one parameter, so that the statement stays the same."""
    if on_sqlite(asked):
        values: Select[Any] = select(column("value")).select_from(func.json_each(json.dumps(list(wanted))))
        return number.in_(values)
    return number == any_(bindparam(None, list(wanted), ARRAY(BigInteger), unique=True))


@cache
def of_ids(rows: Select[*tuple[Any, ...]], number: InstrumentedAttribute[int], dialect: str) -> Select[Any]:
    """``rows`` of the ids that are given as parameter "ids" (see ``as_ids``); the same statement every time.

    SQLAlchemy maps the columns of a result anew for every statement it has not seen as an object: with fifty rows
    that took longer than reading them.
    """
    if dialect == "sqlite":
        values: Select[Any] = select(column("value")).select_from(func.json_each(bindparam("ids")))
        return rows.where(number.in_(values))
    return rows.where(number == any_(bindparam("ids", type_=ARRAY(BigInteger))))


def as_ids(wanted: Sequence[int], dialect: str) -> dict[str, Any]:
    """The parameter of ``of_ids``."""
    return {"ids": json.dumps(list(wanted)) if dialect == "sqlite" else list(wanted)}


def contains(
    asked: Session | Connection, text: ColumnElement[str] | InstrumentedAttribute[str], part: str
) -> ColumnElement[bool]:
    """``text`` holds ``part``, letter by letter. On PostgreSQL in the form that pg_trgm serves."""
    if on_sqlite(asked):
        return func.instr(text, part) > 0
    escaped = part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return text.like(f"%{escaped}%")


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
