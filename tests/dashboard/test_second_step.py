"""The code after the password, in the real frame: it goes by the browser's cookie and by nothing in the page."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from streamlit.testing.v1 import AppTest

from core import clock
from core.accounts.lockout import PER_ACCOUNT
from core.accounts.operators import disable
from core.accounts.roles import CurrentOperator, Role
from core.accounts.sessions import session_operator, start_session
from core.application import Application
from tests.dashboard.conftest import PASSWORD
from tests.support.frame import Cookies, cookies, frame
from tests.support.second_factor import code_of, turned_on


@pytest.fixture
def alice(make_account: Callable[..., CurrentOperator]) -> CurrentOperator:
    return make_account("Alice")


@pytest.fixture
def secret(app: Application, alice: CurrentOperator) -> str:
    """What Alice's app knows."""
    return turned_on(app, alice, PASSWORD)[0]


@pytest.fixture
def held(app: Application, monkeypatch: pytest.MonkeyPatch) -> Cookies:
    return cookies(monkeypatch, app, None)


def give_password(test: AppTest, password: str = PASSWORD) -> AppTest:
    test.text_input[0].set_value("alice@clickker.test")
    test.text_input[1].set_value(password)
    return test.button[0].click().run()


def give_code(test: AppTest, code: str) -> AppTest:
    test.text_input("second_step_code").set_value(code)
    return next(button for button in test.button if button.label == "Sign in").click().run()


def asks(test: AppTest) -> list[str]:
    return [box.label for box in test.text_input]


def sent_to(test: AppTest) -> str:
    found = re.search(r'data-to="([^"]+)"', " ".join(part.proto.body for part in test.get("html")))
    return found[1].replace("&amp;", "&") if found else ""


def test_the_code_is_asked_and_leads_to_the_page_asked_for(
    app: Application, alice: CurrentOperator, secret: str, held: Cookies
) -> None:
    test = give_password(frame("registrations", status="attention"))
    assert asks(test) == ["Code"]
    assert sent_to(test) == ""
    give_code(test, code_of(secret, steps=1))
    (ticket,) = parse_qs(urlsplit(sent_to(test)).query)["ticket"]
    started = start_session(app, ticket, held.browser or "", "", "")
    assert started.target == "/registrations?status=attention"
    found = session_operator(app, started.cookie)
    assert found is not None
    assert found.operator.id == alice.id


def test_a_wrong_password_tells_nothing_of_it(secret: str, held: Cookies) -> None:
    test = give_password(frame(), "another herring")
    assert asks(test) == ["E-mail address", "Password"]
    assert "do not belong together" in test.error[0].value


def test_half_signed_in_is_not_signed_in_and_leaves_nothing_in_the_page(
    alice: CurrentOperator, secret: str, held: Cookies
) -> None:
    test = give_password(frame("account"))
    assert asks(test) == ["Code"]
    assert alice.email not in str(test.session_state)
    assert str(held.browser) not in str(test.session_state)
    test.run()
    assert asks(test) == ["Code"]


def test_a_page_taken_over_by_another_browser_asks_the_password(secret: str, held: Cookies) -> None:
    test = give_password(frame())
    held.browser = "the thief's browser"
    assert asks(test.run()) == ["E-mail address", "Password"]
    held.browser = None
    assert asks(test.run()) == ["E-mail address", "Password"]


def test_a_wrong_code_is_said_and_asked_again(secret: str, held: Cookies) -> None:
    test = give_code(give_password(frame()), "000000")
    assert "not right" in test.error[0].value
    assert asks(test) == ["Code"]
    assert sent_to(test) == ""


def test_wrong_codes_lock(secret: str, held: Cookies) -> None:
    test = give_password(frame())
    for _round in range(PER_ACCOUNT):
        give_code(test, "000000")
    give_code(test, code_of(secret, steps=1))
    assert "Too many wrong passwords or codes" in test.error[0].value
    assert sent_to(test) == ""


def test_after_five_minutes_the_password_is_asked_again(secret: str, held: Cookies) -> None:
    test = give_password(frame())
    with clock.shifted(timedelta(minutes=5)):
        assert asks(test.run()) == ["E-mail address", "Password"]


def test_begin_again_asks_the_password(secret: str, held: Cookies) -> None:
    test = give_password(frame())
    assert asks(test.button("second_step_again").click().run()) == ["E-mail address", "Password"]


def test_somebody_disabled_meanwhile_does_not_come_in(
    app: Application,
    alice: CurrentOperator,
    secret: str,
    held: Cookies,
    make_account: Callable[..., CurrentOperator],
) -> None:
    test = give_password(frame())
    disable(app, make_account("Anna", Role.ADMIN), alice.id)
    assert asks(test.run()) == ["E-mail address", "Password"]
