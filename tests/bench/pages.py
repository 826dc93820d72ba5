"""What is asked of each list, in the same words for the product and for the bare page."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

from core.registrations.listing import (
    AdministrationQuery,
    RegistrationQuery,
    list_administrations,
    list_registrations,
)
from core.registrations.query import PAGE_SIZE
from core.registrations.status import Status
from core.registrations.wording import status_word
from dashboard import administration_rows, registration_rows
from tests.bench.bare_rows import first_row
from tests.bench.servers import Server
from tests.bench.terms import search_terms
from tests.bench.websocket import Value

LAST_PAGE = 15
"""How far is turned; at every size there are more."""
OPERATIONS = ("search", "filter", "next page", "sort")
"""Changes of the controls of an open list."""


@dataclass(frozen=True)
class Step:
    """One change of a control, and what must be seen afterwards."""

    control: str
    """"q", "status", "page" or "sort"."""
    value: Value
    """As the browser sends it: the words of an option, not its code."""
    seen: str
    """The name in the last row."""


@dataclass(frozen=True)
class List:
    """One of the two lists, as it is reached on the product and on the bare page."""

    name: str
    page: str
    prefix: str
    """Before the names of the product's controls."""
    sorts: tuple[str, ...]
    words: dict[str, str]
    """Sort to the title of its column."""
    lines: Callable[[Iterable[Any]], Iterator[tuple[str, ...]]]
    """The cells of each row, as HTML."""

    def address(self, server: Server) -> tuple[str, str]:
        """Path and query."""
        return (self.page, "") if server.app else ("", f"list={self.page}")

    def key(self, server: Server, control: str) -> str:
        return (self.prefix if server.app else "") + control

    def seen_first(self, server: Server) -> str:
        """The name in the last row when the list is opened."""
        return self._seen(server)

    def one(self, server: Server) -> tuple[str, str, str]:
        """Path, query and title of the page behind the seventh row."""
        if server.app is None:
            return "", f"list={self.page}&id=7", bare_data()[self.page]["rows"][7][0]
        row: Any = _page(self, server).rows[7]
        number = row.id if self.page == "registrations" else row.registration_id
        name = row.name if self.page == "registrations" else row.registration_name
        return "registration", f"id={number}", name

    def steps(self, server: Server, operation: str) -> Iterator[Step]:
        """Changes without end, each of them showing other rows than the one before."""
        if operation == "search":
            terms = _terms(self, server)
            made = [Step("q", term, self._seen(server, search=term)) for term in terms]
        elif operation == "filter":
            made = [self._filtered(server, status) for status in _statuses(self, server)]
        elif operation == "sort":
            made = [self._sorted(server, sort) for sort in self.sorts]
        else:
            made = [Step("page", page, self._seen(server, page=page)) for page in range(2, LAST_PAGE + 1)]
        return itertools.cycle(made)

    def _filtered(self, server: Server, status: Status) -> Step:
        word = status_word(status)
        return Step("status", word, self._seen(server, status=status.value if server.app else word))

    def _sorted(self, server: Server, sort: str) -> Step:
        label = sort_label(self.words[sort])
        return Step("sort", label, self._seen(server, sort=sort if server.app else label))

    def _seen(self, server: Server, **query: Any) -> str:
        if server.app is not None:
            return str(_page(self, server, **query).rows[-1].name)
        data = bare_data()[self.page]
        start = {"search": "", "status": data["statuses"][0], "sort": data["sorts"][0], "page": 1} | query
        return str(data["rows"][first_row(**start) + PAGE_SIZE - 1][0])


LISTS = (
    List(
        "Registrations",
        "registrations",
        "",
        ("last_success_at", "owner", "environment"),
        registration_rows.COLUMNS,
        registration_rows.lines,
    ),
    List(
        "Administrations",
        "administrations",
        "a",
        ("code", "registration", "owner"),
        administration_rows.COLUMNS,
        administration_rows.lines,
    ),
)


def sort_label(word: str) -> str:
    """As the lists word it, in English."""
    return f"Sort by {word}"


_BARE: dict[str, Any] = {}


def bare_data() -> dict[str, Any]:
    """What the bare page shows; ``write_bare_data`` has been there before."""
    return _BARE


def write_bare_data(server: Server, path: Path) -> None:
    """Two pages of each list as the product shows them become the bare page's constant rows."""
    for listed in LISTS:
        rows = [row for number in (1, 2) for row in _page(listed, server, page=number).rows]
        cells = [[unescape(_untagged(cell)) for cell in line] for line in listed.lines(rows)]
        _BARE[listed.page] = {
            "head": list(listed.words.values()),
            "rows": cells,
            "statuses": ["All statuses", *(status_word(status) for status in Status)],
            "sorts": [sort_label(word) for word in listed.words.values()],
        }
    path.write_text(json.dumps(_BARE), encoding="utf-8")


def _untagged(html: str) -> str:
    """The words of a cell."""
    while "<" in html:
        before, _, rest = html.partition("<")
        html = before + rest.partition(">")[2]
    return html


def _page(listed: List, server: Server, **query: Any) -> Any:
    assert server.app is not None and server.by is not None
    if listed.page == "registrations":
        return list_registrations(server.app, server.by, RegistrationQuery(**query))
    return list_administrations(server.app, server.by, AdministrationQuery(**query))


def _terms(listed: List, server: Server) -> list[str]:
    if server.app is None:
        return ["bak", "jans", "vries", "dijk", "smit"]
    return search_terms(server.app, listed.page)


def _statuses(listed: List, server: Server) -> list[Status]:
    """Those that fill a page."""
    if server.app is None:
        return [Status.CONNECTED, Status.PAUSED, Status.WAITING_FOR_CONSENT]
    return [s for s in Status if len(_page(listed, server, status=s.value).rows) == PAGE_SIZE]
