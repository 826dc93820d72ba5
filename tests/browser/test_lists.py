"""The lists in a browser: titles that sort, pages that begin at the top, links that hold in either language."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from core.accounts.roles import Role
from core.seed import seed
from tests.browser import steps
from tests.support.live import Live

EMAIL = "lia@clickker.test"


@pytest.fixture(scope="module", autouse=True)
def _rows(live: Live) -> None:
    live.add_operator(EMAIL, "Lia List", Role.SUPPORT, "en")
    seed(live.app, 130, 1)


def _first_cells(page: Page, column: int) -> list[str]:
    return page.locator(f".rows tbody td:nth-child({column})").all_inner_texts()


def test_a_title_sorts_and_says_so_and_keeps_the_filter(live: Live, page: Page) -> None:
    steps.enter(page, live, EMAIL, "/registrations?environment=nl")
    title = page.get_by_role("columnheader", name="Owner")
    expect(page.get_by_role("columnheader", name="Name")).to_have_attribute("aria-sort", "ascending")
    page.evaluate("window.stillTheSame = true")
    title.get_by_role("link").click()
    expect(title).to_have_attribute("aria-sort", "ascending")
    expect(page).to_have_url(re.compile("sort=Sort"))
    expect(page.locator(".st-key-sort input")).to_have_value("Sort by Owner")
    expect(page.locator(".st-key-environment input")).to_have_value("Netherlands")
    assert set(_first_cells(page, 2)) == {"Netherlands"}
    title.get_by_role("link").click()
    expect(title).to_have_attribute("aria-sort", "descending")
    owners = _first_cells(page, 5)
    assert owners == sorted(owners, key=str.lower, reverse=True)
    assert page.evaluate("window.stillTheSame")
    page.go_back()
    expect(title).to_have_attribute("aria-sort", "ascending")


def test_another_page_begins_at_the_top(live: Live, page: Page) -> None:
    steps.enter(page, live, EMAIL, "/registrations")
    expect(page.locator(".rows tbody tr")).to_have_count(50)
    page.get_by_test_id("stPaginationNext").click()
    expect(page).to_have_url(re.compile("page=2"))
    expect(page.locator(".rows thead")).to_be_in_viewport()


def test_a_link_in_the_other_language_stays_in_the_address(live: Live, page: Page) -> None:
    steps.enter(page, live, EMAIL, "/registrations?status=Verbonden")
    expect(page.locator(".st-key-status input")).to_have_value("Connected")
    expect(page).to_have_url(re.compile("status=Connected"))
    page.reload()
    expect(page.locator(".st-key-status input")).to_have_value("Connected")
    assert set(_first_cells(page, 3)) == {"Connected"}
