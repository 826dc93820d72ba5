"""A second factor from setting up to signing in, on a phone, under our own policy; and an admin who ends a session."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from core.accounts.operator_list import operator_called
from core.accounts.roles import Role
from core.accounts.second_factor import second_factor_is_on
from tests.browser import steps
from tests.support.chromium import new_page
from tests.support.live import PASSWORD, Live
from tests.support.second_factor import code_of

ADMIN, FAY = "anna@clickker.test", "fay@clickker.test"


@pytest.fixture(scope="module", autouse=True)
def _operators(live: Live) -> None:
    live.add_operator(ADMIN, "Anna Admin", Role.ADMIN, "en")
    live.add_operator(FAY, "Fay", Role.SUPPORT, "en")


def give_password(page: Page, live: Live, path: str = "/") -> None:
    page.goto(live.url + path)
    page.get_by_label("E-mail address").fill(FAY)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Second step")).to_be_visible(timeout=15_000)


def give_code(page: Page, code: str) -> None:
    page.get_by_label("Code", exact=True).fill(code)
    page.get_by_role("button", name="Sign in").click()


def test_set_up_on_a_phone_then_asked_and_taken_away(
    live: Live, page: Page, browser: Browser, complaints: list[str]
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    steps.sign_in(page, live, FAY, "/account")
    page.get_by_role("button", name="Set up second factor").scroll_into_view_if_needed()
    page.get_by_label("Present password").first.fill(PASSWORD)
    page.get_by_role("button", name="Set up second factor").click()
    picture = page.get_by_role("img", name="QR code")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth > 100")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    key = page.locator("code").filter(has_text=re.compile(r"^[A-Z2-7]{4} ")).inner_text()
    secret = key.replace(" ", "")
    assert secret not in page.url

    page.get_by_label("Code", exact=True).fill(code_of(secret))
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_text("These are your recovery codes")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    codes = page.get_by_label("Recovery codes").input_value().split()
    assert len(codes) == 10
    page.get_by_role("button", name="I have kept them").click()
    expect(page.get_by_text("10 recovery codes are left")).to_be_visible()

    with new_page(browser) as other:
        give_password(other, live, "/registrations?q=bakker")
        give_code(other, "000000")
        expect(other.get_by_text("This code is not right")).to_be_visible()
        other.reload()
        give_code(other, codes[0])
        expect(other.get_by_role("heading", name="Registrations")).to_be_visible(timeout=15_000)
        assert other.url == live.url + "/registrations?q=bakker"

    with new_page(browser) as third:
        give_password(third, live)
        give_code(third, codes[0])
        expect(third.get_by_text("has been used already")).to_be_visible()

    with new_page(browser) as admins:
        number = operator_called(live.app, FAY).id
        steps.sign_in(admins, live, ADMIN, f"/operators?operator={number}")
        expect(admins.get_by_text("Second factor on")).to_be_visible()
        admins.get_by_role("button", name="Take away second factor").click()
        admins.get_by_role("button", name="Take away", exact=True).click()
        expect(admins.get_by_text("The second factor has been taken away")).to_be_visible()
        expect(admins.get_by_text("Signed in nowhere at this moment")).to_be_visible()
    assert not second_factor_is_on(live.app, number)
    page.get_by_role("button", name="Save name").click()
    expect(page.get_by_label("E-mail address")).to_be_visible()
    assert complaints == []


def test_an_admin_finds_somebody_and_ends_a_session(live: Live, page: Page, browser: Browser) -> None:
    steps.sign_in(page, live, ADMIN, "/operators")
    with new_page(browser) as hers:
        steps.sign_in(hers, live, FAY)
        page.get_by_label("Search operators").fill("fay@")
        expect(page.get_by_role("link", name="Anna Admin")).to_have_count(0)
        page.get_by_role("link", name="Fay", exact=True).click()
        expect(page.get_by_role("heading", name="Fay")).to_be_visible()
        page.get_by_role("button", name="End", exact=True).click()
        expect(page.get_by_text("That session has ended")).to_be_visible()
        expect(page.get_by_text("Signed in nowhere at this moment")).to_be_visible()
        hers.get_by_role("link", name="Registrations").click()
        expect(hers.get_by_label("E-mail address")).to_be_visible()
    page.get_by_role("button", name="All operators").click()
    expect(page.get_by_role("link", name="Fay", exact=True)).to_be_visible()
    page.get_by_label("Search operators").fill("anna")
    expect(page.get_by_role("link", name="Anna Admin")).to_be_visible()
