"""Two tabs at Exact for one customer, and a refusal of which Exact does not say whose it is, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from core.accounts.roles import CurrentOperator, Role
from core.registrations.register import register
from core.registrations.views import RegistrationForm
from tests.browser import steps
from tests.factories import make_operator
from tests.support.live import Live

EMAIL = "sanne@clickker.test"
BAKKER = "info@bakkerbv.example"


@pytest.fixture(scope="module")
def sanne(live: Live) -> CurrentOperator:
    live.add_operator(EMAIL, "Sanne de Boer", Role.SUPPORT, "en")
    return make_operator(live.app.database, "Bob")


def leave(page: Page, live: Live, number: int) -> None:
    page.goto(f"{live.url}/registration?id={number}")
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible(timeout=15_000)


def test_the_older_tab_brings_the_consent_and_the_younger_one_too(
    live: Live, page: Page, sanne: CurrentOperator
) -> None:
    number = register(live.app, sanne, None, RegistrationForm(name="Bakker B.V.", environment="nl"))
    steps.enter(page, live, EMAIL)
    leave(page, live, number)
    other = page.context.new_page()
    leave(other, live, number)
    for tab in (page, other):
        steps.log_in_at_exact(tab, BAKKER)
        steps.allow(tab)
        expect(tab.get_by_role("heading", name="Choose administrations")).to_be_visible(timeout=15_000)
    other.close()


def test_a_refusal_without_a_state_is_told_with_the_name_of_the_customer(
    live: Live, page: Page, sanne: CurrentOperator
) -> None:
    number = register(live.app, sanne, None, RegistrationForm(name="Weigeraar B.V.", environment="nl"))
    steps.enter(page, live, EMAIL)
    leave(page, live, number)
    live.simulator.engine.add_fault("no_state")
    steps.log_in_at_exact(page)
    page.get_by_role("button", name="Deny").click()
    expect(page.get_by_role("heading", name="Consent was refused")).to_be_visible()
    expect(page.get_by_text("Weigeraar B.V.")).to_be_visible()
    page.get_by_role("link", name="To the registration").click()
    expect(page).to_have_url(f"{live.url}/registration?id={number}")
    expect(page.get_by_text("Consent did not succeed: Consent was refused")).to_be_visible(timeout=15_000)
