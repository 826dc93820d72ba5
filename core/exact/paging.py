"""A list of Exact's that comes in pages: where its reading stopped, and what was read so far."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from core.exact.errors import ExactError, FailureKind
from core.exact.rows import Division, as_system_status, next_page, read_division, rows_of

log = logging.getLogger(__name__)

MOST_PAGES = 200
OF_THE_PLACE = frozenset({FailureKind.BAD_REQUEST, FailureKind.FORBIDDEN})
"""What Exact says of a page that it does not give (any more): the list is then begun anew."""


class Listed(tuple[Division, ...]):
    """A list that was read to its end."""

    whole = True
    """False where rows could not be read: what is missing then proves nothing."""


@dataclass(frozen=True)
class Page:
    """One page of a list."""

    divisions: tuple[Division, ...]
    following: str
    """The address of the next page; empty after the last."""
    whole: bool = True
    """Whether all its rows could be read."""


class Reading(Protocol):
    """One reading of one list; may be kept for whoever goes on with it later."""

    def place(self) -> str:
        """The address of the page that comes next; empty at the beginning, and when the list is whole."""

    def is_whole(self) -> bool:
        """Whether the last page has been read."""

    def keep(self, page: Page) -> None:
        """Take the page that was read. Raises ``ExactError`` when the pages come to no end, or to stop for now."""

    def begin_anew(self) -> None:
        """Forget what was read."""

    def listed(self) -> Listed:
        """All that was read."""


class Pages:
    """A reading that lives in memory, until its end or not at all."""

    def __init__(self) -> None:
        self.begin_anew()

    def place(self) -> str:
        return self._pages[-1].following if self._pages else ""

    def is_whole(self) -> bool:
        return bool(self._pages) and not self.place()

    def keep(self, page: Page) -> None:
        known = {one.following for one in self._pages}
        if page.following and (page.following in known or len(known) + 1 >= MOST_PAGES):
            raise ExactError(FailureKind.UNKNOWN)
        self._pages.append(page)

    def begin_anew(self) -> None:
        self._pages: list[Page] = []

    def listed(self) -> Listed:
        return united(self._pages)


def united(pages: list[Page]) -> Listed:
    """The rows of all pages, each administration once, as it came first.

    Raises ``ExactError`` (UNKNOWN) when there are rows and none can be read: that is no empty list.
    """
    found: dict[int, Division] = {}
    for page in pages:
        for division in page.divisions:
            found.setdefault(division.code, division)
    listed = Listed(found.values())
    listed.whole = all(page.whole for page in pages)
    if not listed and not listed.whole:
        raise ExactError(FailureKind.UNKNOWN)
    return listed


def of_system(listed: Listed) -> Listed:
    """A list of hrm/Divisions as system/Divisions would count it."""
    counted = Listed(map(as_system_status, listed))
    counted.whole = listed.whole
    return counted


def page_of(url: str, answer: Any) -> Page:  # noqa: ANN401
    """The page that was asked for at ``url``. Raises ``ExactError`` (UNKNOWN) when it is none."""
    rows, following = rows_of(answer)
    read = [read_division(row) for row in rows]
    divisions = tuple(division for division in read if division is not None)
    if len(divisions) < len(rows):
        log.warning("%d rows of a list have no usable code; left out.", len(rows) - len(divisions))
    beyond = "" if following is None else next_page(url, following)
    if beyond == url:
        raise ExactError(FailureKind.UNKNOWN)
    return Page(divisions, beyond, len(divisions) == len(rows))


def division_in(url: str) -> int:
    """The division that an address of the API asks through; 0 when it names none."""
    first = urlsplit(url).path.partition("/api/v1/")[2].partition("/")[0]
    return int(first) if first.isascii() and first.isdigit() else 0
