"""Rows as files that a spreadsheet opens: written row by row, with nothing in them that a spreadsheet would run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import IO

import xlsxwriter

from core import clock
from core.exact.environments import environment_name
from core.i18n import N_, _, language
from core.registrations.action_words import act_words, who_words
from core.registrations.listing import AdministrationRow, RegistrationRow
from core.registrations.wording import called, reason_sentence, setting_word, status_word
from dashboard.tables import WRITTEN, Column, Row, Value, csv, harmless

_CHUNK = 500
_SHEET_ROWS = 1_000_000
"""A sheet of Excel ends at 1,048,576 rows; what is more goes on the next."""


REGISTRATION_COLUMNS: tuple[Column[RegistrationRow], ...] = (
    Column(N_("Name"), lambda row: called(row.name), 36),
    Column(N_("Customer reference"), lambda row: row.reference),
    Column(N_("Environment"), lambda row: environment_name(row.environment)),
    Column(N_("Status"), lambda row: status_word(row.status), 22),
    Column(N_("Setting"), lambda row: setting_word(row.active, row.status)),
    Column(N_("Owner"), lambda row: row.owner_name, 20),
    Column(N_("Administrations linked"), lambda row: row.administrations_linked, kind="number"),
    Column(N_("Last checked"), lambda row: row.last_checked_at, 17, kind="moment"),
    Column(N_("Last success"), lambda row: row.last_success_at, 17, kind="moment"),
    Column(N_("Consent lapses"), lambda row: row.lapses_at, 17, kind="moment"),
    Column(N_("Days left"), lambda row: row.days_to_go, kind="number"),
    Column(N_("Why"), lambda row: reason_sentence(row.status_reason, row.failure_message), 50),
    Column(N_("Who must act"), lambda row: who_words(row.action), 30),
    Column(N_("What to do"), lambda row: act_words(row.action), 50),
)
ADMINISTRATION_COLUMNS: tuple[Column[AdministrationRow], ...] = (
    Column(N_("Name"), lambda row: row.name, 36),
    Column(N_("Code"), lambda row: row.code, kind="number"),
    Column(N_("Registration"), lambda row: row.registration_name, 36),
    Column(N_("Environment"), lambda row: environment_name(row.environment)),
    Column(N_("Status"), lambda row: status_word(row.status), 22),
    Column(N_("Setting"), lambda row: setting_word(row.active, row.status)),
    Column(N_("Owner"), lambda row: row.owner_name, 20),
    Column(N_("Country"), lambda row: row.country),
    Column(N_("Currency"), lambda row: row.currency),
    Column(N_("Last success"), lambda row: row.last_success_at, 17, kind="moment"),
)


def csv_chunks(columns: Sequence[Column[Row]], rows: Iterable[Row], reader: str) -> Iterator[bytes]:
    """The file in pieces, in the language ``reader``: UTF-8 with its mark, which Excel needs to see it is UTF-8.

    Dutch Excel separates by semicolons. Moments are Dutch time, YYYY-MM-DD HH:MM.
    """
    separator = ";" if reader == "nl" else ","
    source = iter(rows)
    taken = list(islice(source, _CHUNK))
    head = True
    while taken or head:
        # Each piece is asked for by another thread: the language is set anew for every one.
        with language(reader):
            piece = csv(columns, taken, separator=separator, head=head)
        yield "\ufeff".encode() + piece if head else piece
        taken, head = list(islice(source, _CHUNK)), False


def write_workbook(file: IO[bytes], title: str, columns: Sequence[Column[Row]], rows: Iterable[Row]) -> None:
    """Write an Excel file in the language in force; one row is in memory at a time."""
    with xlsxwriter.Workbook(
        file, {"constant_memory": True, "default_date_format": "yyyy-mm-dd hh:mm"}
    ) as book:
        source = iter(rows)
        number = 1
        while taken := list(islice(source, 1)):
            _write_sheet(book, f"{title} {number}" if number > 1 else title, columns, taken, source)
            number += 1
        if number == 1:
            _write_sheet(book, title, columns, [], source)


def _write_sheet(
    book: xlsxwriter.Workbook,
    title: str,
    columns: Sequence[Column[Row]],
    first: list[Row],
    rest: Iterator[Row],
) -> None:
    sheet = book.add_worksheet(title)
    sheet.freeze_panes(1, 0)
    bold = book.add_format({"bold": True})
    for place, column in enumerate(columns):
        sheet.set_column(place, place, column.width)
        sheet.write_string(0, place, _(column.title), bold)
    number = 0
    for row in _both(first, islice(rest, _SHEET_ROWS - len(first))):
        number += 1
        for place, column in enumerate(columns):
            _write_cell(sheet, number, place, column.value(row))
    sheet.autofilter(0, 0, number, len(columns) - 1)


def _both(first: list[Row], rest: Iterator[Row]) -> Iterator[Row]:
    yield from first
    yield from rest


def _write_cell(sheet: xlsxwriter.worksheet.Worksheet, line: int, place: int, value: Value) -> None:
    """As what it is: a text is never read as a formula, a number or an address."""
    if isinstance(value, datetime) and clock.comes_twice(value):  # a moment of Excel has no zone
        sheet.write_string(
            line, place, f"{value.astimezone(clock.DUTCH):{WRITTEN}}{clock.offset_mark(value)}"
        )
    elif isinstance(value, datetime):
        sheet.write_datetime(line, place, value.astimezone(clock.DUTCH).replace(tzinfo=None))
    elif isinstance(value, int):
        sheet.write_number(line, place, value)
    elif value:
        sheet.write_string(line, place, harmless(value))
