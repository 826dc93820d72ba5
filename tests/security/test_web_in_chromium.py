"""A real Chromium walks every page under our Content-Security-Policy, and has nothing to complain of (check 29)."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

from core.accounts.invitations import invite
from core.accounts.roles import CurrentOperator, Role
from core.registrations.customer_links import create_customer_link
from core.registrations.register import register
from core.registrations.views import RegistrationForm
from dashboard.navigation import ENTRIES, address
from tests.browser import steps
from tests.support.chromium import settled
from tests.support.connecting import connect
from tests.support.live import Live

EMAIL = "anna@clickker.test"
WATCH = """
window.refused = [];
document.addEventListener(
  'securitypolicyviolation', e => window.refused.push(`${e.violatedDirective} ${e.blockedURI}`)
);
"""


def test_check_29_no_page_is_refused_anything_by_our_own_policy(
    live: Live, page: Page, complaints: list[str]
) -> None:
    number = live.add_operator(EMAIL, "Anna Admin", Role.ADMIN, "en")
    anna = CurrentOperator(number, EMAIL, "Anna Admin", Role.ADMIN, "en")
    connected = connect(live.app, anna, live.simulator)
    page.add_init_script(WATCH)
    steps.enter(page, live, EMAIL)
    for entry in ENTRIES:
        page.goto(f"{live.url}{address(entry.key)}?id={connected}")
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        settled(page)
        assert page.evaluate("window.refused") == [], entry.key
    assert complaints == []


def test_check_29_nor_is_a_plain_page(live: Live, page: Page, complaints: list[str]) -> None:
    number = live.add_operator("bram@clickker.test", "Bram", Role.ADMIN, "en")
    bram = CurrentOperator(number, "bram@clickker.test", "Bram", Role.ADMIN, "en")
    waiting = register(live.app, bram, None, RegistrationForm(name="Plain B.V.", environment="nl"))
    paths = (
        urlsplit(invite(live.app, bram, "new@clickker.test", "New", Role.SUPPORT).url).path,
        urlsplit(create_customer_link(live.app, bram, waiting)).path,
        "/customer/thanks",
    )
    page.add_init_script(WATCH)
    for path in paths:
        page.goto(live.url + path)
        expect(page.get_by_role("heading").first).to_be_visible()
        assert page.evaluate("window.refused") == [], path
    assert complaints == []


def test_check_29_an_inline_script_of_somebody_else_does_not_run(live: Live, page: Page) -> None:
    page.add_init_script(WATCH)
    page.goto(live.url)
    expect(page.get_by_label("E-mail address")).to_be_visible()
    page.evaluate(
        "for (const t of ['window.ran = 1']) { const s = document.createElement('script'); s.textContent = t;"
        "document.body.append(s); }"
    )
    page.wait_for_function("window.refused.length > 0")
    assert page.evaluate("window.ran") is None
    assert page.evaluate("window.refused")[0].startswith("script-src")
