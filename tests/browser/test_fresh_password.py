"""Check 28 in the browser: the password is asked in place, and nothing that was typed is lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update

from core import clock
from core.accounts.roles import Role
from core.storage.models import OperatorSession
from tests.browser import steps
from tests.factories import make_connected
from tests.support.live import PASSWORD, Live

EMAIL = "sanne@clickker.test"


@pytest.fixture(scope="module", autouse=True)
def _sanne(live: Live) -> None:
    live.add_operator(EMAIL, "Sanne de Boer", Role.SUPPORT, "en")


def six_minutes_pass(live: Live) -> None:
    """Since every session was confirmed."""
    with live.app.database.transaction() as session:
        session.execute(update(OperatorSession).values(confirmed_at=clock.now() - timedelta(minutes=6)))


def test_check_28_the_window_asks_in_place_and_loses_nothing(live: Live, page: Page) -> None:
    number = make_connected(live.app.database, "Bakker B.V.")
    steps.sign_in(page, live, EMAIL, f"/registration?id={number}")
    window = page.get_by_role("dialog")
    page.get_by_role("button", name="Disconnect").click()
    expect(window.get_by_text("our keys to it are deleted")).to_be_visible()
    expect(window.get_by_label("Your password")).to_have_count(0)
    page.keyboard.press("Escape")

    six_minutes_pass(live)
    page.get_by_role("button", name="Delete", exact=True).click()
    window.get_by_label("Type the name to confirm").fill("Bakker B.V.")
    expect(window.get_by_text("an open screen alone is not enough")).to_be_visible()
    expect(window.get_by_role("button", name="Delete")).to_be_enabled()
    window.get_by_label("Your password").fill("guess")
    window.get_by_role("button", name="Delete").click()
    expect(window.get_by_text("This is not your present password.")).to_be_visible()
    expect(window.get_by_label("Type the name to confirm")).to_have_value("Bakker B.V.")

    window.get_by_label("Your password").fill(PASSWORD)
    window.get_by_label("Your password").press("Enter")
    expect(page.get_by_text("Bakker B.V. has been deleted.")).to_be_visible()


def test_check_28_the_export_of_everything_asks_on_a_page_of_its_own(live: Live, page: Page) -> None:
    make_connected(live.app.database, "Test B.V.")
    steps.sign_in(page, live, EMAIL, "/registrations")
    six_minutes_pass(live)
    page.get_by_role("link", name="CSV").click()
    expect(page.get_by_role("heading", name="Export of everything")).to_be_visible()
    page.get_by_label("Your password").fill("guess")
    page.get_by_role("button", name="Export").click()
    expect(page.get_by_role("alert")).to_contain_text("This is not your present password.")

    page.get_by_label("Your password").fill(PASSWORD)
    with page.expect_download() as coming:
        page.get_by_role("button", name="Export").click()
    assert coming.value.suggested_filename.startswith("registrations-")
    expect(page.get_by_text("The file comes by itself")).to_be_visible()
    page.get_by_role("link", name="Back to the list").click()
    expect(page.get_by_role("heading", name="Registrations")).to_be_visible()
