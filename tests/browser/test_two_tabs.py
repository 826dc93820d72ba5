"""Two tabs, one draft; names that look like something else; what is typed and not saved."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from core.accounts.roles import CurrentOperator, Role
from core.registrations.register import edit, register
from core.registrations.registration import registration
from core.registrations.views import RegistrationForm
from core.storage.models import Consent, Registration
from dashboard.editing import form_of
from tests.browser import steps
from tests.factories import make_operator
from tests.support.chromium import settled, still
from tests.support.live import Live

EMAIL = "sanne@clickker.test"
NASTY = "A -> B :material/check_circle: https://evil.example jan@evil.example $a$ “Zn.”"


@pytest.fixture(scope="module")
def sanne(live: Live) -> CurrentOperator:
    live.add_operator(EMAIL, "Sanne de Boer", Role.ADMIN, "en")
    return make_operator(live.app.database, "Bob")


@pytest.fixture
def form(live: Live, page: Page, sanne: CurrentOperator) -> Iterator[Page]:
    steps.enter(page, live, EMAIL)
    steps.open_the_form(page)
    yield page


def names(live: Live) -> set[str]:
    with live.app.database.read() as session:
        return set(session.scalars(select(Registration.name)))


def consents(live: Live) -> set[str]:
    """The customers who were sent to Exact."""
    with live.app.database.read() as session:
        joined = select(Registration.name).join(Consent, Consent.registration_id == Registration.id)
        return set(session.scalars(joined))


def test_a_tab_never_sends_its_customer_to_consent_into_another(live: Live, form: Page) -> None:
    steps.fill_in(form, "Alpha Tab B.V.")
    expect(form).to_have_url(re.compile(r"id=\d+"))
    other = form.context.new_page()
    other.goto(form.url)
    name = other.get_by_label("Name", exact=True)
    expect(name).to_have_value("Alpha Tab B.V.")
    name.fill("Beta Tab B.V.")
    expect(other.get_by_text("Draft saved")).to_be_visible()
    for _look in range(50):
        if "Beta Tab B.V." in names(live):
            break
        form.wait_for_timeout(200)
    assert "Beta Tab B.V." in names(live)

    form.get_by_role("button", name="Connect").click()

    expect(form.get_by_text("is “Beta Tab B.V.” (Netherlands) now")).to_be_visible()
    assert consents(live) & {"Alpha Tab B.V.", "Beta Tab B.V."} == set()
    expect(form.get_by_label("Name", exact=True)).to_have_value("Alpha Tab B.V.")
    form.get_by_role("button", name="Connect").click()
    expect(form.get_by_role("heading", name="Log in")).to_be_visible()
    assert consents(live) & {"Alpha Tab B.V.", "Beta Tab B.V."} == {"Alpha Tab B.V."}


def test_register_is_empty_and_the_draft_is_a_link_away(form: Page) -> None:
    steps.fill_in(form, "Onaf B.V.")
    form.get_by_role("link", name="Register", exact=True).click()
    form.get_by_role("button", name="Register", exact=True).click()
    expect(form.get_by_role("heading", name="Register at Exact Online")).to_be_visible()

    expect(form.get_by_label("Name", exact=True)).to_have_value("")
    form.get_by_text(re.compile("unfinished drafts?: continue")).click()
    expect(form.get_by_text("Onaf B.V.").or_(form.locator("input[value='Onaf B.V.']")).first).to_be_visible()


def test_a_note_is_kept_while_it_is_typed(live: Live, form: Page) -> None:
    steps.fill_in(form, "Notitie B.V.")
    form.get_by_label("Note").press_sequentially("Belt liever 's middags")

    def kept() -> bool:
        with live.app.database.read() as session:
            found = session.scalar(
                select(Registration.id).where(Registration.note == "Belt liever 's middags")
            )
        return found is not None

    for _look in range(50):
        if kept():
            break
        form.wait_for_timeout(200)
    assert kept()
    expect(form.get_by_label("Note")).to_be_focused()


@pytest.mark.parametrize("name", ["Clickker go", NASTY])
def test_a_customer_may_be_called_anything_and_still_connects(live: Live, form: Page, name: str) -> None:
    steps.fill_in(form, name)
    form.get_by_role("button", name="Connect").click()
    expect(form.get_by_role("heading", name="Log in")).to_be_visible()
    form.go_back()
    form.get_by_role("link", name="To the registration", exact=True).click()
    expect(form.get_by_role("heading", name=name, exact=True)).to_have_text(name)
    expect(form.get_by_test_id("stMain").locator("a[href*=evil]")).to_have_count(0)

    form.get_by_role("button", name="Connect").click()

    expect(form.get_by_role("heading", name="Log in")).to_be_visible()


def test_the_name_as_it_is_shown_is_the_name_to_type(live: Live, page: Page, sanne: CurrentOperator) -> None:
    number = register(live.app, sanne, None, RegistrationForm(name=NASTY + " 2", environment="nl"))
    steps.enter(page, live, EMAIL, f"/registration?id={number}")
    page.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog")
    still(page)
    shown = dialog.locator("strong").first.inner_text()

    dialog.get_by_label("Type the name to confirm").fill(shown.replace("“", '"').replace("”", '"'))

    expect(dialog.get_by_role("button", name="Delete")).to_be_enabled()


def test_two_who_edit_one_note_both_keep_what_they_typed(
    live: Live, page: Page, sanne: CurrentOperator
) -> None:
    app = live.app
    number = register(
        app, sanne, None, RegistrationForm(name="Samen B.V.", environment="nl", reference="K-1")
    )
    opened = form_of(registration(app, sanne, number))
    steps.enter(page, live, EMAIL, f"/registration?id={number}")
    page.get_by_role("button", name="Edit details").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Customer reference").fill("K-mine")
    settled(page)
    edit(app, sanne, number, RegistrationForm("Samen Anders B.V.", "nl", reference="K-theirs"), opened)

    dialog.get_by_role("button", name="Save all changes").click()

    expect(dialog.get_by_text("is “Samen Anders B.V.” (Netherlands) now")).to_be_visible()
    assert registration(app, sanne, number).reference == "K-theirs"
    expect(dialog.get_by_label("Customer reference")).to_have_value("K-mine")
    expect(dialog.get_by_label("Name", exact=True)).to_have_value("Samen Anders B.V.")
    page.reload()
    page.get_by_role("button", name="Edit details").click()
    expect(page.get_by_role("dialog").get_by_text("and did not save it")).to_be_visible()
    expect(page.get_by_role("dialog").get_by_label("Customer reference")).to_have_value("K-mine")
    page.get_by_role("dialog").get_by_role("button", name="Save all changes").click()
    expect(page.get_by_text("The details have been saved.")).to_be_visible()
    view = registration(app, sanne, number)
    assert (view.name, view.reference) == ("Samen Anders B.V.", "K-mine")
