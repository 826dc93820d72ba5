"""The slice of OData that Exact Online speaks: $select, $filter, $orderby, $top, $skiptoken, $inlinecount."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode

Value = str | int | float | bool | dict[str, object] | None
Row = dict[str, Value]
_OPTIONS = {"$select", "$filter", "$orderby", "$top", "$skiptoken", "$inlinecount"}
_COMPARISON = re.compile(r"^\(?\s*(\w+)\s+eq\s+(.+?)\s*\)?$", re.IGNORECASE)
_LITERAL = re.compile(r"^(?:(guid|datetime)?'((?:[^']|'')*)'|(-?\d+)L?|(true|false|null))$", re.IGNORECASE)
_AND = re.compile(r"\s+and\s+(?=(?:[^']*'[^']*')*[^']*$)", re.IGNORECASE)
"""`and`, but not within quotes."""


class BadQuery(ValueError):
    """The query string cannot be served; the text is what Exact would say (status 400)."""


@dataclass(frozen=True)
class Resource:
    """A collection: where it is, what its rows are called, and what identifies one."""

    url: str
    """Absolute, without a query."""
    type: str
    key: str
    rows: Sequence[Row]
    page_rows: int = 60
    refusal: str = "Could not find a property named '{field}' on type '{type}'."


@dataclass(frozen=True)
class Query:
    """A parsed query string."""

    select: tuple[str, ...] = ()
    filters: tuple[tuple[str, str], ...] = ()
    order: str = ""
    descending: bool = False
    top: int | None = None
    skip: str | None = None
    count: bool = False
    kept: tuple[tuple[str, str], ...] = ()
    """The options a following page repeats."""


def parse_query(text: str) -> Query:
    """Read a query string. Raises ``BadQuery``."""
    pairs = parse_qsl(text, keep_blank_values=True)
    options = {name: value for name, value in pairs if name.startswith("$")}
    unknown = sorted(set(options) - _OPTIONS)
    if unknown:
        raise BadQuery(f"The query parameter '{unknown[0]}' is not supported.")
    order = options.get("$orderby", "").split()
    return Query(
        select=tuple(part.strip() for part in options.get("$select", "").split(",") if part.strip()),
        filters=_filters(options.get("$filter", "")),
        order=order[0] if order else "",
        descending=[part.lower() for part in order[1:]] == ["desc"],
        top=_top(options.get("$top")),
        skip=literal(options["$skiptoken"]) if "$skiptoken" in options else None,
        count=options.get("$inlinecount", "none").lower() == "allpages",
        kept=tuple((name, value) for name, value in pairs if name != "$skiptoken"),
    )


def _top(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdecimal():
        raise BadQuery(f"Incorrect format for $top argument '{text}'.")
    return int(text)


def _filters(text: str) -> tuple[tuple[str, str], ...]:
    comparisons = []
    for part in _AND.split(text) if text.strip() else ():
        match = _COMPARISON.match(part.strip())
        if match is None:
            raise BadQuery(f"Syntax error in the $filter '{part.strip()}'.")
        comparisons.append((match.group(1), literal(match.group(2))))
    return tuple(comparisons)


def literal(text: str) -> str:
    """An OData literal as the text it is compared by. Raises ``BadQuery``."""
    match = _LITERAL.match(text.strip())
    if match is None:
        raise BadQuery(f"Unrecognized 'Edm.Guid' literal '{text}'.")
    _kind, quoted, number, word = match.groups()
    return quoted.replace("''", "'") if quoted is not None else str(number or word.lower())


def answer_collection(resource: Resource, query: Query) -> object:
    """The JSON document for a collection.

    With $top the rows are a bare array, unless $inlinecount is asked for. `__next` is absent on the last page,
    and `__count` is there only when asked for: known clients stumble over anything else. Raises ``BadQuery``.
    """
    rows = _matching(resource, query)
    total = len(rows)
    page = _after(resource, rows, query)
    limit = resource.page_rows if query.top is None else min(query.top, resource.page_rows)
    shown = [render(resource, row, query.select) for row in page[:limit]]
    if query.top is not None and not query.count:
        return {"d": shown}
    body: dict[str, object] = {"__count": str(total)} if query.count else {}
    body["results"] = shown
    if query.top is None and len(page) > limit:
        body["__next"] = _next_url(resource, query, page[limit - 1])
    return {"d": body}


def refuse_unknown_names(resource: Resource, query: Query) -> None:
    """Raise ``BadQuery`` when the query names a property that the resource does not have."""
    names = {name for name, _ in query.filters} | set(query.select) | ({query.order} - {""})
    known = set(resource.rows[0]) if resource.rows else names
    for name in sorted(names - known - {"*"}):
        raise BadQuery(resource.refusal.format(field=name, type=resource.type, select=",".join(query.select)))


def _matching(resource: Resource, query: Query) -> list[Row]:
    refuse_unknown_names(resource, query)
    rows = [row for row in resource.rows if all(_text(row[n]).lower() == v.lower() for n, v in query.filters)]
    by = query.order or resource.key
    return sorted(rows, key=lambda row: _sortable(row[by]), reverse=query.descending)


def _after(resource: Resource, rows: list[Row], query: Query) -> list[Row]:
    if query.skip is None:
        return rows
    places = [place for place, row in enumerate(rows) if _text(row[resource.key]) == query.skip]
    if places:
        return rows[places[0] + 1 :]
    return [
        row for row in rows if _sortable(row[resource.key]) > _sortable(_like(rows, resource.key, query.skip))
    ]


def _like(rows: list[Row], name: str, text: str) -> Value:
    numeric = bool(rows) and isinstance(rows[0][name], int)
    return int(text) if numeric and text.lstrip("-").isdecimal() else text


def _sortable(value: Value) -> tuple[int, float, str]:
    if isinstance(value, int | float):
        return (0, float(value), "")
    return (1, 0.0, _text(value))


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else str(value).strip()


def _next_url(resource: Resource, query: Query, last: Row) -> str:
    options = [*query.kept, ("$skiptoken", key_literal(last[resource.key]))]
    query_string = urlencode(options, safe="$,'()", quote_via=quote)
    return f"{resource.url}?{query_string}"


def key_literal(value: Value) -> str:
    """A key as it stands in an address: numbers bare, everything else a guid."""
    return str(value) if isinstance(value, int) else f"guid'{value}'"


def render(resource: Resource, row: Row, select: Sequence[str]) -> Row:
    """A row with its metadata; properties that were not asked for are absent."""
    metadata: Row = {
        "__metadata": {"uri": f"{resource.url}({key_literal(row[resource.key])})", "type": resource.type}
    }
    if not select or "*" in select:
        return metadata | row
    return metadata | {name: row[name] for name in row if name in select}
