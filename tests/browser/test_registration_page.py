"""The registration's page in the browser: editing, checking, disconnecting and deleting, each asked first."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from core.accounts.roles import CurrentOperator, Role
from core.application import Application
from core.registrations.administrations import save_administrations
from core.registrations.callback import complete_consent
from core.registrations.consent import begin_consent, create_consent
from core.registrations.register import register
from core.registrations.registration import registration
from core.registrations.views import RegistrationForm
from tests.browser import steps
from tests.support.live import Live

EMAIL = "sanne@clickker.test"


@pytest.fixture(scope="module")
def sanne(live: Live) -> CurrentOperator:
    number = live.add_operator(EMAIL, "Sanne de Boer", Role.SUPPORT, "en")
    return CurrentOperator(number, EMAIL, "Sanne de Boer", Role.SUPPORT, "en")


def connect(live: Live, by: CurrentOperator, name: str, user: str) -> int:
    """A connected registration, made by the use cases; returns its number."""
    app: Application = live.app
    number = register(app, by, None, RegistrationForm(name=name, environment="nl"))
    begun = begin_consent(app, by, create_consent(app, by, number))
    state = begun.authorize_url.partition("state=")[2].partition("&")[0]
    code = live.simulator.engine.grant_code("nl", user)
    complete_consent(app, [("code", code), ("state", state)], begun.browser_token, by.id)
    view = registration(app, by, number)
    save_administrations(app, by, number, [a.code for a in view.administrations if a.available])
    return number


def test_it_is_edited_checked_disconnected_and_deleted(
    live: Live, page: Page, sanne: CurrentOperator
) -> None:
    connect(live, sanne, "Bakker B.V.", "info@bakkerbv.example")
    number = connect(live, sanne, "Test B.V.", steps.TESSA)
    steps.enter(page, live, EMAIL, f"/registration?id={number}")
    expect(page.get_by_role("heading", name="Test B.V.")).to_be_visible()

    page.get_by_role("button", name="Edit details").click()
    window = page.get_by_role("dialog")
    window.get_by_label("Name", exact=True).fill("Bakker B.V.")
    window.get_by_role("button", name="Save all changes").click()
    expect(window.get_by_text("already registered in this environment")).to_be_visible()
    window.get_by_label("Name", exact=True).fill("Test Groep B.V.")
    window.get_by_label("Note").fill("Belt 's middags.")
    window.get_by_role("button", name="Save all changes").click()
    expect(page.get_by_text("The details have been saved.")).to_be_visible()
    expect(page.get_by_role("heading", name="Test Groep B.V.")).to_be_visible()

    page.get_by_role("button", name="Check now").click()
    expect(page.get_by_text("Checked at Exact Online just now.")).to_be_visible(timeout=15_000)

    page.get_by_role("button", name="Disconnect").click()
    page.get_by_role("dialog").get_by_role("button", name="Disconnect").click()
    expect(page.get_by_text("has been disconnected")).to_be_visible()
    expect(page.get_by_role("button", name="Connect", exact=True)).to_be_visible()

    page.get_by_role("button", name="Delete").click()
    window = page.get_by_role("dialog")
    expect(window.get_by_role("button", name="Delete")).to_be_disabled()
    window.get_by_label("Type the name to confirm").fill("Test Groep B.V.")
    window.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("has been deleted")).to_be_visible()
    expect(page.get_by_role("table", name="Registrations")).not_to_contain_text("Test Groep")


def test_another_login_is_compared_before_it_replaces_the_old(
    live: Live, page: Page, sanne: CurrentOperator
) -> None:
    number = connect(live, sanne, "Jansen Installatietechniek B.V.", "kantoor@jansen-techniek.example")
    steps.enter(page, live, EMAIL, f"/registration?id={number}")

    page.get_by_role("button", name="Reconnect").click()
    steps.log_in_at_exact(page, "finance@devrieslogistiek.example")
    steps.allow(page)

    expect(page.get_by_role("heading", name="Which login should this connection use?")).to_be_visible()
    expect(page.get_by_text("No longer permitted: Jansen Installatietechniek B.V.")).to_be_visible()
    page.get_by_role("button", name="Keep the old login").click()
    expect(page.get_by_text("The old login stays.")).to_be_visible()
    view = registration(live.app, sanne, number)
    assert view.grant is not None
    assert view.grant.user_name == "kantoor@jansen-techniek.example"
    assert len(view.linked) == 2
