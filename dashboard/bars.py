"""Small charts of plain HTML: each bar a link to the rows behind it, no megabyte of script to load first.

Measured: a chart of Streamlit's own adds 1,005 kB to the first opening of the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from html import escape

from babel.dates import format_date
from babel.numbers import get_group_symbol

from core.i18n import current_language
from dashboard.html_table import draw_html

STYLE = """
.bars{display:grid;grid-template-columns:max-content 1fr max-content;gap:.3rem .75rem}
.bars{align-items:center;font-size:.875rem}
.bars a{display:contents;color:inherit;text-decoration:none}
.bars a:hover .what,.bars a:focus-visible .what{text-decoration:underline}
.bars .bar{height:.7rem;border-radius:.2rem;min-width:2px}
.bars .count{text-align:right;font-variant-numeric:tabular-nums;font-weight:600}
.days{display:flex;align-items:flex-end;gap:.25rem;height:8.5rem;font-size:.75rem}
.days>div{flex:1;display:flex;flex-direction:column;justify-content:flex-end;align-items:center;height:100%;min-width:0}
.days .bar{width:100%;max-width:2rem;border-radius:.2rem .2rem 0 0;background:#14547a;min-height:2px}
.days .none{background:#d5dee4}
.days .day{color:#526471;margin-top:.2rem;white-space:nowrap}
"""
_HIGHEST = 70
"""Percent of the height; the rest is for the figures."""


@dataclass(frozen=True)
class Bar:
    """One line: a word, how many, its colour, and the address of the rows behind it."""

    label: str
    count: int
    color: str
    address: str


def figure(number: int) -> str:
    """A number as the reader's language writes it: 1,234 or 1.234."""
    return f"{number:,}".replace(",", _mark(current_language()))


@cache
def _mark(language: str) -> str:
    """What stands between thousands; Babel's own formatting took as long as reading a page of rows."""
    return get_group_symbol(language)


def draw_bars(bars: Sequence[Bar], alt: str) -> None:
    """Lying bars, one under the other."""
    most = max((bar.count for bar in bars), default=0) or 1
    lines = "".join(_line(bar, most) for bar in bars)
    draw_html(f'<div class="bars" role="group" aria-label="{escape(alt)}">{lines}</div>')


def draw_days(days: Sequence[tuple[date, int]], alt: str) -> None:
    """Standing bars, one a day."""
    most = max((count for _day, count in days), default=0) or 1
    columns = "".join(_column(day, count, most) for day, count in days)
    draw_html(f'<div class="days" role="img" aria-label="{escape(alt)}">{columns}</div>')


def _line(bar: Bar, most: int) -> str:
    return (
        f'<a href="{escape(bar.address)}"><span class="what">{escape(bar.label)}</span>'
        f'<span><span class="bar" style="display:block;width:{100 * bar.count / most:.1f}%;background:{bar.color}">'
        f'</span></span><span class="count">{figure(bar.count)}</span></a>'
    )


def _column(day: date, count: int, most: int) -> str:
    whole = escape(format_date(day, "EEEE d MMMM", locale=current_language()))
    return (
        f'<div title="{whole}: {figure(count)}"><span>{figure(count) if count else ""}</span>'
        f'<div class="bar{"" if count else " none"}" style="height:{_HIGHEST * count / most:.1f}%"></div>'
        f'<span class="day">{day.day}</span></div>'
    )
