"""What people do in the browser, by the words on the screen."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from core.accounts.operator_list import operator_called
from dashboard.cookies import session_cookie
from tests.support.frame import new_session
from tests.support.live import PASSWORD, Live

EXACT_PASSWORD = "exact-demo"
TESSA = "test@testbv.example"
ACCOUNTANT = "kantoor@vandijk-accountants.example"
_CHOSEN = re.compile(r"^\d+ of \d+ chosen$")


def sign_in(page: Page, live: Live, email: str, path: str = "/", password: str = PASSWORD) -> None:
    """Sign in on the page that ``path`` leads to."""
    page.goto(live.url + path)
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible(timeout=15_000)


def enter(page: Page, live: Live, email: str, path: str = "/") -> None:
    """Open ``path`` as somebody who has signed in, for tests of what comes then."""
    cookie = new_session(live.app, operator_called(live.app, email))
    name = session_cookie(live.app.settings)
    page.context.add_cookies([{"name": name, "value": cookie, "url": live.url}])
    page.goto(live.url + path)
    expect(page.get_by_role("button", name="Sign out")).to_be_visible(timeout=15_000)


def sign_out(page: Page) -> None:
    """Leave, and wait until nobody is signed in."""
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("E-mail address")).to_be_visible(timeout=15_000)


def open_the_form(page: Page) -> None:
    """Register in the navigation, then Register on the card of Exact Online."""
    page.get_by_role("link", name="Register", exact=True).click()
    expect(page.get_by_role("heading", name="Applications")).to_be_visible()
    expect(page.get_by_role("heading", name="Exact Online")).to_be_visible()
    page.get_by_role("button", name="Register", exact=True).click()
    expect(page.get_by_role("heading", name="Register at Exact Online")).to_be_visible()


def fill_in(page: Page, name: str, country: str = "Netherlands") -> None:
    """Name and environment, and wait until the draft is kept."""
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Exact Online environment").click()
    page.get_by_role("option", name=country).click()
    expect(page.get_by_text("Draft saved")).to_be_visible()


def log_in_at_exact(page: Page, user: str = TESSA) -> None:
    """Exact's own log-in page, then Next."""
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    page.get_by_label("User name").fill(user)
    page.get_by_label("Password").fill(EXACT_PASSWORD)
    page.get_by_role("button", name="Next").click()


def allow(page: Page) -> None:
    """Accept the terms and the use of data, then Allow."""
    page.get_by_label("I accept the terms").check()
    page.get_by_label("I accept the use of data").check()
    page.get_by_role("button", name="Allow").click()


def save_all_changes(page: Page, *, unlike: bool = False) -> None:
    """Select all, Save all changes, and arrive at the end; ``unlike``: they are not called like the customer."""
    expect(page.get_by_role("heading", name="Choose administrations")).to_be_visible()
    chosen = page.get_by_text(_CHOSEN).inner_text()
    page.get_by_text("Select all", exact=True).click()
    # The boxes that take the place of the old ones push the button around for a moment.
    expect(page.get_by_text(chosen, exact=True)).to_have_count(0)
    expect(page.get_by_role("checkbox", name="Select all", checked=True)).to_have_count(1)
    page.get_by_role("button", name="Save all changes").click()
    if unlike:
        page.get_by_role("button", name="Save all the same").click()
    expect(page.get_by_role("heading", name="Registration complete")).to_be_visible()
