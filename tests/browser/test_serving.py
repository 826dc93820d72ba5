"""The server as it is started for real."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.support.live import Live, get


@pytest.mark.parametrize("live", ["sqlite", "postgresql"], indirect=True)
def test_it_serves_and_asks_who_is_there(live: Live, page: Page) -> None:
    assert get(live.port, "/readyz") == 200

    page.goto(live.url)

    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
