"""The registration's page: status and why, facts, and what each role may do."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from streamlit.testing.v1 import AppTest

from core import clock
from core.accounts.roles import CurrentOperator
from core.application import Application
from core.registrations.budget import reserve
from core.registrations.drafts import save_draft
from core.registrations.register import edit
from core.registrations.registration import registration
from core.registrations.status import Status
from core.registrations.timeline import timeline
from core.registrations.unsaved import keep_details
from core.registrations.views import RegistrationForm
from core.registrations.wording import moment
from core.simulator.server import RunningSimulator
from core.storage.models import CallBudget, Registration
from dashboard.editing import form_of
from dashboard.moments import soon
from tests.factories import make_connected, make_grant, make_operator, make_registration
from tests.support.frame import frame


def words(page: AppTest) -> str:
    return "\n".join(e.value for e in (*page.markdown, *page.caption)).replace("\\", "")


def facts(page: AppTest) -> str:
    return page.table[0].value.to_string()


def buttons(page: AppTest) -> set[str]:
    return {button.label for button in page.main.button}


def test_it_says_how_it_stands_and_since_when(app: Application, sanne: CurrentOperator) -> None:
    number = make_connected(app.database, "Test B.V.")

    page = frame("registration", id=str(number))

    assert page.title[0].value.replace("\\", "") == "Test B.V."
    assert "Connected" in words(page)
    assert "Last success:" in words(page)
    assert "Jan Jansen" in facts(page)


def test_support_may_do_everything_with_it(app: Application, sanne: CurrentOperator) -> None:
    number = make_connected(app.database, "Test B.V.", at=clock.now() - timedelta(hours=1))

    assert buttons(frame("registration", id=str(number))) >= {
        "Reconnect",
        "Copy link for the customer",
        "Check now",
        "Edit details",
        "Disconnect",
        "Delete",
        "Save all changes",
    }


def test_an_account_manager_reads_and_edits_the_note(app: Application, mark: CurrentOperator) -> None:
    number = make_connected(app.database, "Test B.V.")

    page = frame("registration", id=str(number))
    assert buttons(page) == {"Edit details"}
    assert not page.toggle
    page.button("registration_edit").click().run()

    assert page.text_input(f"edit_{number}_name").disabled
    assert not page.text_area(f"edit_{number}_note").disabled


def test_the_toggle_pauses_and_resumes(app: Application, sanne: CurrentOperator) -> None:
    number = make_connected(app.database, "Test B.V.")

    page = frame("registration", id=str(number))
    page.toggle(f"registration_active_{number}").set_value(False).run()
    assert registration(app, sanne, number).status is Status.CONNECTED
    page.button("active_confirm").click().run()
    assert registration(app, sanne, number).status is Status.PAUSED
    assert "Reconnect" not in buttons(page)
    page.toggle(f"registration_active_{number}").set_value(True).run()
    page.button("active_confirm").click().run()

    assert registration(app, sanne, number).status is Status.CONNECTED


def test_a_draft_leads_back_to_the_form(app: Application, sanne: CurrentOperator) -> None:
    number = save_draft(app, sanne, None, RegistrationForm(name="Half B.V."))

    page = frame("registration", id=str(number))
    assert buttons(page) == {"Continue registering", "Delete"}
    page.button("registration_continue").click().run()

    assert page.text_input("register_name").value == "Half B.V."


def test_a_shared_login_is_named(app: Application, sanne: CurrentOperator) -> None:
    number = make_connected(app.database, "Test B.V.")
    grant = registration(app, sanne, number).grant
    assert grant is not None
    make_registration(app.database, "Bakker B.V.", grant_id=grant.id)

    assert "1 other customer: " in facts(frame("registration", id=str(number)))


def test_another_login_waits_for_a_word(app: Application, sanne: CurrentOperator) -> None:
    number = make_connected(app.database, "Test B.V.")
    candidate = make_grant(app.database, full_name="Piet Pieters")
    with app.database.transaction() as session:
        session.get_one(Registration, number).candidate_grant_id = candidate

    page = frame("registration", id=str(number))
    assert "Piet Pieters" in words(page)
    page.button("candidate_reject").click().run()

    view = registration(app, sanne, number)
    assert view.candidate is None
    assert view.grant is not None
    assert view.grant.full_name == "Jan Jansen"


def test_the_customers_link_is_shown_once_and_can_be_withdrawn(
    app: Application, sanne: CurrentOperator, simulator: object
) -> None:
    number = make_registration(app.database, "Test B.V.")

    page = frame("registration", id=str(number))
    page.button("registration_link").click().run()
    shown = [str(part.proto.body) for part in page.get("html")]
    (url,) = {found for body in shown for found in re.findall(r"http://\S+/customer/[\w-]+", body)}
    page.run()
    assert not any(url in str(part.proto.body) for part in page.get("html"))
    assert url not in str(page.session_state)
    assert "has not opened it yet" in words(page)
    page.button("registration_withdraw").click().run()

    assert registration(app, sanne, number).link is None
    assert {entry.kind for entry in timeline(app, sanne, number)} >= {"link_created", "link_revoked"}


def test_old_news_is_not_green(app: Application, sanne: CurrentOperator) -> None:
    number = make_connected(app.database, "Test B.V.", at=clock.now() - timedelta(days=9))

    assert "Attention" in words(frame("registration", id=str(number)))


def test_a_consent_of_nobody_known_yet_can_be_asked_about(app: Application, sanne: CurrentOperator) -> None:
    number = make_registration(app.database, "Test B.V.")
    nobody = make_grant(app.database, user_name="", full_name="", exact_user_id=None, live=False)
    with app.database.transaction() as session:
        session.get_one(Registration, number).candidate_grant_id = nobody

    page = frame("registration", id=str(number))

    assert "has not told yet whose it is" in words(page)
    assert page.button("candidate_ask").label == "Ask Exact Online again"


def test_check_now_that_cannot_work_says_until_when(app: Application, sanne: CurrentOperator) -> None:
    number = make_connected(app.database, "Test B.V.")
    view = registration(app, sanne, number)
    assert view.grant is not None
    assert view.grant.next_refresh_at is not None

    page = frame("registration", id=str(number))

    button = page.button("registration_check")
    assert button.disabled
    assert button.label == f"Check again from {soon(view.grant.next_refresh_at)}"
    with clock.shifted(timedelta(seconds=app.settings.token_min_age_seconds + 1)):
        assert not frame("registration", id=str(number)).button("registration_check").disabled


def test_check_now_waits_for_the_budget_too(app: Application, sanne: CurrentOperator) -> None:
    number = make_connected(app.database, "Test B.V.", at=clock.now() - timedelta(hours=1))
    until = clock.now() + timedelta(minutes=30)
    with app.database.transaction() as session:
        reserve(session, app.settings, "nl", {0: 2}, clock.now())
        session.get_one(CallBudget, ("nl", 0)).blocked_until = until

    page = frame("registration", id=str(number))

    assert page.button("registration_check").label == f"Check again from {soon(until)}"
    assert "58 this minute, 4,998 today" in facts(page)


def test_the_next_check_is_told(app: Application, sanne: CurrentOperator) -> None:
    number = make_connected(app.database, "Test B.V.")
    check = registration(app, sanne, number).check
    assert check is not None
    assert check.next_at is not None
    assert moment(check.next_at) in facts(frame("registration", id=str(number))).replace("\\", "")


@pytest.mark.parametrize("pressed", ["registration_connect", "registration_link", "candidate_accept"])
def test_its_buttons_do_nothing_to_another_customer_than_the_page_shows(
    app: Application, sanne: CurrentOperator, simulator: RunningSimulator, pressed: str
) -> None:
    number = make_connected(app.database, "Alpha B.V.")
    candidate = make_grant(app.database, full_name="Piet Pieters")
    rename(app, number, name="Alpha B.V.", candidate_grant_id=candidate)
    page = frame("registration", id=str(number))
    before = registration(app, sanne, number).grant
    rename(app, number, name="Beta B.V.")

    page.button(pressed).click().run()

    said = "\n".join(box.value for box in page.error).replace("\\", "")
    assert "it was “Alpha B.V.” (Netherlands), and is “Beta B.V.” (Netherlands) now" in said
    after = registration(app, sanne, number)
    assert (after.link, after.grant) == (None, before)
    assert after.candidate is not None
    assert page.title[0].value.replace("\\", "") == "Beta B.V."


def rename(app: Application, number: int, **columns: object) -> None:
    with app.database.transaction() as session:
        row = session.get_one(Registration, number)
        for name, value in columns.items():
            setattr(row, name, value)


def test_details_that_were_typed_and_not_saved_are_here_again(
    app: Application, sanne: CurrentOperator
) -> None:
    number = make_connected(app.database, "Test B.V.")
    page = frame("registration", id=str(number))
    page.button("registration_edit").click().run()
    opened = form_of(registration(app, sanne, number))
    keep_details(app, sanne, number, replace(opened, note="Belt 's middags"), opened)
    edit(app, make_operator(app.database, "Bob"), number, replace(opened, reference="K-2"), opened)

    page = frame("registration", id=str(number))
    page.button("registration_edit").click().run()

    assert page.text_area(f"edit_{number}_note").value == "Belt 's middags"
    assert page.text_input(f"edit_{number}_reference").value == "K-2"
    assert "You typed this on" in page.warning[0].value
    assert page.button(f"edit_{number}_forget")


def test_an_owner_whose_account_is_disabled_is_among_the_choices(
    app: Application, sanne: CurrentOperator
) -> None:
    gone = make_operator(app.database, "Jan", active=False)
    number = make_registration(app.database, "Test B.V.", owner_id=gone.id)

    page = frame("registration", id=str(number))
    page.button("registration_edit").click().run()

    box = page.selectbox(f"edit_{number}_owner_id")
    assert (box.value, box.options[0]) == (gone.id, "Nobody yet")
    assert "Jan (disabled)" in box.options
