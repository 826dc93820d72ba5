"""An hour that the clock shows twice is told apart, a day is the Dutch one, and dates are typed in one way."""

from __future__ import annotations

import ast
import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from core import clock
from core.audit.listing import AuditRow
from core.i18n import language
from core.registrations.wording import hour_of, moment
from dashboard import moments
from dashboard.audit_columns import AUDIT_COLUMNS
from dashboard.export import write_workbook
from dashboard.tables import Column, csv

SUMMER, WINTER = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
"""Both are 02:30 in Amsterdam."""
BEFORE, AFTER = datetime(2026, 10, 24, 23, 59, tzinfo=UTC), datetime(2026, 10, 25, 2, 0, tzinfo=UTC)
"""01:59 and 03:00, which come once."""
ROOT = Path(__file__).parents[2]


@pytest.fixture
def on_that_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 10, 25, 12, tzinfo=UTC))


def every_way(at: datetime) -> dict[str, str]:
    return {
        "sentence": moment(at),
        "hour": hour_of(at),
        "time": moments.time_of_day(at),
        "second": moments.to_the_second(at),
        "soon": moments.soon(at),
        "list": moments.shortener()(at),
    }


@pytest.mark.usefixtures("on_that_day")
@pytest.mark.parametrize("reader", ["en", "nl"])
def test_the_hour_that_comes_twice_is_told_apart_in_every_way_of_writing(reader: str) -> None:
    with language(reader):
        for way, summer in every_way(SUMMER).items():
            winter = every_way(WINTER)[way]
            assert (summer.endswith("CEST"), winter.endswith("CET")) == (True, True), way
            assert summer.removesuffix(" CEST") == winter.removesuffix(" CET"), way
        for once in (BEFORE, AFTER):
            assert not [way for way, told in every_way(once).items() if "CE" in told]


@dataclass(frozen=True)
class Line:
    at: datetime | None


LINES = [Line(BEFORE), Line(SUMMER), Line(WINTER), Line(None), Line(AFTER)]
COLUMNS: tuple[Column[Line], ...] = (Column("When", lambda row: row.at, 20, kind="moment"),)
WRITTEN = ["2026-10-25 01:59", "2026-10-25 02:30 +02:00", "2026-10-25 02:30 +01:00", None, "2026-10-25 03:00"]


def test_it_is_told_apart_in_csv() -> None:
    lines = csv(COLUMNS, LINES, separator=";", head=False).decode().split("\r\n")
    assert [line.strip('"') or None for line in lines[:5]] == WRITTEN


def test_it_is_told_apart_in_excel() -> None:
    file = io.BytesIO()
    write_workbook(file, "Test", COLUMNS, LINES)
    with zipfile.ZipFile(file) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml").decode()
    assert re.findall(r"<t[^>]*>([^<]*)</t>", sheet) == ["When", WRITTEN[1], WRITTEN[2]]
    assert len(re.findall(r"<v>46320\.\d+</v>", sheet)) == 2  # moments that come once stay moments


def test_it_is_told_apart_in_the_file_of_the_audit_log() -> None:
    when = next(column for column in AUDIT_COLUMNS if column.title == "When")

    def row(at: datetime) -> AuditRow:
        return AuditRow(1, at, "", None, "", "", "", "", "", "", "")

    assert [when.value(row(at)) for at in (SUMMER, WINTER, AFTER)] == [
        "2026-10-25 02:30:00 +02:00", "2026-10-25 02:30:00 +01:00", "2026-10-25 03:00:00",
    ]  # fmt: skip


def test_a_file_is_named_after_the_dutch_day(signed_in: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    at = clock.now().replace(hour=23, minute=30)  # 00:30 or 01:30 in Amsterdam
    monkeypatch.setattr(clock, "now", lambda: at)
    for kind in ("csv", "xlsx"):
        answer = signed_in.get(f"/export/registrations.{kind}", params={"q": "none"})
        named = re.search(r"registrations-([\d-]+)\." + kind, answer.headers["content-disposition"])
        assert named is not None
        assert date.fromisoformat(named[1]) == date.fromordinal(at.date().toordinal() + 1)


def test_dates_are_typed_in_one_way_everywhere() -> None:
    found = [
        (file.name, {word.arg: word.value for word in call.keywords}.get("format"))
        for folder in ("dashboard", "pages")
        for file in (ROOT / folder).rglob("*.py")
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "st.date_input"
    ]
    assert len(found) == 3
    assert {ast.unparse(given) if given else None for _file, given in found} == {"DAY_FORMAT"}
    assert moments.DAY_FORMAT == "DD-MM-YYYY"


def test_no_page_reads_the_clock_of_another_country() -> None:
    """``clock.now().date()`` is a day of UTC: between midnight and two in Amsterdam it is yesterday."""
    wrong: Callable[[str], bool] = re.compile(r"now\(\)\.date\(\)|now\(\):%Y").search  # type: ignore[assignment]
    files = [file for folder in ("core", "dashboard", "pages") for file in (ROOT / folder).rglob("*.py")]
    assert not [file.name for file in files if wrong(file.read_text(encoding="utf-8"))]
