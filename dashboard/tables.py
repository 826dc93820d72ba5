"""Rows as typed columns, for files: the one place where pandas is used."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Literal, TypeVar

import pandas as pd

from core.i18n import _

Row = TypeVar("Row")
Value = str | int | datetime | None
_TYPES = {"text": "string", "number": "Int64", "moment": "datetime64[us, UTC]"}
_BEGINS_A_FORMULA = re.compile(r"(^|[;,\t\r\n])(?=\s*[=+\-@＝＋－＠]|[\t\r\n])")
"""At the start of a cell, and after what another country's spreadsheet takes for the end of one.

https://owasp.org/www-community/attacks/CSV_Injection
"""


@dataclass(frozen=True)
class Column(Generic[Row]):
    """A column of a file: its title, marked for translation, its value, its width in characters, its kind."""

    title: str
    value: Callable[[Row], Value]
    width: int = 14
    kind: Literal["text", "number", "moment"] = "text"


def frame(columns: Sequence[Column[Row]], rows: Sequence[Row]) -> pd.DataFrame:
    """The rows as a table: moments in Dutch time, texts with nothing in them that a spreadsheet would run."""
    return pd.DataFrame({_(column.title): _series(column, rows) for column in columns})


def csv(columns: Sequence[Column[Row]], rows: Sequence[Row], *, separator: str, head: bool) -> bytes:
    """The rows as lines of CSV in UTF-8, the titles first if asked. Moments are YYYY-MM-DD HH:MM."""
    text = frame(columns, rows).to_csv(
        sep=separator, index=False, header=head, lineterminator="\r\n", date_format="%Y-%m-%d %H:%M"
    )
    return text.encode()


def harmless(text: str) -> str:
    """``text``, with an apostrophe before what a spreadsheet would take for a formula."""
    return _BEGINS_A_FORMULA.sub(r"\1'", text)


def _series(column: Column[Row], rows: Sequence[Row]) -> pd.Series:
    values: pd.Series = pd.Series([column.value(row) for row in rows], dtype=_TYPES[column.kind])
    if column.kind == "text":
        values = values.map(harmless, na_action="ignore")
    if column.kind == "moment":
        values = values.dt.tz_convert("Europe/Amsterdam").dt.tz_localize(None)
    return values
