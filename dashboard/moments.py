"""Moments as short as the place asks for, in the reader's language and in Dutch time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache

from babel.dates import format_date, format_time, get_month_names, get_timezone

from core import clock
from core.i18n import _, current_language, ngettext

_ZONE = "Europe/Amsterdam"


def time_of_day(at: datetime) -> str:
    """For example 10:42."""
    return format_time(at, "HH:mm", tzinfo=get_timezone(_ZONE), locale=current_language())


def to_the_second(at: datetime) -> str:
    """For example "24 Nov 2026 10:42:07"."""
    seconds = format_time(at, "HH:mm:ss", tzinfo=get_timezone(_ZONE), locale=current_language())
    return f"{day(at)} {seconds}"


def soon(at: datetime) -> str:
    """The time alone when it is today, else with the day: for example "10:42" or "24 Nov 2026 00:00"."""
    zone = get_timezone(_ZONE)
    if at.astimezone(zone).date() == clock.now().astimezone(zone).date():
        return time_of_day(at)
    return f"{day(at)} {time_of_day(at)}"


def day(at: datetime) -> str:
    """For example 23 Nov 2026."""
    return format_date(at.astimezone(get_timezone(_ZONE)).date(), "d MMM y", locale=current_language())


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
    zone, months = get_timezone(_ZONE), _months(current_language())
    this_year = clock.now().astimezone(zone).year

    def short(at: datetime | None) -> str:
        if at is None:
            return ""
        here = at.astimezone(zone)
        if here.year != this_year:
            return f"{here.day} {months[here.month]} {here.year}"
        return f"{here.day} {months[here.month]} {here.hour:02}:{here.minute:02}"

    return short


@cache
def _months(language: str) -> dict[int, str]:
    return dict(get_month_names("abbreviated", locale=language))
