"""What stands in many cells of a list, made once: fifty rows say the same few words."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import Literal

from core.exact.environments import ENVIRONMENTS, environment_name
from core.i18n import _, current_language, language
from core.registrations.status import Status
from core.registrations.wording import setting_word, status_word
from dashboard.html_table import Column, dot
from dashboard.status_badge import status_color


@dataclass(frozen=True)
class Words:
    """Cells as HTML, by what they say."""

    environments: Mapping[str, str]
    statuses: Mapping[Status, str]
    settings: Mapping[tuple[bool, Status], str]


@dataclass(frozen=True)
class Sorting:
    """How a list is sorted, and where the titles of its columns lead."""

    by: str
    descending: bool
    here: str
    """The path of the list."""
    queries: Mapping[str, str]
    """Sort to the query of the address that sorts by it."""

    def address(self, name: str) -> str:
        """Where the title of the column leads; "" when nothing sorts by it."""
        return f"{self.here}?{self.queries[name]}" if name in self.queries else ""

    def order(self, name: str) -> Literal["", "ascending", "descending"]:
        """How the column is sorted now."""
        if name != self.by:
            return ""
        return "descending" if self.descending else "ascending"


class _Environments(dict[str, str]):
    def __missing__(self, code: str) -> str:
        return escape(code)


def words_of_lists() -> Words:
    """In the reader's language."""
    return _words(current_language())


@cache
def _words(code: str) -> Words:
    with language(code):
        return Words(
            _Environments({known: escape(environment_name(known)) for known in ENVIRONMENTS} | {"": ""}),
            {status: dot(status_color(status), status_word(status)) for status in Status},
            {
                (active, status): escape(setting_word(active, status))
                for active in (True, False)
                for status in Status
            },
        )


def columns(
    titles: Mapping[str, str],
    numbers: Collection[str] = (),
    names: Collection[str] = ("name",),
    sorting: Sorting | None = None,
) -> list[Column]:
    """The columns of a list, in the order of ``titles``, which are translated here."""
    kinds = {"owner": "words"} | dict.fromkeys(numbers, "number") | dict.fromkeys(names, "name")
    return [
        Column(
            _(title), kinds.get(name, ""), *((sorting.address(name), sorting.order(name)) if sorting else ())
        )
        for name, title in titles.items()
    ]
