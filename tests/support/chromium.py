"""Finding Chromium, and starting it so that it talks to nobody but us."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

RESULTS = Path("var/test-results")
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--no-sandbox",  # root in a container has no sandbox to enter
    "--disable-gpu",
    "--disable-dev-shm-usage",  # containers give /dev/shm 64 MB, and Chromium crashes on a full one
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


class NoChromium(RuntimeError):
    """No Chromium was found and none could be had; the message says what was tried and what to do."""


def find_chromium(playwright: Playwright) -> str:
    """The path of a Chromium: $CHROMIUM, one on the PATH, Playwright's own, or Debian's, installed now.

    Raises ``NoChromium`` with what each of these came to.
    """
    tried = []
    for look in (_named, _on_path, lambda: _of_playwright(playwright), _from_debian):
        found, reason = look()
        if found:
            return found
        tried.append(reason)
    raise NoChromium("The browser tests need Chromium. " + "; ".join(tried) + ".")


@contextmanager
def running_browser() -> Iterator[Browser]:
    """A Chromium without a window; the caller makes a context per test."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(playwright), args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def new_page(browser: Browser) -> Iterator[Page]:
    """A page in a profile of its own."""
    with new_profile(browser) as profile, fresh_page(profile) as page:
        yield page


@contextmanager
def new_profile(browser: Browser) -> Iterator[BrowserContext]:
    """A profile in English, which has nothing in its cache yet."""
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
    try:
        yield context
    finally:
        context.close()


@contextmanager
def fresh_page(profile: BrowserContext) -> Iterator[Page]:
    """A page of somebody who was never here, though the profile's cache may hold files.

    Errors that a page's scripts do not catch fail the test.
    """
    page = profile.new_page()
    profile.clear_cookies()
    everything = {"origin": "*", "storageTypes": "local_storage,session_storage,indexeddb,service_workers"}
    profile.new_cdp_session(page).send("Storage.clearDataForOrigin", everything)
    uncaught: list[str] = []
    page.on("pageerror", lambda error: uncaught.append(str(error)))
    try:
        yield page
        assert uncaught == []
    finally:
        profile.clear_permissions()
        for opened in profile.pages:
            opened.close()


def settled(page: Page) -> None:
    """Wait until the page's script has run and what it brought is drawn."""
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    page.wait_for_timeout(150)


def still(page: Page) -> None:
    """Wait until nothing moves any more: what one presses would be somewhere else when the finger comes up."""
    page.evaluate("Promise.allSettled(document.getAnimations().map(animation => animation.finished))")


def take_picture(page: Page, test: str) -> None:
    """Keep what a failing test saw."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=RESULTS / f"{re.sub(r'[^a-zA-Z0-9_-]+', '-', test)}.png", full_page=True)


def _named() -> tuple[str, str]:
    named = os.environ.get("CHROMIUM", "")
    if not named:
        return "", "$CHROMIUM is not set"
    if not os.access(named, os.X_OK):
        raise NoChromium(f"$CHROMIUM names {named}, which is not a program that can be run.")
    return named, ""


def _on_path() -> tuple[str, str]:
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return found, ""
    return "", "none of " + ", ".join(NAMES) + " is on the PATH"


def _of_playwright(playwright: Playwright) -> tuple[str, str]:
    path = playwright.chromium.executable_path
    if Path(path).exists():
        return path, ""
    return "", "Playwright has not downloaded its own (run: .venv/bin/playwright install chromium)"


def _from_debian() -> tuple[str, str]:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return "", "it can be installed for you only as root on Debian or Ubuntu"
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update"], ["apt-get", "install", "-y", "chromium"]):
        done = subprocess.run(command, env=quiet, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return "", f"{' '.join(command)} failed: {done.stderr.strip()[-300:]}"
    return _on_path()
