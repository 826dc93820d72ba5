"""Many sessions at once on one process, and the first session after a start."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

from tests.bench.figures import Figure, figure
from tests.bench.pages import LISTS, Step
from tests.bench.servers import Server
from tests.bench.websocket import Tab, tab

SESSIONS = 16


@dataclass(frozen=True)
class Load:
    """What ``SESSIONS`` tabs that never pause got out of one process."""

    runs_per_second: float
    waiting: Figure
    """Milliseconds a run."""


async def load(server: Server, seconds: float) -> Load:
    """Each tab turns the pages of its list, the next as soon as the last has come; half the tabs a list."""
    waited: list[float] = []
    async with AsyncExitStack() as open_tabs:
        work = []
        for number in range(SESSIONS):
            listed = LISTS[number % len(LISTS)]
            opened = await open_tabs.enter_async_context(
                tab(server.url, *listed.address(server), server.cookies)
            )
            await opened.run()
            work.append((opened, listed.key(server, "page"), listed.steps(server, "next page")))
        started = time.perf_counter()
        stop = started + seconds
        await asyncio.gather(*(_turn(*each, stop, waited) for each in work))
        took = time.perf_counter() - started
    return Load(len(waited) / took, figure(waited))


async def _turn(opened: Tab, key: str, steps: Iterator[Step], stop: float, waited: list[float]) -> None:
    for step in steps:
        if time.perf_counter() > stop:
            return
        run = await opened.run({key: step.value})
        waited.append(run.milliseconds)


async def first_session(server: Server) -> float:
    """Milliseconds of the first page that anybody opens on a server that has just said it is ready."""
    started = time.perf_counter()
    async with tab(server.url, *LISTS[0].address(server), server.cookies) as opened:
        await opened.run()
    return (time.perf_counter() - started) * 1000
