"""The figures as tables with the targets beside them, and as a file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.figures import Samples, pair, ratio, table
from tests.bench.load import SESSIONS, Load

BARE = "bare"
BARE_ALIKE = "bare, no delay"
"""Served as the product is: without the 40 ms that a delayed acknowledgement costs each opening of the other."""
OVER_BARE = 1.25
GROWTH = 1.2
RUNS_PER_SECOND = 35.0
FIRST_SESSION_MS = 1_000.0
INTRODUCTION = f"""Milliseconds, median / p95. Aimed at: at most {OVER_BARE} x bare, and {GROWTH} x from the smallest to
the largest; ! marks what is over. Bare: a script that shows the same fifty rows from a constant, by streamlit run with
the same two settings. "{BARE_ALIKE}": the same script without the delay of the network that streamlit run causes."""


@dataclass
class Result:
    """Everything that one database was measured by."""

    database: str
    products: list[str]
    """Names of the product's servers, by size, the smallest first."""
    server_side: Samples = field(default_factory=Samples)
    in_browser: Samples = field(default_factory=Samples)
    loads: dict[str, Load] = field(default_factory=dict)
    first_sessions: dict[str, float] = field(default_factory=dict)
    """Milliseconds, by server."""
    memory: dict[str, tuple[int, int]] = field(default_factory=dict)
    """MB resident after the first session and at the end, by server."""

    def server_table(self) -> str:
        """What was measured without a browser."""
        return self._side(f"{self.database}: server, raw WebSocket", self.server_side, [BARE, BARE_ALIKE])

    def browser_table(self) -> str:
        """What was measured in Chromium."""
        return self._side(f"{self.database}: Chromium", self.in_browser, [BARE])

    def as_data(self) -> dict[str, Any]:
        """The same as JSON takes it."""
        return {
            "server_side": list(_listed(self.server_side)),
            "in_browser": list(_listed(self.in_browser)),
            "loads": {name: asdict(load) for name, load in self.loads.items()},
            "first_sessions": self.first_sessions,
            "memory": self.memory,
        }

    def _side(self, title: str, samples: Samples, bares: Sequence[str]) -> str:
        smallest, largest = self.products[0], self.products[-1]
        head = [title, *bares, *self.products, *(f"{largest} : {bare}" for bare in bares)]
        head += [f"{largest} : {smallest}"] if largest != smallest else []
        return table(head, (self._line(samples, *row, bares) for row in samples.rows()))

    def _line(self, samples: Samples, page: str, operation: str, bares: Sequence[str]) -> list[str]:
        found = {name: samples.get(page, operation, name) for name in (*bares, *self.products)}
        smallest, largest = found[self.products[0]], found[self.products[-1]]
        line = [f"{page}, {operation}", *(pair(each) for each in found.values())]
        line += [ratio(largest, found[bare], OVER_BARE) for bare in bares]
        return line + ([ratio(largest, smallest, GROWTH)] if len(self.products) > 1 else [])

    def servers_table(self) -> str:
        """Many at once, the first session, and memory."""
        head = [f"{SESSIONS} sessions at once, {self.database}", f"runs a second (≥ {RUNS_PER_SECOND:.0f})"]
        head += ["ms a run", f"first session ms (≤ {FIRST_SESSION_MS:.0f})", "memory MB, first / last"]
        return table(head, (self._server(name, load) for name, load in self.loads.items()))

    def _server(self, name: str, load: Load) -> list[str]:
        first, memory = self.first_sessions.get(name), self.memory.get(name)
        slow = name in self.products and load.runs_per_second < RUNS_PER_SECOND
        late = first is not None and first > FIRST_SESSION_MS
        return [
            name,
            f"{load.runs_per_second:.0f}{' !' if slow else ''}",
            pair(load.waiting),
            "-" if first is None else f"{first:.0f}{' !' if late else ''}",
            "-" if memory is None else f"{memory[0]} / {memory[1]}",
        ]


def write(path: Path, results: Iterable[Result]) -> None:
    """All of it as JSON, for whoever compares two rounds."""
    path.write_text(
        json.dumps({each.database: each.as_data() for each in results}, indent=1), encoding="utf-8"
    )


def _listed(samples: Samples) -> Iterable[dict[str, Any]]:
    for (page, operation, server), found in samples.figures().items():
        yield {"page": page, "operation": operation, "server": server, **asdict(found)}
