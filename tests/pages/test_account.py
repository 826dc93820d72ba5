"""My account: language, password, and the places where I am signed in."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from core.accounts import passwords
from core.accounts.operators import add_operator, list_operators
from core.accounts.roles import CurrentOperator, Role
from core.accounts.sessions import own_sessions, session_operator
from core.accounts.signing_in import confirm_password
from core.application import Application, application
from tests.support.frame import Cookies, cookies, frame, new_session

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


def change(test: AppTest, present: str, chosen: str, again: str) -> AppTest:
    for key, value in (("present", present), ("chosen", chosen), ("again", again)):
        test.text_input(f"account_{key}").set_value(value)
    return next(button for button in test.button if button.label == "Change password").click().run()


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


def test_the_language_is_kept(app: Application, alice: CurrentOperator, held: Cookies) -> None:
    test = frame("account")
    test.button_group("account_language").set_value("nl").run()
    found = session_operator(app, held.session)
    assert found is not None
    assert found.operator.language == "nl"
    assert len(list_operators(app, None)) == 1
