"""Rows as Exact gives them, and not as it describes them: fields dropped, null or written otherwise."""

from __future__ import annotations

from collections.abc import Callable

from core.simulator.config import Numbers
from core.simulator.context import Context
from core.simulator.data import Division
from core.simulator.odata import BadQuery, Query, Row, Value, parse_query


def query_or_none(text: str) -> Query:
    """The query, or one that asks for everything where it cannot be read."""
    try:
        return parse_query(text)
    except BadQuery:
        return Query(count=True)


def near(divisions: list[Division], query: Query, page_rows: int) -> list[Division]:
    """Those of which the page can consist: an accountant has thousands, and each row has sixty fields."""
    plain = not (query.filters or query.order or query.count or query.top)
    if not plain or (query.skip is not None and not query.skip.isdecimal()):
        return divisions
    after = int(query.skip) if query.skip is not None else -1
    return [division for division in divisions if division.code > after][: page_rows + 1]


def as_it_is(context: Context, row: Row) -> Row:
    """A row without what is dropped, and with null where nothing is said."""
    config = context.config
    if not config.dropped_fields and not config.null_fields:
        return row
    kept = {name: value for name, value in row.items() if name not in config.dropped_fields}
    return kept | {name: None for name in config.null_fields if name in kept}


def write_numbers(context: Context, row: Row) -> None:
    """Write the numbers of a row as the settings say."""
    write: dict[Numbers, Callable[[int], Value]] = {Numbers.FRACTION: float, Numbers.TEXT: str}
    form = write.get(context.config.numbers)
    for name, value in row.items() if form else ():
        if form is not None and isinstance(value, int) and not isinstance(value, bool):
            row[name] = form(value)
