"""The whole measurement: ``make bench``, or ``make bench SIZES=1000`` for a short round."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tests.bench import browser, load, report, server_side
from tests.bench.browser import WARM_UP
from tests.bench.pages import LAST_PAGE, write_bare_data
from tests.bench.report import BARE, BARE_ALIKE, Result
from tests.bench.seeds import seed, seeded_sqlite
from tests.bench.servers import FOLDER, bare, product
from tests.support.postgres import running_postgres

SIZES = (1_000, 10_000, 100_000)
MOST_IN_BROWSER = LAST_PAGE - 1 - WARM_UP


@dataclass(frozen=True)
class Rounds:
    """How often each thing is measured."""

    on_server: int
    in_browser: int
    load_seconds: float


def main(sizes: list[int], rounds: Rounds, *, postgresql: bool) -> None:
    """Measure the product at every size beside the bare page, print tables and keep ``result.json``.

    PostgreSQL is measured at the smallest and the largest size, over the raw WebSocket.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    _show(report.INTRODUCTION)
    results = [_measured("SQLite", {size: seeded_sqlite(size) for size in sizes}, rounds)]
    if postgresql:
        with _seeded_postgres(sorted({sizes[0], sizes[-1]})) as urls:
            results.append(_measured("PostgreSQL", urls, rounds, in_browser=False))
    report.write(FOLDER / "result.json", results)


def _measured(database: str, urls: Mapping[int, str], rounds: Rounds, *, in_browser: bool = True) -> Result:
    with ExitStack() as running:
        products = [running.enter_context(product(f"{size:,}", url)) for size, url in urls.items()]
        result = Result(database, [server.name for server in products])
        result.first_sessions = {each.name: asyncio.run(load.first_session(each)) for each in products}
        first_memory = {server.name: server.memory() for server in products}
        data = FOLDER / "bare.json"
        write_bare_data(products[0], data)
        page = running.enter_context(bare(BARE, data, like_the_product=False))
        alike = running.enter_context(bare(BARE_ALIKE, data, like_the_product=True))
        asyncio.run(server_side.measure([page, alike, *products], rounds.on_server, result.server_side))
        _show(result.server_table())
        if in_browser:
            browser.measure([page, *products], rounds.in_browser, result.in_browser)
            _show(result.browser_table())
        for server in (page, alike, *products):
            result.loads[server.name] = asyncio.run(load.load(server, rounds.load_seconds))
        result.memory = {each.name: (first_memory[each.name], each.memory()) for each in products}
    _show(result.servers_table())
    return result


def _show(table: str) -> None:
    print(f"{table}\n", flush=True)  # noqa: T201 - what a bench is for


@contextmanager
def _seeded_postgres(sizes: Iterable[int]) -> Iterator[dict[int, str]]:
    """Databases in the tests' own PostgreSQL, gone afterwards."""
    with running_postgres(f"bench-{os.getpid()}", lambda _url: None) as server, ExitStack() as kept:
        urls = {size: kept.enter_context(server.new_database()) for size in sizes}
        for size, url in urls.items():
            seed(url, size)
        yield urls


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--browser-rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--no-postgresql", action="store_true")
    asked = parser.parse_args()
    if asked.browser_rounds > MOST_IN_BROWSER:
        parser.error(f"--browser-rounds: at most {MOST_IN_BROWSER}, for each turns to a next page")
    wanted = Rounds(asked.rounds, asked.browser_rounds, asked.seconds)
    main(sorted(asked.sizes), wanted, postgresql=not asked.no_postgresql)
