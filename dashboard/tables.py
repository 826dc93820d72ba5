"""Rows as typed columns, for files: the one place where pandas is used."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Literal, TypeVar

import pandas as pd

from core import clock
from core.i18n import _

Row = TypeVar("Row")
Value = str | int | datetime | None
WRITTEN = "%Y-%m-%d %H:%M"
"""A moment in a file."""
_TYPES = {"text": "string", "written": "string", "number": "Int64", "moment": "datetime64[us, UTC]"}
_BEGINS_A_FORMULA = re.compile(r"(^|[;,|\t\r\n])(?=[\s\"]*[=+\-@＝＋－＠]|[\t\r\n])")
"""At the start of a cell, and after what another country's spreadsheet takes for the end of one.

Quotes may stand between: who reads with another separator finds them at the start of a cell, where they mean nothing.
https://owasp.org/www-community/attacks/CSV_Injection
"""
_MONTHS = (
    "jan|january|januari|feb|febr|february|februari|mar|march|mrt|maart|apr|april|mei|may|jun|june|juni|jul|july|juli"
    "|aug|august|augustus|sep|sept|september|okt|oct|oktober|october|nov|november|dec|december"
)
_BECOMES_ANOTHER = re.compile(
    rf"""
    [\s(€$£%]*[+-]?[\d.,][\d\s.,:/'’+-]*(e[+-]?\d+)?[\s)€$£%]*     # 00123  1E5  3-12  1/2  12:30  1.234,5  5%
    | \d{{1,4}}((:\d\d){{1,2}}\s*|\s+)[ap]\.?(m\.?)?                    # 3 PM
    | \d{{1,4}}[\s./-]*({_MONTHS})\.?([\s./'’-]*\d{{1,4}})?              # 12 mrt 2026
    | ({_MONTHS})\.?[\s./'’-]*\d{{1,4}}([\s.,/-]+\d{{1,4}})?             # MAR1
    | true | false | waar | onwaar | wahr | falsch | vrai | faux | verdadero | falso
    | \#[a-z/0]+[!?]?                                            # \#N/A
    """,
    re.VERBOSE | re.IGNORECASE,
)
_NUMBER_AS_IT_IS = re.compile(r"0|[1-9]\d{0,10}")
"""Longer ones are shown rounded, as 1.2E+11."""


@dataclass(frozen=True)
class Column(Generic[Row]):
    """A column of a file: its title, marked for translation, its value, its width in characters, its kind.

    "text" may be of others, "written" is text that we have made ourselves.
    """

    title: str
    value: Callable[[Row], Value]
    width: int = 14
    kind: Literal["text", "written", "number", "moment"] = "text"


def frame(columns: Sequence[Column[Row]], rows: Sequence[Row]) -> pd.DataFrame:
    """The rows as a table: moments in Dutch time, texts with nothing in them that a spreadsheet would run."""
    return pd.DataFrame({_(column.title): _series(column, rows) for column in columns})


def csv(columns: Sequence[Column[Row]], rows: Sequence[Row], *, separator: str, head: bool) -> bytes:
    """The rows as lines of CSV in UTF-8, the titles first if asked. Moments are YYYY-MM-DD HH:MM.

    What the clock shows twice, when summer time ends, has its distance to UTC behind it.
    """
    text = frame(columns, rows).to_csv(
        sep=separator, index=False, header=head, lineterminator="\r\n", date_format=WRITTEN
    )
    return text.encode()


def harmless(text: str) -> str:
    """``text``, with an apostrophe before what a spreadsheet would take for a formula."""
    return _BEGINS_A_FORMULA.sub(r"\1'", text)


def kept(text: str) -> str:
    """``text``, with an apostrophe before what Excel would read from a CSV as a number, a date or a yes or no.

    A reference such as 00123, 3-12 or 1E5 would be lost without a word.
    """
    if _NUMBER_AS_IT_IS.fullmatch(text) or not _BECOMES_ANOTHER.fullmatch(text.strip()):
        return text
    return text if text.startswith("'") or not any(map(str.isalnum, text)) else "'" + text


def _series(column: Column[Row], rows: Sequence[Row]) -> pd.Series:
    values: pd.Series = pd.Series([column.value(row) for row in rows], dtype=_TYPES[column.kind])
    if column.kind == "moment":
        return _moments(values)
    if column.kind == "text":
        values = values.map(lambda text: kept(harmless(text)), na_action="ignore")
    return values


def _moments(values: pd.Series) -> pd.Series:
    """In Dutch time; as texts where the clock shows one of them twice."""
    here: pd.Series = values.dt.tz_convert("Europe/Amsterdam").dt.tz_localize(None)
    twice = values.map(clock.comes_twice, na_action="ignore").eq(True)
    if not twice.any():
        return here
    texts: pd.Series = here.dt.strftime(WRITTEN).astype("string")
    return texts.where(~twice, texts + values.map(clock.offset_mark, na_action="ignore"))
