"""Register at Exact Online: kept as it is typed, refused field by field, submitted once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from core.accounts.roles import CurrentOperator
from core.application import Application
from core.registrations.drafts import open_draft, save_draft
from core.registrations.register import register
from core.registrations.registration import registration
from core.registrations.views import RegistrationForm
from core.simulator.server import RunningSimulator
from tests.support.frame import frame

FORM = RegistrationForm(name="Test B.V.", environment="nl", reference="K-1", note="Belt 's middags.")


@pytest.fixture(autouse=True)
def _exact(simulator: RunningSimulator) -> None:
    """With an Exact Online, so that three environments can be chosen."""


def words(page: AppTest) -> str:
    return "\n".join(element.value for element in (*page.markdown, *page.caption))


def test_what_is_typed_is_kept_at_once(app: Application, sanne: CurrentOperator) -> None:
    page = frame("register")
    page.text_input("register_name").set_value("Test B.V.").run()
    page.text_area("register_note").set_value("Belt 's middags.").run()

    draft = open_draft(app, sanne)
    assert draft is not None
    assert (draft.form.name, draft.form.note) == ("Test B.V.", "Belt 's middags.")
    assert "Draft saved" in words(page)


def test_an_untouched_form_leaves_nothing_behind(app: Application, sanne: CurrentOperator) -> None:
    frame("register").run()

    assert open_draft(app, sanne) is None


def test_a_new_session_goes_on_where_the_last_one_stopped(app: Application, sanne: CurrentOperator) -> None:
    save_draft(app, sanne, None, FORM)

    page = frame("register")

    assert page.text_input("register_name").value == "Test B.V."
    assert page.selectbox("register_environment").value == "nl"
    assert page.text_area("register_note").value == "Belt 's middags."


def test_start_afresh_throws_the_draft_away(app: Application, sanne: CurrentOperator) -> None:
    save_draft(app, sanne, None, FORM)

    page = frame("register")
    page.button("register_afresh").click().run()

    assert page.text_input("register_name").value == ""
    assert open_draft(app, sanne) is None


def test_another_customer_leaves_the_draft_where_it_is(app: Application, sanne: CurrentOperator) -> None:
    kept = save_draft(app, sanne, None, FORM)

    page = frame("register")
    assert "You began this draft before" in page.info[0].value
    page.button("register_another").click().run()
    assert page.text_input("register_name").value == ""
    assert not page.info
    page.text_input("register_name").set_value("Tweede B.V.").run()

    first, second = open_draft(app, sanne, kept), open_draft(app, sanne)
    assert first is not None and first.form.name == "Test B.V."
    assert second is not None and second.form.name == "Tweede B.V." and second.id != kept


def test_connect_tells_what_is_missing_under_each_field(app: Application, sanne: CurrentOperator) -> None:
    page = frame("register")
    assert "Type the customer's name" not in words(page)

    page.button("register_connect").click().run()

    assert "Type the customer's name" in words(page).replace("\\", "")
    assert "Choose the Exact Online environment" in words(page)


def test_a_name_taken_in_this_environment_is_told(app: Application, sanne: CurrentOperator) -> None:
    register(app, sanne, None, FORM)

    page = frame("register")
    page.text_input("register_name").set_value("test bv")
    page.text_input("register_name").set_value(" TEST  B.V. ")
    page.selectbox("register_environment").set_value("nl").run()

    assert "is already registered in this environment" in words(page)
    assert page.text_input("register_name").value == " TEST  B.V. "


def test_an_environment_without_an_app_says_why(app: Application, sanne: CurrentOperator) -> None:
    page = frame("register")
    page.selectbox("register_environment").set_value("fr").run()

    assert "no client id for France" in words(page)
    assert "An admin can add it" in words(page)


def test_a_phone_shows_each_environment_whole(app: Application, sanne: CurrentOperator) -> None:
    offered = frame("register").selectbox("register_environment").options

    assert "United Kingdom (not available)" in offered
    assert max(len(label) for label in offered) <= 40


def test_connect_leaves_for_exact_once_registered(app: Application, sanne: CurrentOperator) -> None:
    number = save_draft(app, sanne, None, FORM)

    page = frame("register")
    page.button("register_connect").click().run()

    assert registration(app, sanne, number).submitted_at is not None
    assert any("/exact/connect?consent=" in html.value for html in page.html)


def test_a_registration_that_is_not_active_does_not_connect(app: Application, sanne: CurrentOperator) -> None:
    number = save_draft(app, sanne, None, replace(FORM, active=False))

    page = frame("register")
    page.button("register_connect").click().run()

    assert "Switch this on first" in words(page)
    assert registration(app, sanne, number).submitted_at is None


def test_a_submitted_registration_waits_for_consent(app: Application, sanne: CurrentOperator) -> None:
    number = register(app, sanne, None, FORM)

    page = frame("register", id=str(number))

    assert "is registered. Now somebody with an Exact login gives consent" in words(page)
    assert page.button("waiting_connect").label == "Connect"


def test_an_account_manager_does_not_register(app: Application, mark: CurrentOperator) -> None:
    page = frame("register")

    assert "Your role does not allow this" in page.error[0].value
    assert not page.text_input
