"""A ticket becomes a cookie; signing out takes it away, on the server first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from core import clock
from core.accounts.roles import CurrentOperator
from core.accounts.sessions import session_operator, start_ticket
from core.application import Application, use
from dashboard.cookies import browser_cookie, session_cookie

OURS = {"sec-fetch-site": "same-origin"}


@pytest.fixture
def alice(make_account: Callable[..., CurrentOperator]) -> CurrentOperator:
    return make_account("Alice")


def ticket(visitor: TestClient, app: Application, who: CurrentOperator, target: str = "/") -> str:
    """What the sign-in form makes, for the browser that has it on its screen."""
    visitor.get("/")
    return start_ticket(app, who.id, visitor.cookies[browser_cookie(app.settings)], target)


def test_a_ticket_becomes_a_cookie_and_leads_to_the_page_asked_for(
    visitor: TestClient, app: Application, alice: CurrentOperator
) -> None:
    made = ticket(visitor, app, alice, "/registrations?status=attention")
    answer = visitor.get("/session/start", params={"ticket": made})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/registrations?status=attention"
    assert answer.headers["cache-control"] == "no-store"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie
    assert session_operator(app, visitor.cookies[session_cookie(app.settings)])


@pytest.mark.parametrize("odd", ["", "unknown", "é☃", "x" * 50_000])
def test_an_unknown_ticket_is_explained(visitor: TestClient, odd: str) -> None:
    answer = visitor.get("/session/start", params={"ticket": odd})
    assert answer.status_code == 403
    assert "Sign in again" in answer.text
    assert "clickker_session" not in answer.headers.get("set-cookie", "")


def test_a_ticket_is_taken_once_and_in_its_browser_only(
    visitor: TestClient, app: Application, alice: CurrentOperator
) -> None:
    made = ticket(visitor, app, alice)
    stolen = TestClient(visitor.app, base_url=app.settings.public_url, follow_redirects=False)
    assert stolen.get("/session/start", params={"ticket": made}).status_code == 403
    assert visitor.get("/session/start", params={"ticket": made}).status_code == 303
    assert visitor.get("/session/start", params={"ticket": made}).status_code == 403


def test_a_ticket_of_half_a_minute_ago_is_refused(
    visitor: TestClient, app: Application, alice: CurrentOperator
) -> None:
    made = ticket(visitor, app, alice)
    with clock.shifted(timedelta(seconds=31)):
        assert visitor.get("/session/start", params={"ticket": made}).status_code == 403


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_signing_out_ends_the_session_and_takes_the_cookie_away(
    visitor: TestClient, app: Application, alice: CurrentOperator, method: str
) -> None:
    visitor.get("/session/start", params={"ticket": ticket(visitor, app, alice)})
    cookie = visitor.cookies[session_cookie(app.settings)]
    answer = visitor.request(method, "/session/end", headers=OURS)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/"
    assert session_cookie(app.settings) not in visitor.cookies
    assert session_operator(app, cookie) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "same-origin", "origin": "https://evil.example"},
        {},
    ],
)
def test_no_other_site_signs_anybody_out(
    visitor: TestClient, app: Application, alice: CurrentOperator, headers: dict[str, str]
) -> None:
    visitor.get("/session/start", params={"ticket": ticket(visitor, app, alice)})
    answer = visitor.get("/session/end", headers=headers)
    assert answer.status_code == 403
    assert session_operator(app, visitor.cookies[session_cookie(app.settings)])


def test_with_the_database_down_nobody_comes_in(
    visitor: TestClient, app: Application, alice: CurrentOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = ticket(visitor, app, alice)

    def down(*_args: object, **_more: object) -> None:
        raise OSError("the disk is gone, path /secret/place")

    monkeypatch.setattr(app.database, "transaction", down)
    answer = visitor.get("/session/start", params={"ticket": made})
    assert answer.status_code == 500
    assert "reference" in answer.text
    assert "secret" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "clickker_session" not in answer.headers.get("set-cookie", "")
    use(app)
