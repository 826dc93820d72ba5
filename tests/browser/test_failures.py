"""Every way the consent can fail, as the operator meets it: an explained page, and a way on."""

from __future__ import annotations

import itertools

import pytest
from playwright.sync_api import Page, expect

from core.accounts.roles import CurrentOperator, Role
from core.registrations.register import register
from core.registrations.views import RegistrationForm
from tests.browser import steps
from tests.support.live import Live

EMAIL = "sanne@clickker.test"
_names = itertools.count(1)


@pytest.fixture(scope="module")
def sanne(live: Live) -> CurrentOperator:
    number = live.add_operator(EMAIL, "Sanne de Boer", Role.SUPPORT, "en")
    return CurrentOperator(number, EMAIL, "Sanne de Boer", Role.SUPPORT, "en")


@pytest.fixture
def form(live: Live, page: Page, sanne: CurrentOperator) -> Page:
    """About to be connected."""
    live.simulator.engine.clear_faults()
    form = RegistrationForm(name=f"Pech {next(_names)} B.V.", environment="nl")
    number = register(live.app, sanne, None, form)
    steps.enter(page, live, EMAIL, f"/registration?id={number}")
    return page


@pytest.fixture
def at_exact(form: Page) -> Page:
    """On Exact's log-in page."""
    form.get_by_role("button", name="Connect").click()
    expect(form.get_by_role("heading", name="Log in")).to_be_visible()
    return form


def explained(page: Page, title: str) -> None:
    """The page says what happened and who acts, and leads back to the registration, which waits."""
    expect(page.get_by_role("heading", name=title)).to_be_visible(timeout=15_000)
    expect(page.get_by_text("Who acts")).to_be_visible()
    expect(page.get_by_text("Next step")).to_be_visible()
    page.get_by_role("link", name="To the registration").click()
    expect(page.get_by_text("Waiting for consent").first).to_be_visible()
    expect(page.get_by_role("button", name="Connect")).to_be_visible()


def test_a_refusal_is_a_result(at_exact: Page) -> None:
    steps.log_in_at_exact(at_exact)
    at_exact.get_by_role("button", name="Deny").click()

    explained(at_exact, "Consent was refused")


def test_an_error_of_exact_is_explained(live: Live, form: Page) -> None:
    live.simulator.engine.add_fault("provider_error", endpoint="authorize")

    form.get_by_role("button", name="Connect").click()

    explained(form, "Exact Online reported an error")


AT_AUTHORIZE = [
    ("no_code", "Exact Online's answer is incomplete"),
    ("doubled_code", "Exact Online's answer is not in order"),
]


@pytest.mark.parametrize(("fault", "title"), AT_AUTHORIZE)
def test_a_bad_return_is_explained(live: Live, at_exact: Page, fault: str, title: str) -> None:
    live.simulator.engine.add_fault(fault, endpoint="authorize")
    steps.log_in_at_exact(at_exact)
    steps.allow(at_exact)

    expect(at_exact.get_by_role("heading", name=title)).to_be_visible()
    expect(at_exact.get_by_text("Next step")).to_be_visible()


AT_THE_TOKEN = [
    ("maintenance", "Exact Online is under maintenance"),
    ("unavailable", "Exact Online is under maintenance"),
    ("invalid_grant", "Exact Online did not accept the code"),
    ("drop", "Exact Online did not answer in time"),
]


@pytest.mark.parametrize(("fault", "title"), AT_THE_TOKEN)
def test_trouble_behind_the_screens_is_explained(live: Live, at_exact: Page, fault: str, title: str) -> None:
    live.simulator.engine.add_fault(fault, endpoint="token")
    steps.log_in_at_exact(at_exact)
    steps.allow(at_exact)

    explained(at_exact, title)


def test_going_back_and_forth_repeats_nothing(at_exact: Page) -> None:
    steps.log_in_at_exact(at_exact)
    with at_exact.expect_request(lambda request: "/exact/callback" in request.url) as returned:
        steps.allow(at_exact)
    expect(at_exact.get_by_role("heading", name="Choose administrations")).to_be_visible()

    at_exact.goto(returned.value.url)

    expect(at_exact.get_by_role("heading", name="This answer was used already")).to_be_visible()
    at_exact.get_by_role("link", name="To the registration").click()
    expect(at_exact.get_by_role("button", name="Save all changes")).to_be_visible()
