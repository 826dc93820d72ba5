"""Rows of Exact's API as frozen values; every shape is checked before it is used."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urljoin, urlsplit

from core.exact.answers import code_of, whole
from core.exact.errors import ExactError, FailureKind
from core.text import neutral

_API = "/api/v1/"
_STATUSES = frozenset({0, 1, 2})
_LONGEST_CODE = 3
_OF_HRM = {0: 1, 1: 2}
"""Status of hrm/Divisions to that of system/Divisions."""


@dataclass(frozen=True)
class Me:
    """Who gave consent (current/Me). None where Exact does not say: what is known of it then stays."""

    user_id: str
    """A GUID in lower case; empty never."""
    user_name: str | None
    full_name: str | None
    email: str | None
    current_division: int | None
    """The one used last in the browser: a number for addresses, never "the chosen administration"."""

    @property
    def known_as(self) -> str:
        """The first name that Exact gives; empty when it gives none."""
        return self.full_name or self.user_name or ""


@dataclass(frozen=True, slots=True)
class Division:
    """An administration as system/Divisions gives it. None where Exact does not say: a field that is null, missing or
    of another kind is no news, and what is known of it stays.
    """

    code: int
    """64-bit; unique only together with the environment."""
    name: str | None
    customer_name: str | None
    country: str | None
    currency: str | None
    vat_number: str | None
    """Empty when Exact says that there is none."""
    status: int | None
    """0 inactive, 1 active, 2 archived, as system/Divisions counts."""
    blocking_status: int | None
    """0 not blocked; else a backup, conversion or copy is busy."""


def rows_of(answer: Any) -> tuple[list[dict[str, Any]], str | None]:  # noqa: ANN401
    """The rows of an answer and the address of the next page, from ``d.results``, a bare list or a single row.

    Raises ``ExactError`` (UNKNOWN) for any other shape.
    """
    inner = answer.get("d") if isinstance(answer, dict) else None
    following = None
    rows: Any = inner
    if isinstance(inner, dict):
        rows = inner.get("results", [inner])
        following = inner.get("__next")
    if not isinstance(rows, list) or not all(row is None or isinstance(row, dict) for row in rows):
        raise ExactError(FailureKind.UNKNOWN)
    rows = [row or {} for row in rows]  # a row that is null is one without a code
    if following is not None and not isinstance(following, str):
        raise ExactError(FailureKind.UNKNOWN)
    return rows, following or None


def next_page(url: str, following: str) -> str:
    """The address of the next page; our token goes nowhere but to the API it was meant for.

    Raises ``ExactError`` (UNKNOWN) when ``__next`` points to another host or outside the API's path.
    """
    try:
        joined = urljoin(url, following)
        same = _api_of(url) == _api_of(joined)
    except ValueError:
        same = False
    if not same:
        raise ExactError(FailureKind.UNKNOWN)
    return joined


def read_me(row: dict[str, Any]) -> Me | None:
    """None when the row does not say which user it is."""
    user_id = (_text(row, "UserID", 36) or "").strip("{}").lower()
    if not user_id:
        return None
    return Me(
        user_id=user_id,
        user_name=_text(row, "UserName", 200),
        full_name=_text(row, "FullName", 200),
        email=_text(row, "Email", 254),
        current_division=code_of(row.get("CurrentDivision")),
    )


def read_division(row: dict[str, Any]) -> Division | None:
    """None when the row has no usable code."""
    code = code_of(row.get("Code"))
    if code is None:
        return None
    status = whole(row.get("Status"))
    return Division(
        code=code,
        name=_text(row, "Description", 200),
        customer_name=_text(row, "CustomerName", 200),
        country=_short(row, "Country"),
        currency=_short(row, "Currency"),
        vat_number="" if row.get("VATNumber") == "" else _text(row, "VATNumber", 40),
        status=status if status in _STATUSES else None,
        blocking_status=whole(row.get("BlockingStatus")),
    )


def as_system_status(division: Division) -> Division:
    """A row of hrm/Divisions, where 0 is normal and 1 archived, as system/Divisions would count it."""
    return replace(division, status=None if division.status is None else _OF_HRM.get(division.status))


def _api_of(url: str) -> tuple[str, str | None, int, str]:
    """Scheme, host, port and the path up to the version of the API. Raises ``ValueError`` where there is none."""
    parts = urlsplit(url)
    prefix, mark, rest = parts.path.partition(_API)
    if not mark or parts.username is not None or set(rest) & {"%", "\\"} or ".." in parts.path.split("/"):
        raise ValueError("not an address of the API")
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80), prefix + mark


def _text(row: dict[str, Any], key: str, limit: int) -> str | None:
    """Trimmed, since Exact pads with blanks ("NL "), and harmless; None where nothing is said."""
    value = row.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return (neutral(value, limit) or None) if isinstance(value, str) else None


def _short(row: dict[str, Any], key: str) -> str | None:
    """A code of a country or currency; None for what is too long to be one."""
    text = _text(row, key, 200)
    return text if text is not None and len(text) <= _LONGEST_CODE else None
