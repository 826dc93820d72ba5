"""A row of a list opens its registration within the page that is open; the browser's own ways stay as they are."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from core.accounts.roles import Role
from tests.browser import steps
from tests.factories import make_connected
from tests.support.live import Live

EMAIL = "linda@clickker.test"
NAME = "Van Link B.V."


@pytest.fixture(scope="module", autouse=True)
def _a_row(live: Live) -> int:
    live.add_operator(EMAIL, "Linda Link", Role.SUPPORT, "en")
    return make_connected(live.app.database, NAME)


@pytest.fixture
def registrations(live: Live, page: Page) -> Page:
    """The list, found by its search, and marked to be known again."""
    steps.enter(page, live, EMAIL, "/registrations?q=van+link")
    expect(page.get_by_role("link", name=NAME)).to_be_visible()
    page.evaluate("window.stillTheSame = true")
    return page


def test_a_row_opens_without_loading_the_page_again(registrations: Page) -> None:
    registrations.get_by_role("link", name=NAME).click()
    expect(registrations.get_by_role("heading", name=NAME)).to_be_visible()
    expect(registrations).to_have_url(re.compile(r"/registration\?id=\d+$"))
    assert registrations.evaluate("window.stillTheSame")


def test_back_shows_the_list_as_it_was(registrations: Page) -> None:
    registrations.get_by_role("link", name=NAME).click()
    expect(registrations.get_by_role("heading", name=NAME)).to_be_visible()
    registrations.go_back()
    expect(registrations.get_by_role("heading", name="Registrations")).to_be_visible()
    expect(registrations.get_by_role("link", name=NAME)).to_be_visible()
    expect(registrations).to_have_url(re.compile(r"/registrations\?q=van"))
    expect(registrations.get_by_label("Search")).to_have_value("van link")


def test_with_the_control_key_it_opens_in_a_new_tab(registrations: Page) -> None:
    with registrations.context.expect_page() as opened:
        registrations.get_by_role("link", name=NAME).click(modifiers=["Control"])
    expect(opened.value.get_by_role("heading", name=NAME)).to_be_visible()
    expect(registrations.get_by_role("heading", name="Registrations")).to_be_visible()


def test_an_export_is_still_a_download(registrations: Page) -> None:
    with registrations.expect_download() as download:
        registrations.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename.endswith(".csv")


def _menu(page: Page) -> Locator:
    return page.get_by_role("navigation", name="Menu")


def test_the_menu_changes_the_page_in_place_and_marks_where_one_is(registrations: Page) -> None:
    registrations.get_by_role("link", name=NAME).click()
    expect(registrations.get_by_role("heading", name=NAME)).to_be_visible()
    marked = _menu(registrations).locator("[aria-current=page]")
    expect(marked).to_have_accessible_name("Registrations")
    _menu(registrations).get_by_role("link", name="Administrations").click()
    expect(registrations.get_by_role("heading", name="Administrations")).to_be_visible()
    expect(marked).to_have_accessible_name("Administrations")
    expect(registrations).to_have_title("Administrations")
    assert registrations.evaluate("window.stillTheSame")


def test_the_menu_shows_a_list_without_its_filters_again(registrations: Page) -> None:
    _menu(registrations).get_by_role("link", name="Registrations").click()
    expect(registrations.get_by_label("Search")).to_have_value("")
    expect(registrations).to_have_url(re.compile(r"/registrations$"))


def test_on_a_phone_the_menu_makes_room_for_the_page_that_was_chosen(registrations: Page) -> None:
    registrations.set_viewport_size({"width": 390, "height": 844})
    registrations.reload()
    registrations.get_by_test_id("stExpandSidebarButton").click()
    link = _menu(registrations).get_by_role("link", name="Administrations")
    link.click()
    expect(registrations.get_by_role("heading", name="Administrations")).to_be_visible()
    expect(link).not_to_be_in_viewport()
