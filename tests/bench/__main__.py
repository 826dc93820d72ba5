"""The whole measurement: ``make bench``, or ``make bench SIZES=1000`` for a short round."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.bench import browser, load, server_side
from tests.bench.figures import Samples, pair, ratio, table
from tests.bench.pages import write_bare_data
from tests.bench.seeds import seeded_sqlite
from tests.bench.servers import FOLDER, Server, bare, product

SIZES = (1_000, 10_000, 100_000)
TIMES_BARE, GROWTH = 1.25, 1.2
RUNS_PER_SECOND, FIRST_MILLISECONDS = 35, 1_000
BARE = "bare"


def main(sizes: Sequence[int], rounds: int, browser_rounds: int, seconds: float) -> None:
    """Measure the product at every size beside the bare page, print tables and keep ``result.json``."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    urls = {size: seeded_sqlite(size) for size in sizes}
    names = {size: f"{size:,}" for size in sizes}
    with ExitStack() as running:
        products = [running.enter_context(product(names[size], urls[size])) for size in sizes]
        firsts = {server.name: asyncio.run(load.first_session(server)) for server in products}
        started = {server.name: server.memory() for server in products}
        data = FOLDER / "bare.json"
        write_bare_data(products[0], data)
        bare_page = running.enter_context(bare(BARE, data, like_the_product=False))
        servers = [bare_page, *products]
        on_server, in_browser = Samples(), Samples()
        asyncio.run(server_side.measure(servers, rounds, on_server))
        _print("On the server, over the raw WebSocket: milliseconds, median / p95", on_server, products)
        browser.measure(servers, browser_rounds, in_browser)
        _print("In Chromium: milliseconds, median / p95", in_browser, products)
        loads = {server.name: asyncio.run(load.load(server, seconds)) for server in servers}
        _print_load(loads, firsts, started, servers)
        _keep(FOLDER / "result.json", on_server, in_browser, loads, firsts)


def _print(title: str, samples: Samples, products: Sequence[Server]) -> None:
    largest = products[-1].name
    head = ["", BARE, *(server.name for server in products)]
    head += [f"{largest} : bare (≤{TIMES_BARE})", f"{largest} : {products[0].name} (≤{GROWTH})"]
    rows = []
    for page, operation in samples.rows():
        found = {name: samples.get(page, operation, name) for name in head[1 : len(products) + 2]}
        rows.append(
            [
                f"{page}: {operation}",
                *(pair(each) for each in found.values()),
                ratio(found[largest], found[BARE], TIMES_BARE),
                ratio(found[largest], found[products[0].name], GROWTH),
            ]
        )
    print(f"\n{title}\n{table(head, rows)}")  # noqa: T201 - what a bench is for


def _print_load(
    loads: dict[str, load.Load], firsts: dict[str, float], started: dict[str, int], servers: Sequence[Server]
) -> None:
    head = [
        "",
        f"{load.SESSIONS} sessions: runs/s (≥{RUNS_PER_SECOND})",
        "ms a run, median / p95",
        f"first session ms (≤{FIRST_MILLISECONDS})",
        "memory MB, first / last",
    ]
    rows = [
        [
            server.name,
            f"{loads[server.name].runs_per_second:.1f}",
            pair(loads[server.name].waiting),
            f"{firsts[server.name]:.0f}" if server.name in firsts else "-",
            f"{started.get(server.name, 0) or '-'} / {server.memory()}",
        ]
        for server in servers
    ]
    print(f"\nMany at once, the first, and memory\n{table(head, rows)}")  # noqa: T201


def _keep(
    path: Path, on_server: Samples, in_browser: Samples, loads: dict[str, load.Load], firsts: dict[str, float]
) -> None:
    kept = {
        where: {" | ".join(key): vars(found) for key, found in samples.figures().items()}
        for where, samples in (("server", on_server), ("browser", in_browser))
    }
    speeds = {name: found.runs_per_second for name, found in loads.items()}
    path.write_text(json.dumps(kept | {"runs_per_second": speeds, "first_session": firsts}, indent=1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--browser-rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=10)
    asked = parser.parse_args()
    main(sorted(asked.sizes), asked.rounds, asked.browser_rounds, asked.seconds)
