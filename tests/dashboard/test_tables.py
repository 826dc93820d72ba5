"""Rows become typed columns: moments in Dutch time, whole numbers, texts that no spreadsheet runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from dashboard.tables import Column, csv, frame


@dataclass(frozen=True)
class Line:
    name: str
    count: int | None
    at: datetime | None


COLUMNS: tuple[Column[Line], ...] = (
    Column("Name", lambda row: row.name),
    Column("Administrations", lambda row: row.count, kind="number"),
    Column("Last success", lambda row: row.at, kind="moment"),
)
ROWS = (
    Line("Test B.V.", 3, datetime(2026, 7, 1, 12, tzinfo=UTC)),
    Line("=1+1", None, None),
    Line("Winter; B.V.", 10_200_001, datetime(2026, 11, 23, 23, 30, 15, 123, tzinfo=UTC)),
)


def test_each_column_has_its_type() -> None:
    made = frame(COLUMNS, ROWS)
    assert [str(dtype) for dtype in made.dtypes] == ["string", "Int64", "datetime64[us]"]


def test_a_missing_number_leaves_the_others_whole_and_moments_are_dutch_time() -> None:
    lines = csv(COLUMNS, ROWS, separator=";", head=True).decode().split("\r\n")
    assert lines == [
        "Name;Administrations;Last success",
        "Test B.V.;3;2026-07-01 14:00",
        "'=1+1;;",
        '"Winter; B.V.";10200001;2026-11-24 00:30',
        "",
    ]


def test_no_rows_are_a_head_alone() -> None:
    assert csv(COLUMNS, (), separator=",", head=True) == b"Name,Administrations,Last success\r\n"
    assert csv(COLUMNS, (), separator=",", head=False) in (b"", b"\r\n")
