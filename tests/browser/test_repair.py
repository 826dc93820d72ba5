"""A consent that dies, and its repair in place; and a login that many customers hang on. No keeper: the test checks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from core.accounts.roles import CurrentOperator, Role
from core.registrations.administrations import save_administrations
from core.registrations.callback import complete_consent
from core.registrations.consent import begin_consent, create_consent
from core.registrations.register import register
from core.registrations.registration import registration
from core.registrations.status import Status
from core.registrations.timeline import timeline
from core.registrations.views import RegistrationForm
from core.storage.models import CallBudget, Grant, Issue, Registration
from tests.browser import steps
from tests.support.live import Live, live_dashboard

EMAIL = "sanne@clickker.test"
BAKKER = "info@bakkerbv.example"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("repair")
    with live_dashboard(f"sqlite:///{folder / 'live.db'}", folder, KEEPER="off") as running:
        yield running


@pytest.fixture(scope="module")
def sanne(live: Live) -> CurrentOperator:
    number = live.add_operator(EMAIL, "Sanne de Boer", Role.SUPPORT, "en")
    return CurrentOperator(number, EMAIL, "Sanne de Boer", Role.SUPPORT, "en")


def connect(live: Live, by: CurrentOperator, name: str, user: str, codes: list[int]) -> int:
    number = register(live.app, by, None, RegistrationForm(name=name, environment="nl"))
    begun = begin_consent(live.app, by, create_consent(live.app, by, number))
    state = begun.authorize_url.partition("state=")[2].partition("&")[0]
    code = live.simulator.engine.grant_code("nl", user)
    complete_consent(live.app, [("code", code), ("state", state)], begun.browser_token, by.id)
    save_administrations(live.app, by, number, codes)
    return number


def time_passes(live: Live, by: timedelta) -> None:
    """The dashboard's process keeps its clock, so everything that it remembers moves into the past instead."""
    live.simulator.engine.advance(by)
    with live.app.database.transaction() as session:
        for model in (Grant, Registration, CallBudget, Issue):
            for row in session.scalars(select(model)):
                for column in model.__table__.columns:
                    value = getattr(row, column.key)
                    if isinstance(value, datetime):
                        setattr(row, column.key, value - by)
                if isinstance(row, Grant):
                    row.error_moments = [moment - by.total_seconds() for moment in row.error_moments]


def check(page: Page) -> None:
    page.reload()
    page.get_by_role("button", name="Check now").click()
    expect(page.get_by_role("button", name="Check now")).to_have_count(0, timeout=20_000)


def test_a_revoked_consent_is_confirmed_and_mended_in_place(
    live: Live, page: Page, sanne: CurrentOperator
) -> None:
    number = connect(live, sanne, "Bakker B.V.", BAKKER, [1002001])
    steps.enter(page, live, EMAIL, f"/registration?id={number}")
    expect(page.get_by_text("Everything answered at the last check.", exact=True)).to_be_visible()
    live.simulator.engine.revoke("nl", BAKKER)

    time_passes(live, timedelta(minutes=11))
    check(page)
    expect(page.get_by_text("Attention").first).to_be_visible()
    expect(page.get_by_text("this is being confirmed").first).to_be_visible()
    expect(page.get_by_role("button", name="Reconnect")).to_be_visible()

    for pause in (timedelta(minutes=11), timedelta(hours=2)):
        time_passes(live, pause)
        check(page)
    expect(page.get_by_text("Reconnect needed").first).to_be_visible()
    expect(page.get_by_text("Who must act").first).to_be_visible()

    page.get_by_role("button", name="Reconnect").click()
    steps.log_in_at_exact(page, BAKKER)
    steps.allow(page)
    expect(page.get_by_role("heading", name="Bakker B.V.")).to_be_visible(timeout=20_000)
    expect(page.get_by_text("Everything answered at the last check.", exact=True)).to_be_visible()

    view = registration(live.app, sanne, number)
    assert (view.status, [a.code for a in view.linked]) == (Status.CONNECTED, [1002001])
    told = [e.details["status"] for e in timeline(live.app, sanne, number) if e.kind == "status"]
    assert told[:3] == [Status.CONNECTED, Status.RECONNECT_NEEDED, Status.ATTENTION]


def test_an_accountants_three_customers_survive_a_fourth(
    live: Live, page: Page, sanne: CurrentOperator
) -> None:
    numbers = [
        connect(live, sanne, f"Klant {place} B.V.", steps.ACCOUNTANT, [2001001 + place]) for place in range(3)
    ]
    steps.enter(page, live, EMAIL)
    steps.open_the_form(page)
    steps.fill_in(page, "Vierde Klant B.V.")
    page.get_by_role("button", name="Connect", exact=True).click()
    steps.log_in_at_exact(page, steps.ACCOUNTANT)
    steps.allow(page)
    expect(page.get_by_text("3 other customers")).to_be_visible(timeout=20_000)
    page.get_by_label("Search administrations").fill("2001010")
    page.get_by_text("Coster Groep B.V.").click()
    page.get_by_role("button", name="Save all changes").click()
    page.get_by_role("button", name="Save all the same").click()
    expect(page.get_by_role("heading", name="Registration complete")).to_be_visible()

    for number in numbers:
        page.goto(f"{live.url}/registration?id={number}")
        page.get_by_role("button", name="Check now").click()
        expect(page.get_by_text("Checked at Exact Online just now.")).to_be_visible(timeout=20_000)
        assert registration(live.app, sanne, number).status is Status.CONNECTED
