"""Each operation over the raw WebSocket: what a run takes on the server, without a browser."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from html import escape

from tests.bench.figures import Samples
from tests.bench.pages import LISTS, OPERATIONS, List, Step
from tests.bench.servers import Server
from tests.bench.websocket import Run, RunFailed, Tab, tab

WARM_UP = 3
"""Runs of each kind that are not counted: statements are compiled and pages read from disk."""
PAUSE_SECONDS = 0.1
"""Between two changes in one tab. Without a pause Nagle's algorithm and delayed acknowledgements add 40 ms to
every run of a page served by `streamlit run`; with one, as people make it, they do not."""


async def measure(servers: Sequence[Server], rounds: int, samples: Samples) -> None:
    """Every server in turn within each round, so that whatever else the machine does weighs on all alike."""
    for listed in LISTS:
        for number in range(rounds + WARM_UP):
            for server in servers:
                for operation, took in await _openings(listed, server):
                    if number >= WARM_UP:
                        samples.add(listed.name, operation, server.name, took)
        for operation in OPERATIONS:
            await _changes(listed, operation, servers, rounds, samples)


async def _openings(listed: List, server: Server) -> list[tuple[str, float]]:
    path, query, title = listed.one(server)
    return [
        ("open", await _open(server, *listed.address(server), listed.seen_first(server))),
        ("open one", await _open(server, path, query, title)),
    ]


async def _open(server: Server, page: str, query: str, seen: str) -> float:
    started = time.perf_counter()
    async with tab(server.url, page, query, server.cookies) as opened:
        run = await opened.run()
        took = (time.perf_counter() - started) * 1000
        _check(run, seen)
    return took


@dataclass
class _Open:
    """A list that stays open, and what is done to it next."""

    server: Server
    tab: Tab
    steps: Iterator[Step]


async def _changes(
    listed: List, operation: str, servers: Sequence[Server], rounds: int, samples: Samples
) -> None:
    async with AsyncExitStack() as closing:
        opened = []
        for server in servers:
            made = await closing.enter_async_context(tab(server.url, *listed.address(server), server.cookies))
            await made.run()
            opened.append(_Open(server, made, listed.steps(server, operation)))
        for number in range(rounds + WARM_UP):
            await asyncio.sleep(PAUSE_SECONDS)
            for each in opened:
                step = next(each.steps)
                run = await each.tab.run({listed.key(each.server, step.control): step.value})
                _check(run, step.seen)
                if number >= WARM_UP:
                    samples.add(listed.name, operation, each.server.name, run.milliseconds)


def _check(run: Run, seen: str) -> None:
    if escape(seen) not in run.text().replace("\\", ""):
        raise RunFailed(f"{seen!r} was not drawn, but: {run.text()[:2000]}")
