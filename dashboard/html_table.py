"""A table of plain HTML: real links, read aloud as a table, and a list of cards on a phone.

It is drawn in half the time of the native table and needs no extra script; measured in design.md, section 2, fact 8.
Its looks are in the page's head (``dashboard.frame_page``): sent once, and not with every change of the rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import Literal

import streamlit as st

STYLE = """
.rows-frame{overflow-x:auto}
.rows{width:100%;border-collapse:collapse;font-size:.8125rem;line-height:1.45}
.rows th{text-align:left;font-weight:600;color:#526471;border-bottom:1px solid #d5dee4}
.rows th a{color:inherit;white-space:nowrap}
.rows th[aria-sort] a::after{content:" \\25B2";font-size:.7em}.rows th[aria-sort=descending] a::after{content:" \\25BC"}
.rows th,.rows td{padding:.4rem .45rem;white-space:nowrap;vertical-align:top}
.rows td{border-bottom:1px solid #e6edf2;font-variant-numeric:tabular-nums}
.rows tbody tr:hover td{background:#f4f7f9}
.rows a{color:#14547a;font-weight:600;text-decoration:none}
.rows a:hover,.rows a:focus-visible{text-decoration:underline}
.rows i{font-style:normal}
.rows i::before{content:"";display:inline-block;width:.6rem;height:.6rem;border-radius:50%;margin-right:.4rem;\
background:var(--dot)}
@media(max-width:48rem){
.rows{font-size:.875rem}.rows thead{display:none}
.rows tr{display:block;padding:.6rem 0;border-bottom:1px solid #d5dee4}
.rows td{display:flex;justify-content:space-between;gap:1rem;border:0;padding:.1rem 0}
.rows td{text-align:right;white-space:normal;overflow-wrap:anywhere}
.rows td::before{color:#526471;text-align:left;flex:none}
.rows td:first-child{font-size:1rem;text-align:left}
.rows td:empty{display:none}
TITLES}
@media(min-width:48.01rem){
KINDS}
"""
"""On a phone each cell says its title, which the table names once: ``--t2`` for its second column.

A kind is a class of the table too, ``number6``, and a dot has none: the browser cleans what it is given attribute by
attribute, and one in each cell took it some 2 ms a table. A ``target`` it takes out of everything.
"""
KINDS = {
    "name": "white-space:normal;min-width:8.5rem;overflow-wrap:anywhere",
    "words": "white-space:normal;min-width:6rem",
    "number": "text-align:right",
}
MOST_COLUMNS = 12
_SPECIAL = re.compile("[&<>\"']").search


@dataclass(frozen=True)
class Column:
    """The title over a column; ``kind`` is that of its cells: one of ``KINDS``, or nothing."""

    title: str
    kind: str = ""
    sorts: str = ""
    """The address that sorts by it."""
    order: Literal["", "ascending", "descending"] = ""
    """How it is sorted now."""


def style() -> str:
    """The looks of all tables, as CSS."""
    titles = "\n".join(
        f".rows td:nth-child({number})::before{{content:var(--t{number})}}"
        for number in range(2, MOST_COLUMNS + 1)
    )
    kinds = "\n".join(
        ",".join(f".{kind}{number} :is(th,td):nth-child({number})" for number in range(1, MOST_COLUMNS + 1))
        + f"{{{looks}}}"
        for kind, looks in KINDS.items()
    )
    return STYLE.replace("TITLES", titles).replace("KINDS", kinds)


def safe(text: str) -> str:
    """``text`` as HTML shows it. Nearly no name holds anything to escape, and a list asks 150 times."""
    return escape(text) if _SPECIAL(text) else text


def link(address: str, value: str) -> str:
    """Words that lead to another page of ours, in this tab."""
    return f'<a href="{safe(address)}">{safe(value)}</a>'


def dot(color: str, value: str) -> str:
    """Words with a coloured dot before them: the colour says nothing that the words do not."""
    return f'<i style="--dot:{color}">{escape(value)}</i>'


def draw_table(columns: Sequence[Column], rows: Iterable[tuple[str, ...]], alt: str, above: str = "") -> None:
    """Draw rows of HTML, a cell a column; ``alt`` names the table for who cannot see it.

    ``above`` is HTML that stands before the table: one element less to send.
    """
    titles, kinds, line = _template(tuple((column.title, column.kind) for column in columns))
    head = "".join([_heading(column) for column in columns])
    body = "".join([line % row for row in rows])
    draw_html(
        f'{above}<div class="rows-frame"><table class="rows{kinds}" aria-label="{escape(alt)}" style="{titles}">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


@lru_cache(maxsize=50)
def _template(columns: tuple[tuple[str, str], ...]) -> tuple[str, str, str]:
    """The titles for a phone, the kinds, and what each row is put into: a list is drawn at every click."""
    numbered = list(enumerate(columns, start=1))
    titles = "".join(f"--t{place}:{escape(_css_text(title))};" for place, (title, _kind) in numbered)
    kinds = "".join(f" {kind}{place}" for place, (_title, kind) in numbered if kind)
    return titles, kinds, "<tr>" + "<td>%s</td>" * len(columns) + "</tr>"


def _heading(column: Column) -> str:
    title, order = escape(column.title), f' aria-sort="{column.order}"' if column.order else ""
    if column.sorts:
        title = f'<a href="{escape(column.sorts)}">{title}</a>'
    return f'<th scope="col"{order}>{title}</th>'


def _css_text(text: str) -> str:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}"'


def draw_html(text: str) -> None:
    """Draw HTML of ours as it is: of a plain text ``st.html`` looks at the indentation of every line."""
    st.html(_Html(text))


@dataclass(frozen=True, slots=True)
class _Html:
    text: str

    def _repr_html_(self) -> str:
        return self.text
