"""What is a page of ours and what is not; which cookies, forms and doors follow from it."""

from __future__ import annotations

import asyncio
from urllib.parse import urlencode

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Scope

from core.settings import Settings
from dashboard import messages, proxies, routes_consent, routes_export, routes_invitation, routes_session
from dashboard.cookies import (
    BROWSER_LIFE,
    browser_cookie,
    forget_streamlit_user,
    form_cookie,
    session_cookie,
    set_cookie,
)
from dashboard.doors import is_closed
from dashboard.forms import LARGEST, form_secret, form_token, is_ours, keep_form_secret, read_form
from dashboard.middleware import LARGEST_BODY, SOCKETS_PER_MINUTE
from dashboard.origin import from_elsewhere, from_our_own_page, own_address, own_names, own_origins

OURS = Settings(public_url="https://Connections.example.nl/")
LOCAL = Settings(public_url="http://localhost:8501")


def request(sent: bytes | None = None, **headers: str) -> Request:
    """A request with these headers, and a body that comes in pieces of a thousand bytes."""
    body = sent or b""
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope: Scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": named}
    parts = [body[at : at + 1000] for at in range(0, len(body), 1000)] or [b""]

    async def receive() -> Message:
        part = parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(parts)}

    return Request(scope, receive)


def test_this_machine_has_three_names_and_another_has_one() -> None:
    assert own_origins(OURS) == {"https://connections.example.nl"}
    assert own_names(OURS) == {"connections.example.nl"}
    three = {"http://localhost:8501", "http://127.0.0.1:8501", "http://[::1]:8501"}
    for name in ("localhost", "127.0.0.1", "[::1]"):
        assert own_origins(Settings(public_url=f"http://{name}:8501")) == three
    assert own_names(LOCAL) == {"localhost", "127.0.0.1", "::1"}
    assert own_origins(Settings(public_url="http://localhost")) >= {"http://localhost"}
    assert own_address(LOCAL, "/choose?id=3") == "http://localhost:8501/choose?id=3"


@pytest.mark.parametrize(
    ("headers", "elsewhere", "own_page"),
    [
        ({}, False, False),
        ({"sec_fetch_site": "same-origin"}, False, True),
        ({"sec_fetch_site": "same-site"}, True, False),
        ({"sec_fetch_site": "cross-site"}, True, False),
        ({"sec_fetch_site": "none"}, True, False),
        ({"origin": "https://connections.example.nl"}, False, True),
        ({"origin": "https://evil.example"}, True, False),
        ({"origin": "null"}, False, False),
        ({"origin": "null", "sec_fetch_site": "same-origin"}, False, True),
        ({"origin": "https://evil.example", "sec_fetch_site": "same-origin"}, True, False),
        ({"origin": "https://connections.example.nl", "sec_fetch_site": "cross-site"}, True, False),
    ],
)
def test_who_sent_the_browser_here(headers: dict[str, str], elsewhere: bool, own_page: bool) -> None:
    assert from_elsewhere(request(None, **headers), OURS) is elsewhere
    assert from_our_own_page(request(None, **headers), OURS) is own_page


def test_cookies_are_for_this_host_alone_and_secure_on_https() -> None:
    assert session_cookie(OURS) == "__Host-clickker_session"
    assert (browser_cookie(LOCAL), form_cookie(LOCAL)) == ("clickker_browser", "clickker_form")
    safe, plain = set_cookie(OURS, "a", "b", 60), set_cookie(LOCAL, "a", "b")
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=60"} <= set(safe.split("; "))
    assert "Secure" not in plain
    assert "Max-Age" not in plain
    assert "Max-Age=0" in set_cookie(LOCAL, "a", "", 0)
    assert "Domain" not in safe
    assert BROWSER_LIFE == 365 * 24 * 3600


