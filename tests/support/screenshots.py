"""The pictures of the README, from a running demo: ``make demo`` in one window, ``make screenshots`` in another."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import Page, expect

from core.demo import OPERATORS, PASSWORD
from tests.support.chromium import running_browser

FOLDER = Path(__file__).parent.parent.parent / "docs"
SHOTS = {
    "overview": "/",
    "register": "/register",
    "registrations": "/registrations",
    "registration": "/registration?id=10",
    "repair": "/registration?id=9",
    "choose": "/choose?id=16",
    "administrations": "/administrations",
}
"""Picture to address; the numbers are the demo's partly connected, its refused and its half-finished customer."""


def take(url: str) -> None:
    """Sign in at the demo as support and save one picture a page in ``docs``."""
    FOLDER.mkdir(exist_ok=True)
    with running_browser() as browser:
        context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 800})
        page = context.new_page()
        _sign_in(page, url)
        for name, address in SHOTS.items():
            page.goto(url + address)
            _wait_until_drawn(page)
            page.screenshot(path=FOLDER / f"{name}.png")
        context.close()


def _sign_in(page: Page, url: str) -> None:
    page.goto(url)
    page.get_by_label("E-mail address").fill(OPERATORS[0].email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible(timeout=20_000)


def _wait_until_drawn(page: Page) -> None:
    expect(page.get_by_role("button", name="Sign out")).to_be_visible(timeout=20_000)
    expect(page.locator("[data-testid=stMain] h1").first).to_be_visible()
    expect(page.locator("[data-testid=stStatusWidget]")).to_have_count(0, timeout=20_000)
    expect(page.locator("[data-testid=stSkeleton]")).to_have_count(0, timeout=20_000)
    page.wait_for_timeout(700)  # charts fade in


if __name__ == "__main__":
    take(f"http://localhost:{os.environ.get('CLICKKER_PORT', '8501')}")
