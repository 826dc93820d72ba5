"""The frame lets in whoever the live socket's cookie says, and asks everybody else to sign in."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from streamlit.testing.v1 import AppTest

from core.accounts.roles import CurrentOperator, Role
from core.accounts.sessions import session_operator, start_session
from core.application import Application
from core.errors import NotFound
from dashboard import feedback, signin
from tests.dashboard.conftest import PASSWORD
from tests.support.frame import cookies, frame, new_session

WRONG = "do not belong together"


@pytest.fixture
def alice(make_account: Callable[..., CurrentOperator]) -> CurrentOperator:
    return make_account("Alice")


@pytest.fixture
def admin(make_account: Callable[..., CurrentOperator]) -> CurrentOperator:
    return make_account("Anna", Role.ADMIN)


def asks_to_sign_in(test: AppTest) -> bool:
    return not test.exception and [box.label for box in test.text_input] == ["E-mail address", "Password"]


def sign_in(test: AppTest, email: str, password: str) -> AppTest:
    test.text_input[0].set_value(email)
    test.text_input[1].set_value(password)
    return test.button[0].click().run()


def sent_to(test: AppTest) -> str:
    """Where the page sends the browser."""
    found = re.search(r'data-to="([^"]+)"', " ".join(part.proto.body for part in test.get("html")))
    return found[1].replace("&amp;", "&") if found else ""


@pytest.mark.parametrize("page", [None, "registrations", "registration", "operators", "account"])
def test_signed_out_every_address_leads_to_the_form(
    app: Application, monkeypatch: pytest.MonkeyPatch, page: str | None
) -> None:
    cookies(monkeypatch, app, None)
    test = frame(page)
    assert asks_to_sign_in(test)
    assert "Create your account with the link we sent you, then sign in." in [m.value for m in test.markdown]


def test_a_good_password_makes_a_ticket_to_the_page_asked_for(
    app: Application, alice: CurrentOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = cookies(monkeypatch, app, None)
    test = sign_in(frame("registrations", status="attention"), " ALICE@clickker.test ", PASSWORD)
    target = urlsplit(sent_to(test))
    assert target.path == "/session/start"
    (ticket,) = parse_qs(target.query)["ticket"]
    started = start_session(app, ticket, held.browser or "", "", "")
    assert started.target == "/registrations?status=attention"
    assert "authentication_status" not in test.session_state


def test_empty_fields_are_no_attempt(app: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    cookies(monkeypatch, app, None)
    test = frame()
    for _round in range(8):
        test = sign_in(test, "", "")
    assert "Fill in" in test.error[0].value


def test_without_cookies_nobody_is_signed_in(
    app: Application, alice: CurrentOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookies(monkeypatch, app, None).browser = None
    test = sign_in(frame(), alice.email, PASSWORD)
    assert "does not keep our cookie" in test.error[0].value
    assert sent_to(test) == ""


def test_with_a_session_the_page_is_drawn(
    app: Application, alice: CurrentOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookies(monkeypatch, app, alice)
    test = frame("account")
    assert [title.value for title in test.title] == ["My account"]
    assert "Alice" in [caption.value for caption in test.sidebar.caption]


def test_check_25_a_session_id_without_the_cookie_is_nothing(
    app: Application, alice: CurrentOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = cookies(monkeypatch, app, alice)
    test = frame("account")
    test.session_state["typed"] = "something of Alice's"
    held.session = None
    test.run()
    assert asks_to_sign_in(test)
    assert "typed" not in test.session_state


def test_check_25_a_session_id_with_the_cookie_of_another_is_cleared_and_stopped(
    app: Application, alice: CurrentOperator, admin: CurrentOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = cookies(monkeypatch, app, alice)
    test = frame("account")
    test.session_state["typed"] = "something of Alice's"
    held.session = new_session(app, admin)
    test.run()
    assert "Reload" in test.warning[0].value
    assert not test.title
    assert "typed" not in test.session_state


@pytest.mark.parametrize("odd", ["unknown", "é☃\x00", "x" * 100_000, " "])
def test_an_odd_cookie_is_nobody(app: Application, monkeypatch: pytest.MonkeyPatch, odd: str) -> None:
    cookies(monkeypatch, app, None).session = odd
    assert asks_to_sign_in(frame())


def test_sign_out_ends_the_session_before_it_leaves(
    app: Application, alice: CurrentOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = cookies(monkeypatch, app, alice)
    test = frame("account")
    test.button("frame_sign_out").click().run()
    assert sent_to(test) == "/session/end"
    assert session_operator(app, held.session) is None


def test_a_page_is_refused_to_a_role_that_may_not_see_it(
    app: Application, alice: CurrentOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookies(monkeypatch, app, alice)
    test = frame("operators")
    assert "Your role does not allow this" in test.error[0].value
    assert not test.title


def test_the_frame_speaks_the_operators_language(
    app: Application, make_account: Callable[..., CurrentOperator], monkeypatch: pytest.MonkeyPatch
) -> None:
    spoken: list[str | None] = []
    monkeypatch.setattr(signin, "set_language", spoken.append)
    cookies(monkeypatch, app, make_account("Bram", language="nl"))
    frame("account")
    assert set(spoken) == {"nl"}


def test_with_the_database_down_nobody_comes_in(
    app: Application, alice: CurrentOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookies(monkeypatch, app, alice)

    def down(*_args: object, **_more: object) -> None:
        raise OSError("gone")

    monkeypatch.setattr(app.database, "read", down)
    test = frame()
    assert test.exception
    assert not test.title


def test_what_goes_wrong_is_a_sentence_and_never_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr("streamlit.error", lambda text, **_more: shown.append(text))
    assert feedback.report(NotFound("There is no such operator."))
    assert feedback.report(RuntimeError("a secret in an exception"))
    assert shown[0] == r"There is no such operator\."
    assert "reference" in shown[1]
    assert "secret" not in shown[1]
