"""The form: nothing typed is lost, mistakes are told where they are made, one click or two make one attempt."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect
from sqlalchemy import func, select

from core.accounts.roles import Role
from core.storage.models import Consent, Registration
from tests.browser import steps
from tests.support.live import Live

EMAIL = "sanne@clickker.test"


@pytest.fixture(scope="module", autouse=True)
def _operator(live: Live) -> None:
    live.add_operator(EMAIL, "Sanne de Boer", Role.SUPPORT, "en")


@pytest.fixture
def form(live: Live, page: Page) -> Iterator[Page]:
    """Signed in, with the empty form open."""
    steps.enter(page, live, EMAIL)
    steps.open_the_form(page)
    yield page


def count(live: Live, table: type[Consent] | type[Registration]) -> int:
    with live.app.database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def wait_until_kept(live: Live, form: Page, note: str) -> None:
    """The draft is saved by the run that follows the last field; on a busy machine that takes a while."""
    for _look in range(100):
        with live.app.database.read() as session:
            if session.scalar(select(func.count()).where(Registration.note == note)):
                return
        form.wait_for_timeout(200)
    pytest.fail("the note was not kept")


def test_a_reload_and_a_new_sign_in_lose_nothing(live: Live, form: Page) -> None:
    form.get_by_label("Name", exact=True).press_sequentially("Halverwege B.V.")
    form.get_by_label("Customer reference").fill("K-1234")
    form.get_by_label("Note").fill("Belt liever 's middags.")
    form.get_by_label("Customer reference").click()
    expect(form.get_by_text("Draft saved")).to_be_visible()
    wait_until_kept(live, form, "Belt liever 's middags.")

    form.reload()
    expect(form.get_by_label("Name", exact=True)).to_have_value("Halverwege B.V.")
    steps.sign_out(form)
    steps.sign_in(form, live, EMAIL)
    steps.open_the_form(form)
    expect(form.get_by_label("Name", exact=True)).to_have_value("")
    form.get_by_role("link", name="1 unfinished draft: continue").click()

    expect(form.get_by_label("Name", exact=True)).to_have_value("Halverwege B.V.")
    expect(form.get_by_label("Customer reference")).to_have_value("K-1234")
    expect(form.get_by_label("Note")).to_have_value("Belt liever 's middags.")
    form.get_by_role("button", name="Start afresh").click()
    form.get_by_role("button", name="Throw away and start afresh").click()
    expect(form.get_by_label("Name", exact=True)).to_have_value("")


def test_mistakes_are_told_under_their_field_and_nothing_is_lost(form: Page) -> None:
    form.get_by_label("Customer reference").fill("K-77")
    form.get_by_role("button", name="Connect").click()

    expect(form.get_by_text("Type the customer's name")).to_be_visible()
    expect(form.get_by_text("Choose the Exact Online environment")).to_be_visible()
    expect(form.get_by_label("Customer reference")).to_have_value("K-77")

    steps.fill_in(form, "Fout en Zoon", "United Kingdom")
    expect(form.get_by_text("our app has no client id for United Kingdom").first).to_be_visible()
    expect(form.get_by_text("Type the customer's name")).to_have_count(0)
    form.get_by_role("button", name="Start afresh").click()
    form.get_by_role("button", name="Throw away and start afresh").click()
    expect(form.get_by_label("Name", exact=True)).to_have_value("")


def test_a_double_click_on_connect_makes_one_attempt(live: Live, form: Page) -> None:
    registrations, consents = count(live, Registration), count(live, Consent)
    steps.fill_in(form, "Dubbelklik B.V.")

    form.get_by_role("button", name="Connect").dblclick()
    expect(form.get_by_role("heading", name="Log in")).to_be_visible()

    assert count(live, Registration) == registrations + 1
    assert count(live, Consent) == consents + 1


def test_a_half_finished_registration_goes_on_from_its_page(live: Live, form: Page) -> None:
    steps.fill_in(form, "Later B.V.")
    form.get_by_role("button", name="Connect").click()
    expect(form.get_by_role("heading", name="Log in")).to_be_visible()
    form.go_back()

    form.get_by_role("link", name="To the registration", exact=True).click()
    expect(form.get_by_text("Waiting for consent").first).to_be_visible()
    form.get_by_role("button", name="Connect").click()
    steps.log_in_at_exact(form)
    steps.allow(form)

    steps.save_all_changes(form, unlike=True)


def test_a_click_that_overtakes_the_answer_saves_what_was_ticked(live: Live, page: Page) -> None:
    """Every message carries what all boxes showed when it was sent: "Save" before "Select all" is answered."""
    held: list[Callable[[], None]] = []
    hold = False

    def between(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        socket.on_message(server.send)
        server.on_message(
            lambda message: held.append(partial(socket.send, message)) if hold else socket.send(message)
        )

    page.route_web_socket(re.compile("/_stcore/stream"), between)
    steps.enter(page, live, EMAIL)
    steps.open_the_form(page)
    steps.fill_in(page, "Snel B.V.")
    page.get_by_role("button", name="Connect").click()
    steps.log_in_at_exact(page, steps.ACCOUNTANT)
    steps.allow(page)
    expect(page.get_by_role("heading", name="Choose administrations")).to_be_visible()
    expect(page.get_by_text("To the registration")).to_be_visible()

    hold = True
    page.get_by_text("Select all", exact=True).click()
    page.wait_for_timeout(1_000)
    page.get_by_role("button", name="Save all changes").click()
    page.wait_for_timeout(1_000)
    hold = False
    for message in held:
        message()
    page.get_by_role("button", name="Save all the same").click()

    expect(page.get_by_role("heading", name="Registration complete")).to_be_visible()