def test_of_streamlits_own_sign_in_nothing_stays_and_of_ours_nothing_goes() -> None:
    answer = Response()
    held = "_streamlit_user=1; _streamlit_user_tokens=2; clickker_session=3"
    forget_streamlit_user(request(cookie=held), answer)
    gone = [value.split("=")[0] for value in answer.headers.getlist("set-cookie")]
    assert sorted(gone) == ["_streamlit_user", "_streamlit_user_tokens"]
    assert all("Max-Age=0" in value and "HttpOnly" in value for value in answer.headers.getlist("set-cookie"))


def read(body: bytes) -> dict[str, str] | None:
    return asyncio.run(read_form(request(body)))


def test_a_form_is_read_up_to_its_bound() -> None:
    assert read(b"a=1&b=&a=2") == {"a": "2", "b": ""}
    longest = b"a=" + b"x" * (LARGEST - 2)
    assert read(longest) == {"a": "x" * (LARGEST - 2)}
    assert read(longest + b"x") is None
    assert read(b"\xff\xfe") is None
    assert read(urlencode([(f"f{n}", n) for n in range(20)]).encode()) is not None
    assert read(urlencode([(f"f{n}", n) for n in range(21)]).encode()) is None


def test_a_form_is_ours_by_cookie_and_field_together() -> None:
    secret = "the secret of this browser"
    field, cookie = {"csrf": form_token(secret)}, f"clickker_form={secret.replace(' ', '')}"
    assert not is_ours(request(), LOCAL, field), "no cookie"
    assert not is_ours(request(), LOCAL, {"csrf": form_token("")}), "the token of no secret"
    kept = keep_form_secret(Response(), LOCAL, "abc").headers["set-cookie"].split(";")[0]
    assert kept == "clickker_form=abc"
    good = {"csrf": form_token("abc")}
    assert is_ours(request(cookie=kept), LOCAL, good)
    assert not is_ours(request(cookie=kept), LOCAL, {}), "no field"
    assert not is_ours(request(cookie=cookie), LOCAL, good), "of another browser"
    assert not is_ours(request(cookie=kept, origin="https://evil.example"), LOCAL, good)
    assert form_secret(request(cookie=kept), LOCAL) == "abc"
    assert form_secret(request(), LOCAL) != form_secret(request(), LOCAL)
    assert form_token("abc") != form_token("abd")


@pytest.mark.parametrize(
    ("path", "closed"),
    [
        ("/", False),
        ("/registrations", False),
        ("/_stcore/stream", False),
        ("/_stcore/health", False),
        ("/_stcore/host-config", False),
        ("/_stcore/metrics", True),
        ("/_stcore/upload_file/a/b", True),
        ("/media/abc.csv", True),
        ("/component/x/index.html", True),
        ("/app/static/x", True),
        ("/auth/logout", True),
        ("/favicon.png", True),
        ("/index.html", True),
        ("/manifest.json", True),
        ("//registrations", True),
        ("/registrations//", True),
        ("/a\\b", True),
        ("/./a", True),
        ("/a/.", True),
        ("/a/..", True),
        ("/../a", True),
        ("/a\x00", True),
        ("/a.b/c..d", False),
        ("/static/no-such-file.js", True),
    ],
)
def test_which_doors_are_shut(path: str, closed: bool) -> None:
    assert is_closed(path, provider=False) is closed
    assert is_closed(path, provider=True) is closed


@pytest.mark.parametrize("path", ["/auth/login", "/oauth2callback"])
def test_two_doors_open_once_there_is_a_provider(path: str) -> None:
    assert is_closed(path, provider=False)
    assert not is_closed(path, provider=True)
    assert is_closed(path + "/more", provider=True)


def test_how_much_and_how_often_is_what_was_agreed() -> None:
    assert (LARGEST, LARGEST_BODY, SOCKETS_PER_MINUTE) == (8_192, 65_536, 240)
    assert (messages.PER_SECOND, messages.AT_ONCE, proxies.MOST_HOPS) == (20, 100, 20)
    rates = [module.PER_MINUTE for module in (routes_session, routes_consent, routes_invitation)]
    assert rates == [60, 60, 30]
    assert routes_export.ROUTES
