"""The shell in a real browser: the address survives sign-in, nothing is refused by our own policy, open tabs end."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from core.accounts.invitations import invite
from core.accounts.operators import disable, enable, list_operators
from core.accounts.roles import CurrentOperator, Role
from tests.browser import steps
from tests.support.live import PASSWORD, Live

EMAIL = "anna@clickker.test"


@pytest.fixture(scope="module", autouse=True)
def _admins(live: Live) -> None:
    live.add_operator(EMAIL, "Anna Admin", Role.ADMIN, "en")
    live.add_operator("second@clickker.test", "Second Admin", Role.ADMIN, "en")


def test_the_first_request_to_a_fresh_server_may_be_a_deep_link(live: Live, page: Page) -> None:
    page.goto(live.url + "/registrations?q=bakker")
    expect(page.get_by_label("E-mail address")).to_be_visible()
    expect(page.get_by_role("heading", name="Registrations")).to_have_count(0)
    expect(page.get_by_text("Page not found")).to_have_count(0)
    assert page.url == live.url + "/registrations?q=bakker"

    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password", exact=True).press("Enter")
    expect(page.get_by_role("heading", name="Registrations")).to_be_visible()
    assert page.url == live.url + "/registrations?q=bakker"


def test_streamlit_adds_no_words_in_english_only(live: Live, page: Page) -> None:
    page.goto(live.url)
    page.get_by_label("E-mail address").fill(EMAIL)
    advice = page.get_by_test_id("InputInstructions")
    expect(advice).to_have_text("Press Enter to submit form")
    expect(advice).to_be_hidden()
    expect(page.get_by_role("heading", name="Clickker Connections")).to_be_visible()
    expect(page.get_by_role("link", name="Link to heading")).to_have_count(0)


def test_every_request_stays_with_us(live: Live, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    steps.sign_in(page, live, EMAIL)
    page.wait_for_timeout(700)
    assert [url for url in asked if not url.startswith((live.url, "data:", "blob:"))] == []


def test_the_cookies_cannot_be_read_by_script(live: Live, page: Page) -> None:
    steps.sign_in(page, live, EMAIL)
    assert "clickker" not in page.evaluate("document.cookie")
    ours = [cookie for cookie in page.context.cookies() if cookie["name"].startswith("clickker")]
    assert {cookie["name"]: (cookie["httpOnly"], cookie["sameSite"]) for cookie in ours} == {
        "clickker_session": (True, "Lax"),
        "clickker_browser": (True, "Lax"),
    }


def test_signing_out_takes_the_other_tab_along(live: Live, page: Page) -> None:
    steps.sign_in(page, live, EMAIL)
    other = page.context.new_page()
    other.goto(live.url + "/account")
    expect(other.get_by_role("heading", name="My account")).to_be_visible()

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("E-mail address")).to_be_visible()
    other.get_by_role("link", name="Overview").click()
    expect(other.get_by_text("You have been signed out")).to_be_visible()


def test_somebody_disabled_is_out_at_the_next_click(live: Live, page: Page) -> None:
    number = live.add_operator("bob@clickker.test", "Bob", Role.SUPPORT, "en")
    steps.sign_in(page, live, "bob@clickker.test")
    anna = next(view for view in list_operators(live.app, None) if view.email == EMAIL)
    by = CurrentOperator(anna.id, anna.email, anna.name, anna.role)
    disable(live.app, by, number)
    page.get_by_role("link", name="Registrations").click()
    expect(page.get_by_label("E-mail address")).to_be_visible()
    enable(live.app, by, number)


def test_an_invitation_becomes_an_account_on_a_phone(live: Live, page: Page, complaints: list[str]) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(invite(live.app, None, "carla@clickker.test", "Carla", Role.SUPPORT, "en").url)
    page.get_by_label("Password", exact=True).fill("an eel in the coffee")
    page.get_by_label("The same password again").fill("an eel in the coffee")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", name="Your account is ready")).to_be_visible()
    page.get_by_role("link", name="Sign in").click()
    page.get_by_label("E-mail address").fill("carla@clickker.test")
    page.get_by_label("Password", exact=True).fill("an eel in the coffee")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("You have been signed out")).to_have_count(0)
    expect(page.get_by_label("E-mail address")).to_have_count(0)
    assert complaints == []
