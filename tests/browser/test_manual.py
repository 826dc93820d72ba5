"""The manual, walked by its words in a real browser: from the invitation to both tables."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from core.accounts.operators import invite
from core.accounts.roles import Role
from tests.browser import steps
from tests.support.live import PASSWORD, Live


@pytest.mark.parametrize("live", ["sqlite", "postgresql"], indirect=True)
def test_the_manual_can_be_walked_by_its_words(live: Live, page: Page) -> None:
    link = invite(live.app, None, "sanne@clickker.test", "Sanne de Boer", Role.SUPPORT, "en")

    page.goto(link.url)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("The same password again").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    page.get_by_role("link", name="Sign in").click()
    steps.sign_in(page, live, "sanne@clickker.test")

    steps.open_the_form(page)
    steps.fill_in(page, "Test B.V.")
    expect(page.get_by_text("Connection setting")).to_be_visible()
    expect(page.get_by_label("Active")).to_be_checked()
    page.get_by_role("button", name="Connect").click()

    steps.log_in_at_exact(page)
    expect(page.get_by_role("heading", name="asks for your permission")).to_be_visible()
    page.get_by_label("All current and future administrations").check()
    steps.allow(page)

    expect(page.get_by_text("Tessa Test").first).to_be_visible()
    expect(page.get_by_text("NL001001001B01")).to_be_visible()
    steps.save_all_changes(page)
    expect(page.get_by_text("with 2 administrations")).to_be_visible()

    steps.sign_out(page)
    steps.sign_in(page, live, "sanne@clickker.test", "/registrations?q=Test+B.V.")
    found = page.get_by_role("table", name="Registrations").get_by_role("row", name="Test B.V.")
    expect(found).to_contain_text("Connected")
    page.get_by_role("link", name="Administrations").click()
    table = page.get_by_role("table", name="Linked administrations")
    expect(table.get_by_role("row", name="Test Webshop B.V.")).to_contain_text("1001002")
    table.get_by_role("link", name="Test Webshop B.V.").click()
    expect(page.get_by_role("heading", name="Test B.V.")).to_be_visible()
