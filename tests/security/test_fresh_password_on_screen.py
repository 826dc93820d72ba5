"""Check 28 on the screen: the window asks the password in place, and the export has a page for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from core import clock
from core.accounts import passwords
from core.accounts.operators import add_operator
from core.accounts.roles import CurrentOperator, Role
from core.application import Application
from core.registrations.registration import registration
from core.registrations.status import Status
from core.storage.models import Registration, SignInFailure
from dashboard.cookies import session_cookie
from dashboard.middleware import Shield
from dashboard.routes import routes
from tests.factories import make_connected
from tests.support.frame import SECONDS, cookies, new_session

PASSWORD = "a herring in the tea"
ADDRESSES = [
    f"/export/{name}.{kind}" for name in ("registrations", "administrations") for kind in ("csv", "xlsx")
]


@pytest.fixture
def sanne(app: Application, monkeypatch: pytest.MonkeyPatch) -> CurrentOperator:
    """Support, signed in a while ago."""
    monkeypatch.setattr(passwords, "ROUNDS", 4)
    email = "sanne@clickker.test"
    number = add_operator(app, email, "Sanne", Role.SUPPORT, PASSWORD, "en")
    who = CurrentOperator(number, email, "Sanne", Role.SUPPORT, "en")
    cookies(monkeypatch, app, who)
    return who


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch, sanne: CurrentOperator) -> None:
    monkeypatch.setattr(clock, "_offset", clock._offset + timedelta(minutes=6))


def there(app: Application, number: int) -> bool:
    with app.database.read() as session:
        return session.scalar(select(Registration.id).where(Registration.id == number)) is not None


def words(page: AppTest) -> str:
    return "\n".join(e.value for e in (*page.markdown, *page.caption)).replace("\\", "")


def passwords_asked(page: AppTest) -> list[str]:
    return [field.label for field in page.text_input if field.label == "Your password"]


WINDOW = """
from core.application import application
from core.registrations.registration import registration
from dashboard import feedback, registration_dialogs, signin

with signin.visit() as by:
    feedback.show_flashes()
    registration_dialogs.{window}(registration(application(), by, {number}))
"""


def window(name: str, number: int) -> AppTest:
    """The window, held open: AppTest runs no page in parts, as a browser has it done."""
    return AppTest.from_string(WINDOW.format(window=name, number=number), default_timeout=SECONDS).run()


@pytest.mark.usefixtures("sanne")
def test_check_28_right_after_the_sign_in_the_window_asks_none(
    app: Application, sanne: CurrentOperator
) -> None:
    number = make_connected(app.database, "Test B.V.")
    shown = window("confirm_disconnect", number)
    assert passwords_asked(shown) == []
    shown.button("disconnect_confirm").click().run()
    assert registration(app, sanne, number).status is Status.DISCONNECTED


@pytest.mark.usefixtures("later")
def test_check_28_later_it_asks_says_why_and_keeps_what_was_typed(app: Application) -> None:
    number = make_connected(app.database, "Test B.V.")
    shown = window("confirm_delete", number)
    assert passwords_asked(shown) == ["Your password"]
    assert "an open screen alone is not enough" in words(shown)

    shown.text_input("delete_name").set_value("Test B.V.").run()
    shown.text_input("delete_password").set_value("guess")
    shown.button("delete_confirm").click().run()
    assert "This is not your present password." in words(shown)
    assert shown.text_input("delete_name").value == "Test B.V."
    assert there(app, number)

    shown.text_input("delete_password").set_value("")
    shown.button("delete_confirm").click().run()
    assert there(app, number), "an empty password is a wrong one"

    shown.text_input("delete_password").set_value(PASSWORD)
    shown.button("delete_confirm").click().run()
    assert not there(app, number)


@pytest.mark.usefixtures("later")
def test_check_28_a_confirmation_holds_for_the_next_window(app: Application, sanne: CurrentOperator) -> None:
    first, second = make_connected(app.database, "Een B.V."), make_connected(app.database, "Twee B.V.")
    shown = window("confirm_disconnect", first)
    shown.text_input("disconnect_password").set_value(PASSWORD)
    shown.button("disconnect_confirm").click().run()
    assert registration(app, sanne, first).status is Status.DISCONNECTED
    assert passwords_asked(window("confirm_disconnect", second)) == []


def test_check_28_a_window_that_lay_open_too_long_asks_when_its_button_is_pressed(
    app: Application, sanne: CurrentOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = make_connected(app.database, "Test B.V.")
    shown = window("confirm_disconnect", number)
    assert passwords_asked(shown) == []
    monkeypatch.setattr(clock, "_offset", clock._offset + timedelta(minutes=6))
    shown.button("disconnect_confirm").click().run()

    assert passwords_asked(shown) == ["Your password"]
    assert registration(app, sanne, number).status is Status.CONNECTED
    shown.text_input("disconnect_password").set_value(PASSWORD)
    shown.button("disconnect_confirm").click().run()
    assert registration(app, sanne, number).status is Status.DISCONNECTED


# --- The export ---


@pytest.fixture
def browser(app: Application, sanne: CurrentOperator) -> Iterator[TestClient]:
    """Sanne's browser, without a page: she signed in a while ago (with ``later``)."""
    served = Starlette(routes=routes(), middleware=[Middleware(Shield)])
    english = {"accept-language": "en"}
    with TestClient(
        served, base_url=app.settings.public_url, headers=english, follow_redirects=False
    ) as client:
        client.cookies.set(session_cookie(app.settings), new_session(app, sanne))
        yield client


