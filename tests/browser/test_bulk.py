"""Several registrations at once, from the list's filter to an outcome for each."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from core.accounts.roles import Role
from core.storage.models import Registration
from tests.browser import steps
from tests.factories import make_connected
from tests.support.live import Live

EMAIL = "sanne@clickker.test"


@pytest.fixture(scope="module", autouse=True)
def _rows(live: Live) -> None:
    live.add_operator(EMAIL, "Sanne de Boer", Role.SUPPORT, "en")
    for name in ("Bakker Noord B.V.", "Bakker Zuid B.V.", "Slager B.V."):
        make_connected(live.app.database, name)


def paused(live: Live) -> list[str]:
    with live.app.database.read() as session:
        return list(session.scalars(select(Registration.name).where(~Registration.active)))


def test_what_the_filter_shows_is_ticked_and_paused(live: Live, page: Page) -> None:
    steps.enter(page, live, EMAIL, "/registrations?q=bakker")
    expect(page.get_by_text("2 found")).to_be_visible()
    page.get_by_role("link", name="Change several").click()
    expect(page.get_by_role("heading", name="Change several registrations")).to_be_visible()
    expect(page.get_by_role("button", name="Pause")).to_be_disabled()

    table = page.get_by_test_id("stDataFrame")
    expect(table).to_be_visible(timeout=15_000)
    table.click(position={"x": 16, "y": 16})  # the box above all boxes: the table is a canvas
    expect(page.get_by_text("2 registrations ticked")).to_be_visible(timeout=15_000)
    page.get_by_role("button", name="Pause").click()
    window = page.get_by_role("dialog")
    expect(window.get_by_text("Bakker Noord B.V.")).to_be_visible()
    assert paused(live) == []
    window.get_by_role("button", name="Pause").click()

    outcome = page.get_by_role("table", name="Outcome for each registration")
    expect(outcome).to_contain_text("Bakker Noord B.V.", timeout=15_000)
    expect(outcome).to_contain_text("Bakker Zuid B.V.")
    expect(page.get_by_text("Done: 2")).to_be_visible()
    assert sorted(paused(live)) == ["Bakker Noord B.V.", "Bakker Zuid B.V."]
    page.get_by_role("button", name="Choose again").click()
    expect(page.get_by_test_id("stDataFrame")).to_be_visible(timeout=15_000)
