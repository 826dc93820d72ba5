"""My account: language, password, and the places where I am signed in."""

from __future__ import annotations

import re

import pytest
from streamlit.testing.v1 import AppTest

from core.accounts import passwords
from core.accounts.one_time_codes import in_groups
from core.accounts.open_sessions import own_sessions
from core.accounts.operators import add_operator, list_operators
from core.accounts.roles import CurrentOperator, Role
from core.accounts.second_factor import pending_second_factor, second_factor_is_on
from core.accounts.sessions import session_operator
from core.accounts.signing_in import confirm_password
from core.application import Application, application
from core.storage.models import Operator
from tests.support.frame import Cookies, cookies, frame, new_session
from tests.support.second_factor import code_of, turned_on

PASSWORD = "a herring in the tea"
NEW = "an eel in the coffee"


@pytest.fixture
def alice(app: Application, monkeypatch: pytest.MonkeyPatch) -> CurrentOperator:
    monkeypatch.setattr(passwords, "ROUNDS", 4)
    number = add_operator(app, "alice@clickker.test", "Alice", Role.SUPPORT, PASSWORD, "en")
    return CurrentOperator(number, "alice@clickker.test", "Alice", Role.SUPPORT, "en")


@pytest.fixture
def held(app: Application, alice: CurrentOperator, monkeypatch: pytest.MonkeyPatch) -> Cookies:
    return cookies(monkeypatch, app, alice)


def press(test: AppTest, label: str) -> AppTest:
    return next(button for button in test.button if button.label == label).click().run()


def change(test: AppTest, present: str, chosen: str, again: str) -> AppTest:
    for key, value in (("present", present), ("chosen", chosen), ("again", again)):
        test.text_input(f"account_{key}").set_value(value)
    return press(test, "Change password")


def test_it_says_who_i_am(held: Cookies) -> None:
    assert "**Alice**" in frame("account").markdown[0].value


def test_a_new_password_signs_me_out_here_and_everywhere(
    app: Application, alice: CurrentOperator, held: Cookies
) -> None:
    elsewhere = new_session(app, alice)
    test = change(frame("account"), PASSWORD, NEW, NEW)
    assert "Your password has been changed" in test.info[0].value
    assert [box.label for box in test.text_input] == ["E-mail address", "Password"]
    assert session_operator(app, elsewhere) is None
    confirm_password(app, alice, NEW)


@pytest.mark.parametrize(
    ("present", "chosen", "again", "said"),
    [
        ("not the present one", NEW, NEW, "not your present password"),
        (PASSWORD, NEW, NEW + "x", "not the same"),
        (PASSWORD, "short", "short", "at least 12"),
    ],
)
def test_a_wrong_or_weak_password_changes_nothing(
    held: Cookies, present: str, chosen: str, again: str, said: str
) -> None:
    test = change(frame("account"), present, chosen, again)
    assert said in test.error[0].value
    assert session_operator(application(), held.session)


def test_another_session_of_mine_can_be_ended(
    app: Application, alice: CurrentOperator, held: Cookies
) -> None:
    new_session(app, alice)
    mine, other = sorted(view.id for view in own_sessions(app, alice))
    test = frame("account")
    assert "This browser" in [part.value for part in test.markdown]
    test.button(f"account_end_{other}").click().run()
    assert [view.id for view in own_sessions(app, alice)] == [mine]


def test_all_others_end_and_this_one_stays(app: Application, alice: CurrentOperator, held: Cookies) -> None:
    for _round in range(3):
        new_session(app, alice)
    test = frame("account")
    test.button("account_end_others_yes").click().run()
    assert len(own_sessions(app, alice)) == 1
    assert session_operator(app, held.session)
    assert "account_end_others_yes" not in [button.key for button in test.button]


def test_my_name_is_mine_to_change(app: Application, alice: CurrentOperator, held: Cookies) -> None:
    test = frame("account")
    test.text_input("account_name").set_value("Alice van Dijk")
    press(test, "Save name")
    assert "**Alice van Dijk**" in test.markdown[0].value
    test.text_input("account_name").set_value("Alice\u202egnp")
    press(test, "Save name")
    assert "cannot be shown" in test.error[0].value


def test_a_second_factor_is_set_up_proved_and_turned_off(
    app: Application, alice: CurrentOperator, held: Cookies
) -> None:
    test = frame("account")
    test.text_input("account_factor_begin_password").set_value(PASSWORD)
    press(test, "Set up second factor")
    here = session_operator(app, held.session)
    assert here is not None
    pending = pending_second_factor(app, here.operator)
    assert pending is not None
    drawn = " ".join(part.proto.body for part in test.get("html"))
    assert 'src="data:image/svg+xml' in drawn
    assert in_groups(pending.secret) in " ".join(part.value for part in test.markdown)
    assert pending.secret not in str(test.session_state)
    assert pending.secret not in str(test.query_params)

    test.text_input("account_factor_code").set_value("000000")
    press(test, "Turn on")
    assert "not the code" in test.error[0].value
    test.text_input("account_factor_code").set_value(code_of(pending.secret))
    press(test, "Turn on")
    assert second_factor_is_on(app, alice.id)
    codes = re.findall(
        r"(?:[a-z2-7]{4}-){3}[a-z2-7]{4}", " ".join(part.proto.body for part in test.get("html"))
    )
    assert len(set(codes)) == 10
    assert not any(code in str(test.session_state) for code in codes)
    test.button("account_factor_kept").click().run()
    assert codes[0] not in " ".join(part.proto.body for part in test.get("html"))
    assert "10 recovery codes are left." in [part.value for part in test.caption]

    test.text_input("account_factor_off_password").set_value("not the password")
    press(test, "Turn off second factor")
    assert "not your present password" in test.error[0].value
    test.text_input("account_factor_off_password").set_value(PASSWORD)
    press(test, "Turn off second factor")
    assert not second_factor_is_on(app, alice.id)
    assert "account_factor_begin_password" in [box.key for box in test.text_input]


def test_new_recovery_codes_are_shown_once(app: Application, alice: CurrentOperator, held: Cookies) -> None:
    turned_on(app, alice, PASSWORD)
    test = frame("account")
    test.text_input("account_factor_renew_password").set_value(PASSWORD)
    press(test, "Make new codes")
    assert "These are your recovery codes" in test.success[0].value
    assert not test.run().success


def test_the_language_is_kept(app: Application, alice: CurrentOperator, held: Cookies) -> None:
    test = frame("account")
    test.button_group("account_language").set_value("nl").run()
    found = session_operator(app, held.session)
    assert found is not None
    assert found.operator.language == "nl"
    assert len(list_operators(app, None)) == 1


def test_a_language_that_is_offered_no_longer_stays_until_another_is_chosen(
    app: Application, sanne: CurrentOperator
) -> None:
    with app.database.transaction() as session:
        session.get_one(Operator, sanne.id).language = "xx"

    page = frame("account")

    assert not page.exception
    with app.database.read() as session:
        assert session.get_one(Operator, sanne.id).language == "xx"
