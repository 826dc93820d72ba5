"""The customer has the Exact password and a phone; support has the dashboard and sees it arrive."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect

from core.accounts.roles import Role
from tests.browser import steps
from tests.support.chromium import new_profile, still
from tests.support.live import Live

EMAIL = "sanne@clickker.test"
PHONE: ViewportSize = {"width": 390, "height": 844}


@pytest.fixture(scope="module", autouse=True)
def _operator(live: Live) -> None:
    live.add_operator(EMAIL, "Sanne de Boer", Role.SUPPORT, "en")


def is_wider_than_the_screen(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))


def press_copy(place: Locator, label: str) -> None:
    place.get_by_role("button", name=label).click()
    expect(place.get_by_role("button", name="Copied")).to_be_visible()


def copy_link(page: Page) -> str:
    """Make a link, press what copies it, and take it from the clipboard, as for an e-mail."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy link for the customer").click()
    window = page.get_by_role("dialog")
    press_copy(window, "Copy link")
    link = str(page.evaluate("navigator.clipboard.readText()"))
    expect(window.get_by_role("textbox", name="Link for the customer")).to_have_value(link)
    window.get_by_role("button", name="Close").click()
    return link


def test_support_sees_the_customers_consent_arrive(live: Live, page: Page, browser: Browser) -> None:
    steps.enter(page, live, EMAIL)
    steps.open_the_form(page)
    steps.fill_in(page, "Test B.V.")
    link = copy_link(page)
    expect(page.get_by_text("The customer has not opened it yet.")).to_be_visible()
    assert link not in page.content()

    context = browser.new_context(locale="en-GB", viewport=PHONE, has_touch=True, is_mobile=True)
    phone = context.new_page()
    phone.goto(link)
    expect(phone.get_by_text("Sanne de Boer of Clickker asks your permission")).to_be_visible()
    assert not is_wider_than_the_screen(phone)
    expect(page.get_by_text("It was opened on")).to_be_visible(timeout=15_000)
    phone.get_by_role("button", name="Go to Exact Online").tap()
    expect(page.get_by_text("Somebody went on from it to Exact Online on")).to_be_visible(timeout=15_000)
    steps.log_in_at_exact(phone)
    steps.allow(phone)
    expect(phone.get_by_role("heading", name="Thank you")).to_be_visible()
    assert not is_wider_than_the_screen(phone)

    expect(page.get_by_role("heading", name="Choose administrations")).to_be_visible(timeout=15_000)
    steps.save_all_changes(page)
    phone.goto(link)
    expect(phone.get_by_text("This link has been used")).to_be_visible()
    context.close()


def test_support_waits_for_what_exact_is_still_being_asked(live: Live, page: Page, browser: Browser) -> None:
    steps.enter(page, live, EMAIL)
    steps.open_the_form(page)
    steps.fill_in(page, "Traag B.V.")
    link = copy_link(page)
    live.simulator.engine.add_fault("delay", None, endpoint="divisions", seconds=6)

    with new_profile(browser) as context:
        phone = context.new_page()
        phone.goto(link)
        phone.get_by_role("button", name="Go to Exact Online").click()
        steps.log_in_at_exact(phone)
        steps.allow(phone)
        expect(page.get_by_text("Exact Online is being asked")).to_be_visible(timeout=15_000)
        live.simulator.engine.clear_faults()
        expect(page.get_by_text("Exact Online shows 3 administrations")).to_be_visible(timeout=15_000)
        expect(page.get_by_text("Exact Online is being asked")).to_have_count(0)
        expect(phone.get_by_role("heading", name="Thank you")).to_be_visible()


def test_a_text_for_an_e_mail_goes_along_in_the_customers_language(live: Live, page: Page) -> None:
    steps.enter(page, live, EMAIL)
    steps.open_the_form(page)
    steps.fill_in(page, "Brief & Zoon B.V.")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy link for the customer").click()
    window = page.get_by_role("dialog")
    link = window.get_by_role("textbox", name="Link for the customer").input_value()

    window.get_by_text("With a text for an e-mail").click()
    still(page)
    for language, greeting in (("Nederlands", "Beste klant,"), ("English", "Dear customer,")):
        window.get_by_role("tab", name=language).click()
        panel = window.get_by_role("tabpanel", name=language)
        press_copy(panel, "Copy text")
        letter = str(page.evaluate("navigator.clipboard.readText()"))
        assert letter.startswith(greeting)
        assert link in letter
        assert "Brief & Zoon B.V." in letter
        assert letter.endswith("\nSanne de Boer")


def test_a_withdrawn_link_is_dead(live: Live, page: Page) -> None:
    steps.enter(page, live, EMAIL)
    steps.open_the_form(page)
    steps.fill_in(page, "Bakker B.V.")
    link = copy_link(page)

    page.get_by_role("button", name="Withdraw link").click()
    expect(page.get_by_role("button", name="Withdraw link")).to_have_count(0)
    page.goto(link)

    expect(page.get_by_text("This link was withdrawn")).to_be_visible()
