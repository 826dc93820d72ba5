"""Moments as short as the place asks for, in the reader's language and in Dutch time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache

from babel.dates import format_date, format_time, get_month_names

from core import clock
from core.i18n import _, current_language, ngettext

DAY_FORMAT = "DD-MM-YYYY"
"""How a day is typed, in both languages."""


def time_of_day(at: datetime) -> str:
    """For example 10:42."""
    return _time(at, "HH:mm")


def to_the_second(at: datetime) -> str:
    """For example "24 Nov 2026 10:42:07"."""
    return f"{day(at)} {_time(at, 'HH:mm:ss')}"


def soon(at: datetime) -> str:
    """The time alone when it is today, else with the day: for example "10:42" or "24 Nov 2026 00:00"."""
    if at.astimezone(clock.DUTCH).date() == clock.today():
        return time_of_day(at)
    return f"{day(at)} {time_of_day(at)}"


def day(at: datetime) -> str:
    """For example 23 Nov 2026."""
    return format_date(at.astimezone(clock.DUTCH).date(), "d MMM y", locale=current_language())


def days_left(until: datetime) -> str:
    """How many days remain until a moment, in words."""
    days = (until - clock.now()).days
    if days < 0:
        return _("passed")
    return ngettext("{count} day", "{count} days", days).format(count=days)


def shortener() -> Callable[[datetime | None], str]:
    """For example "23 Nov 05:45", or "23 Nov 2025" when it is not this year's; "" when it never was.

    Without Babel's patterns, which cost a list of fifty rows ten milliseconds.
    """
    zone, months = clock.DUTCH, _months(current_language())
    this_year = clock.today().year

    def short(at: datetime | None) -> str:
        if at is None:
            return ""
        here = at.astimezone(zone)
        if here.year != this_year:
            return f"{here.day} {months[here.month]} {here.year}"
        return f"{here.day} {months[here.month]} {here.hour:02}:{here.minute:02}{clock.zone_mark(at)}"

    return short


def _time(at: datetime, pattern: str) -> str:
    return format_time(at, pattern, tzinfo=clock.DUTCH, locale=current_language()) + clock.zone_mark(at)


@cache
def _months(language: str) -> dict[int, str]:
    return dict(get_month_names("abbreviated", locale=language))
