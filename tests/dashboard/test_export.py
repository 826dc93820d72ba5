"""Files that a spreadsheet opens, and that it has nothing to run in."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest

from dashboard import export
from dashboard.export import csv_chunks, write_workbook
from dashboard.tables import Column, harmless

Row = tuple[str, int, datetime | None]
COLUMNS: Sequence[Column[Row]] = (
    Column("Name", lambda row: row[0]),
    Column("Code", lambda row: row[1], kind="number"),
    Column("Last success", lambda row: row[2], kind="moment"),
)
SUMMER = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
ROWS: list[Row] = [('Bakker; "Zn", é', 7, SUMMER), ("=1+1", -3, None), ("", 0, None)]
DANGEROUS = ["=1+1", "+31 6", "-2+3", "@SUM(A1)", "\tx", "\rx", "\nx", "＝1", '=HYPERLINK("http://x")']


def read_csv(reader: str, rows: Sequence[Row] = ROWS) -> list[list[str]]:
    text = b"".join(csv_chunks(COLUMNS, rows, reader)).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=";" if reader == "nl" else ","))


def read_sheets(content: bytes) -> list[list[list[tuple[str, str]]]]:
    """Every sheet's rows of (type, text), out of the file's own XML."""
    space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = sorted(name for name in archive.namelist() if name.startswith("xl/worksheets/sheet"))
        return [
            [
                [
                    (
                        cell.get("t", "n"),
                        "".join(
                            part.text or "" for part in cell.iter() if part.tag in {space + "v", space + "t"}
                        ),
                    )
                    for cell in row
                ]
                for row in ElementTree.fromstring(archive.read(name)).iter(space + "row")  # noqa: S314 - our own
            ]
            for name in names
        ]


def workbook(rows: Sequence[Row]) -> bytes:
    file = io.BytesIO()
    write_workbook(file, "Rows", COLUMNS, rows)
    return file.getvalue()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Jan;=1+1", "Jan;'=1+1"),
        ("Jan, @SUM(A1)", "Jan,' @SUM(A1)"),
        ("Jan\t-1", "Jan\t'-1"),
        ("Jansen, Piet; Zn.", "Jansen, Piet; Zn."),
        ('K1;"=1+1;y', "K1;'\"=1+1;y"),
        ('K1; ""-1', 'K1;\' ""-1'),
        ('"=1+1', "'\"=1+1"),
        ("K1|=1+1", "K1|'=1+1"),
    ],
)
def test_a_spreadsheet_of_another_country_finds_no_formula_either(text: str, shown: str) -> None:
    assert harmless(text) == shown


@pytest.mark.parametrize("text", DANGEROUS)
def test_what_begins_like_a_formula_is_made_harmless(text: str) -> None:
    assert harmless(text) == "'" + text
    assert read_csv("en", [(text, 1, None)])[1][0] == "'" + text
    (row,) = read_sheets(workbook([(text, 1, None)]))[0][1:]
    # XML reads a carriage return as a line feed.
    assert row[0] == ("inlineStr", ("'" + text).replace("\r", "\n")) or row[0][1].startswith("'")
    assert row[0][0] == "inlineStr"


@pytest.mark.parametrize("text", ["Bakker", "1-2", "a=b", "", "'s-Gravenhage", "é"])
def test_what_does_not_is_left_alone(text: str) -> None:
    assert harmless(text) == text


def test_csv_has_the_mark_of_utf8_and_lines_as_excel_writes_them() -> None:
    content = b"".join(csv_chunks(COLUMNS, ROWS, "en"))
    assert content.startswith(b"\xef\xbb\xbfName,Code,Last success\r\n")
    assert content.count(b"\r\n") == 4


@pytest.mark.parametrize("reader", ["en", "nl"])
def test_csv_is_read_back_as_it_was_with_moments_in_dutch_time(reader: str) -> None:
    assert read_csv(reader)[1:] == [
        ['Bakker; "Zn", é', "7", "2026-07-02 00:30"],
        ["'=1+1", "-3", ""],
        ["", "0", ""],
    ]


def test_dutch_excel_gets_semicolons() -> None:
    assert b";" in b"".join(csv_chunks(COLUMNS, [], "nl"))
    assert b"," not in b"".join(csv_chunks(COLUMNS, [], "nl"))


def test_csv_is_written_while_it_is_read() -> None:
    taken = 0

    def rows() -> Iterator[Row]:
        nonlocal taken
        for number in range(10_000):
            taken += 1
            yield (f"Row {number}", number, None)

    pieces = csv_chunks(COLUMNS, rows(), "en")
    next(pieces)
    next(pieces)
    assert taken <= 1_000
    assert sum(piece.count(b"\r\n") for piece in pieces) == 9_000


def test_a_workbook_holds_texts_numbers_and_moments_as_such() -> None:
    (sheet,) = read_sheets(workbook(ROWS))
    assert [text for _kind, text in sheet[0]] == ["Name", "Code", "Last success"]
    assert sheet[1][0] == ("inlineStr", 'Bakker; "Zn", é')
    assert sheet[1][1] == ("n", "7")
    kind, moment = sheet[1][2]
    assert kind == "n"
    assert float(moment) == pytest.approx(46205 + 30 / 1440)
    assert sheet[2][:2] == [("inlineStr", "'=1+1"), ("n", "-3")]


def test_an_empty_workbook_has_its_titles() -> None:
    (sheet,) = read_sheets(workbook([]))
    assert [text for _kind, text in sheet[0]] == ["Name", "Code", "Last success"]


def test_addresses_and_numbers_in_texts_stay_texts() -> None:
    (sheet,) = read_sheets(workbook([("http://example.com", 1, None), ("0012", 2, None)]))
    assert [row[0] for row in sheet[1:]] == [("inlineStr", "http://example.com"), ("inlineStr", "0012")]


def test_more_rows_than_a_sheet_takes_go_on_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "_SHEET_ROWS", 4)
    sheets = read_sheets(workbook([(f"Row {number}", number, None) for number in range(10)]))
    assert [len(sheet) - 1 for sheet in sheets] == [4, 4, 2]
    assert [row[1][1] for sheet in sheets for row in sheet[1:]] == [str(number) for number in range(10)]


@pytest.mark.parametrize("writer", ["en", "nl"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    "text", ['K1;"=1+1;y', 'K1,"=1+1,y', 'K1\t"=1+1', 'K1;""=1+1";"', '";=1+1', 'a";"@SUM(A1)', 'x|"-1']
)
def test_no_cell_is_a_formula_whatever_the_reader_s_separator(text: str, separator: str, writer: str) -> None:
    columns = (Column[str]("Name", lambda _row: "x"), Column[str]("Reference", lambda row: row))
    written = b"".join(csv_chunks(columns, [text, "after"], writer)).decode("utf-8-sig")
    for line in csv.reader(io.StringIO(written, newline=""), delimiter=separator):
        assert not [cell for cell in line if cell.strip().startswith(("=", "+", "-", "@"))]


@pytest.mark.parametrize(
    "text",
    [
        "00123", "3-12", "1E5", "1e-5", "12/3", "3.12", "1.234,50", "12:30", "2026-12-03", "03-12-2026", "1 1/2", "5%",
        "€ 5", "(5)", "MAR1", "12 mrt", "dec-12", "1 mei 2026", "3 PM", "123456789012", "12345678901234567", "TRUE",
        "waar", "#N/A", "007", "0.5", "1,5",
    ],
)  # fmt: skip
def test_a_reference_survives_excel(text: str) -> None:
    assert read_csv("en", [(text, 1, None)])[1][0] == "'" + text
    assert read_csv("nl", [(text, 1, None)])[1][0] == "'" + text
    assert read_sheets(workbook([(text, 1, None)]))[0][1][0] == ("inlineStr", text)


@pytest.mark.parametrize(
    "text", ["123", "0", "K-77", "1e klas", "Jansen 3-12", "Mei B.V.", "3M", "4You", "A1", "12A", "Marc", "?"]
)
def test_what_excel_leaves_alone_is_left_alone(text: str) -> None:
    assert read_csv("en", [(text, 1, None)])[1][0] == text