def csrf_on(text: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', text)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("address", ADDRESSES)
def test_check_28_an_export_of_everything_asks_and_then_comes(
    app: Application, browser: TestClient, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    make_connected(app.database, "Geheim B.V.")
    monkeypatch.setattr(clock, "_offset", clock._offset + timedelta(minutes=6))

    asked = browser.get(address)
    assert asked.status_code == 403
    assert "Your password" in asked.text
    assert "Geheim" not in asked.text

    wrong = browser.post(address, data={"csrf": csrf_on(asked.text), "password": "guess"})
    assert wrong.status_code == 422
    assert "This is not your present password." in wrong.text
    assert browser.get(address).status_code == 403

    right = browser.post(address, data={"csrf": csrf_on(wrong.text), "password": PASSWORD})
    assert right.status_code == 200
    assert f'content="0; url={address}"' in right.text
    assert "attachment" in browser.get(address).headers["content-disposition"]


def test_check_28_a_filter_is_no_export_of_everything(
    app: Application, browser: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_connected(app.database, "Test B.V.")
    monkeypatch.setattr(clock, "_offset", clock._offset + timedelta(minutes=6))
    assert browser.get("/export/registrations.csv?q=test").status_code == 200
    # A page and an order are no filter, and neither is one that says nothing.
    for nothing in ("?sort=status", "?page=1", "?q=", "?active=maybe", "?owner=x"):
        assert browser.get(f"/export/registrations.csv{nothing}").status_code == 403


@pytest.mark.parametrize("origin", [None, "https://evil.example"])
def test_check_28_another_site_cannot_send_the_form(
    app: Application, browser: TestClient, monkeypatch: pytest.MonkeyPatch, origin: str | None
) -> None:
    monkeypatch.setattr(clock, "_offset", clock._offset + timedelta(minutes=6))
    csrf = csrf_on(browser.get(ADDRESSES[0]).text)
    fields = {"csrf": csrf if origin else "made up", "password": PASSWORD}
    answer = browser.post(ADDRESSES[0], data=fields, headers={"origin": origin} if origin else {})

    assert answer.status_code == 403
    assert browser.get(ADDRESSES[0]).status_code == 403
    with app.database.read() as session:
        assert session.scalar(select(SignInFailure.id)) is None, "and locks nobody out"


@pytest.mark.parametrize("body", [b"x" * 20_000, b"\xff\xfe", b""])
def test_check_28_an_odd_form_is_asked_again(app: Application, browser: TestClient, body: bytes) -> None:
    kind = {"content-type": "application/x-www-form-urlencoded"}
    assert browser.post(ADDRESSES[0], content=body, headers=kind).status_code == 403


def test_check_28_signed_out_there_is_nothing_to_confirm(browser: TestClient) -> None:
    browser.cookies.clear()
    answer = browser.post(ADDRESSES[0], data={"password": PASSWORD})
    assert answer.status_code == 403
    assert "Sign in again" in answer.text
