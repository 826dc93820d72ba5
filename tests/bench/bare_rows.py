"""Which rows the bare page shows: another fifty of the hundred for everything that is asked, at no cost."""

from __future__ import annotations

SIZE = 50


def first_row(search: str, status: str, sort: str, page: int) -> int:
    """The first of the fifty."""
    return (sum(map(ord, search)) + 7 * len(status) + 3 * len(sort) + page) % SIZE
