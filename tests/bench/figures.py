"""Samples of each operation on each server, and the table that is made of them."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """What one operation took on one server, in milliseconds."""

    median: float
    p95: float
    count: int


def figure(samples: Sequence[float]) -> Figure:
    """Median and 95th percentile (nearest rank)."""
    ordered = sorted(samples)
    rank = max(0, -(-len(ordered) * 95 // 100) - 1)
    return Figure(statistics.median(ordered), ordered[rank], len(ordered))


class Samples:
    """Milliseconds by (page, operation, server), in the order in which they were first met."""

    def __init__(self) -> None:
        self._taken: dict[tuple[str, str, str], list[float]] = defaultdict(list)

    def add(self, page: str, operation: str, server: str, milliseconds: float) -> None:
        self._taken[(page, operation, server)].append(milliseconds)

    def figures(self) -> dict[tuple[str, str, str], Figure]:
        return {key: figure(taken) for key, taken in self._taken.items()}

    def get(self, page: str, operation: str, server: str) -> Figure | None:
        taken = self._taken.get((page, operation, server))
        return figure(taken) if taken else None

    def rows(self) -> list[tuple[str, str]]:
        """(page, operation), each once."""
        return list(dict.fromkeys((page, operation) for page, operation, _server in self._taken))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns of equal width; the first to the left, the others to the right."""
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    made = []
    for line in lines:
        cells = [line[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        made.append("  ".join(cells).rstrip())
    made.insert(1, "-" * len(made[0]))
    return "\n".join(made)


def pair(found: Figure | None) -> str:
    """Median and p95, for a cell."""
    return f"{found.median:.1f} / {found.p95:.1f}" if found else "-"


def ratio(over: Figure | None, under: Figure | None, target: float) -> str:
    """A quotient of medians, marked when it is over the target."""
    if over is None or under is None:
        return "-"
    quotient = over.median / under.median
    return f"{quotient:.2f}{'' if quotient <= target else ' !'}"
