"""What is asked of a list, and what a page of it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from core.registrations.names import name_key

Row = TypeVar("Row")
Other = TypeVar("Other")

PAGE_SIZE = 50
LONGEST_SEARCH = 100
"""Characters, folded: as long as a name; what is beyond is not looked at, and ``ListQuery.cut`` says so."""
COUNT_LIMIT = 1_000
"""Counting stops here: counting a million rows takes longer than the whole page may."""
WITHOUT_OWNER = 0
"""As ``owner_id`` of a query: nobody owns it."""
REGISTRATION_SORTS = (
    "name", "environment", "status", "active", "owner", "administrations_linked",
    "last_checked_at", "last_success_at", "lapses_at",
)  # fmt: skip
ADMINISTRATION_SORTS = (
    "name", "code", "registration", "environment", "status", "active", "owner",
    "country", "currency", "last_success_at",
)  # fmt: skip


@dataclass(frozen=True)
class ListQuery:
    """Search, filters, order and page. What is empty or None does not filter; an unknown sort sorts by name."""

    search: str = ""
    """Three characters and more: part of a name (a registration's reference and an administration's code count
    too); fewer: what the name begins with."""
    status: str = ""
    environment: str = ""
    owner_id: int | None = None
    active: bool | None = None
    sort: str = "name"
    descending: bool = False
    page: int = 1

    @property
    def cut(self) -> bool:
        """Whether more is asked for than is searched."""
        return len(name_key(self.search)) > LONGEST_SEARCH

    @property
    def narrows(self) -> bool:
        """Whether anything narrows the list."""
        given = (self.search, self.status, self.environment)
        return any(given) or self.owner_id is not None or self.active is not None


@dataclass(frozen=True)
class RegistrationQuery(ListQuery):
    """Asked of the registrations; ``sort`` is one of ``REGISTRATION_SORTS``."""


@dataclass(frozen=True)
class AdministrationQuery(ListQuery):
    """Asked of the linked administrations; ``sort`` is one of ``ADMINISTRATION_SORTS``."""


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Fifty rows at most, and where they stand."""

    rows: tuple[Row, ...]
    count: int
    """Rows that match; ``COUNT_LIMIT`` at most."""
    more: bool
    """More than ``COUNT_LIMIT`` match; pages beyond are not offered."""
    number: int
    """From 1; the last page there is when a later one was asked for."""
    pages: int
    """1 at least."""

    def of(self, make: Callable[[Row], Other]) -> Page[Other]:
        """The same page with other rows."""
        return Page(tuple(make(row) for row in self.rows), self.count, self.more, self.number, self.pages)
