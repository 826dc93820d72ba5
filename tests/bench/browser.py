"""Each operation in Chromium: from what a person does to the frame in which the rows they expect are there."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page

from tests.bench.figures import Samples
from tests.bench.pages import LISTS, OPERATIONS, List, Step
from tests.bench.servers import Server
from tests.support.chromium import running_browser

WARM_UP = 1
_LAST_ROW = """seen => {
    const rows = document.querySelectorAll("[data-testid=stMain] tbody tr");
    return rows.length > 0 && rows[rows.length - 1].textContent.includes(seen);
}"""
_TITLE = """seen => {
    const title = document.querySelector("[data-testid=stMain] h1");
    return title !== null && title.textContent.includes(seen);
}"""


def measure(servers: Sequence[Server], rounds: int, samples: Samples) -> None:
    """Every server in turn within each round."""
    with running_browser() as browser:
        for listed in LISTS:
            _openings(browser, listed, servers, rounds, samples)
            for operation in OPERATIONS:
                _changes(browser, listed, operation, servers, rounds=rounds, samples=samples)


def _openings(
    browser: Browser, listed: List, servers: Sequence[Server], rounds: int, samples: Samples
) -> None:
    for number in range(rounds + WARM_UP):
        for server in servers:
            context = _context(browser, server)
            page = context.new_page()
            taken = {"open, cold": _open(page, listed, server), "open, warm": _open(page, listed, server)}
            taken["open one"] = _open_one(page, listed, server)
            context.close()
            if number >= WARM_UP:
                for operation, took in taken.items():
                    samples.add(listed.name, operation, server.name, took)


def _changes(
    browser: Browser,
    listed: List,
    operation: str,
    servers: Sequence[Server],
    *,
    rounds: int,
    samples: Samples,
) -> None:
    opened: list[tuple[Server, Page, Iterator[Step]]] = []
    for server in servers:
        page = _context(browser, server).new_page()
        _open(page, listed, server)
        opened.append((server, page, listed.steps(server, operation)))
    for number in range(rounds + WARM_UP):
        for server, page, steps in opened:
            step = next(steps)
            took = _change(page, listed.key(server, step.control), step)
            if number >= WARM_UP:
                samples.add(listed.name, operation, server.name, took)
    for _server, page, _steps in opened:
        page.context.close()


def _context(browser: Browser, server: Server) -> BrowserContext:
    """A profile with nothing in its cache, signed in where the server knows of that."""
    # Waiting for rows evaluates a function in the page, which the product's CSP would refuse.
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900}, bypass_csp=True)
    host = urlsplit(server.url).hostname or "localhost"
    for name, value in server.cookies.items():
        context.add_cookies([{"name": name, "value": value, "domain": host, "path": "/"}])
    return context


def _open(page: Page, listed: List, server: Server) -> float:
    path, query = listed.address(server)
    started = time.perf_counter()
    page.goto(f"{server.url}/{path}?{query}", wait_until="commit")
    return _until(page, _LAST_ROW, listed.seen_first(server), started)


def _open_one(page: Page, listed: List, server: Server) -> float:
    """Click the eighth row of the list that is open."""
    _path, _query, title = listed.one(server)
    row = page.locator("[data-testid=stMain] tbody tr").nth(7).get_by_role("link")
    started = time.perf_counter()
    row.click(no_wait_after=True)
    return _until(page, _TITLE, title, started)


def _change(page: Page, key: str, step: Step) -> float:
    """Work one control as a person does; the clock starts with the last key or click."""
    control = page.locator(f".st-key-{key}")
    if step.control == "q":
        box = control.locator("input")
        box.fill("")
        started = time.perf_counter()
        box.fill(str(step.value))
        box.press("Enter")
    elif step.control == "page":
        button = control.get_by_test_id("stPaginationNext")
        # Whoever clicks it sees it already: the product went to the top of the table, the bare page did not.
        button.scroll_into_view_if_needed()
        started = time.perf_counter()
        button.click()
    else:
        control.locator("input").click()
        option = page.get_by_role("option", name=str(step.value), exact=True)
        option.wait_for()
        started = time.perf_counter()
        option.click()
    return _until(page, _LAST_ROW, step.seen, started)


def _until(page: Page, condition: str, seen: str, started: float) -> float:
    """Milliseconds until ``condition`` holds, looked at in every frame."""
    page.wait_for_function(condition, arg=seen, timeout=30_000)
    return (time.perf_counter() - started) * 1000
