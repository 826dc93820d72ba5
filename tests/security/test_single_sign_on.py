"""Single sign-on gives nothing away and lets nobody in but whom the provider vouches for, to us, just now.

Streamlit's own routes and Authlib do the talking; the provider's answers are the test's.
"""

from __future__ import annotations

import ast
import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from joserfc.jwk import RSAKey
from starlette.testclient import TestClient

from core.accounts import passwords
from core.accounts.confirming import is_fresh
from core.accounts.identities import Identity, bind
from core.accounts.operators import add_operator, disable
from core.accounts.roles import CurrentOperator, Role
from core.accounts.sessions import session_operator
from core.accounts.sso import begin_confirm, begin_sign_in
from core.application import Application
from core.settings import SingleSignOn
from dashboard.cookies import session_cookie
from dashboard.single_sign_on import CONFIRM_ENTRY, login_address
from tests.support.provider_wire import (
    ACCESS_TOKEN,
    ISSUER,
    KEY,
    SSO,
    TOKEN_URL,
    Wire,
    signed,
    wire,
    with_sso,
)

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def sso(app: Application) -> Application:
    return with_sso(app)


@pytest.fixture
def alice(sso: Application, monkeypatch: pytest.MonkeyPatch) -> CurrentOperator:
    """Bound to the subject that the provider names when the test says nothing else."""
    monkeypatch.setattr(passwords, "ROUNDS", 4)
    number = add_operator(sso, "alice@clickker.test", "Alice", Role.ADMIN, "a herring in the tea", "en")
    who = CurrentOperator(number, "alice@clickker.test", "Alice", Role.ADMIN, "en")
    with sso.database.transaction() as session:
        bind(session, who, Identity(ISSUER, "alice-1"))
    return who


@pytest.fixture
def at(sso: Application, alice: CurrentOperator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """A browser, and the provider."""
    with wire(sso, monkeypatch) as made:
        yield made


def signed_in(at: Wire) -> CurrentOperator | None:
    """Whom the browser's cookie signs in."""
    found = session_operator(at.app, at.browser.cookies.get(session_cookie(at.app.settings)))
    return found.operator if found else None


def follow(at: Wire, answer: httpx.Response) -> httpx.Response:
    """To where the ticket becomes a session."""
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].startswith("/session/start?ticket=")
    return at.browser.get(answer.headers["location"])  # type: ignore[no-any-return]


def test_the_provider_signs_in_whom_it_names(at: Wire, alice: CurrentOperator) -> None:
    answer = follow(at, at.sign_in("/registrations?status=attention"))
    assert answer.headers["location"] == "/registrations?status=attention"
    who = signed_in(at)
    assert who is not None
    assert who.id == alice.id


def test_01_state_nonce_and_verifier_are_random_and_long(at: Wire) -> None:
    seen = []
    for _round in range(3):
        begin_sign_in(at.app, at.name(), "/")
        asked = at.leave()
        seen += [asked["state"], asked["nonce"], asked["code_challenge"]]
    assert len(set(seen)) == len(seen)
    assert all(len(value) >= 20 for value in seen)  # letters and digits: at least 119 bits


def test_02_an_answer_counts_once(at: Wire) -> None:
    begin_sign_in(at.app, at.name(), "/")
    asked = at.leave()
    at.answer(asked)
    jar = dict(at.browser.cookies)

    def come_back(_number: int) -> int:
        again = TestClient(
            at.browser.app, base_url=at.app.settings.public_url, cookies=jar, follow_redirects=False
        )
        answer = again.get("/oauth2callback", params={"code": "a-code", "state": asked["state"]})
        return int(answer.status_code)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(come_back, range(16)))
    assert sorted(answers) == [303] + [403] * 15


def test_03_an_answer_is_the_browsers_that_left(at: Wire) -> None:
    begin_sign_in(at.app, at.name(), "/")
    asked = at.leave()
    other = TestClient(at.browser.app, base_url=at.app.settings.public_url, follow_redirects=False)
    other.cookies.set("_streamlit_session", at.browser.cookies["_streamlit_session"])
    at.answer(asked)
    answer = other.get("/oauth2callback", params={"code": "a-code", "state": asked["state"]})
    assert answer.status_code == 403
    assert session_cookie(at.app.settings) not in other.cookies


def test_03_nobody_is_sent_to_the_provider_by_another_site(at: Wire) -> None:
    at.name()
    assert at.browser.get(login_address()).status_code == 403
    begin_sign_in(at.app, at.name(), "/")
    assert at.browser.get("/auth/login", params={"provider": "made up"}).status_code == 502
    assert at.leave()["state"]


def test_06_pkce_goes_along(at: Wire) -> None:
    begin_sign_in(at.app, at.name(), "/")
    asked = at.leave()
    assert asked["code_challenge_method"] == "S256"
    at.come_back(asked)
    (verifier,) = parse_qs(at.token_calls[0].content.decode())["code_verifier"]
    digest = hashlib.sha256(verifier.encode()).digest()
    assert urlsafe_b64encode(digest).rstrip(b"=").decode() == asked["code_challenge"]


def test_08_the_redirect_uri_is_ours_whatever_is_asked(at: Wire) -> None:
    begin_sign_in(at.app, at.name(), "/")
    answer = at.browser.get(login_address(), headers={"x-forwarded-host": "evil.example"})
    (asked,) = parse_qs(answer.headers["location"].split("?", 1)[1])["redirect_uri"]
    assert asked == "http://localhost:8501/oauth2callback"


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_09_nobody_is_led_off_this_host(at: Wire, target: str) -> None:
    assert follow(at, at.sign_in(target)).headers["location"] == "/"


@pytest.mark.parametrize(
    "query",
    [
        "code=a&code=b&state={state}",
        "code=a&state={state}&state=other",
        "code=" + "x" * 60_000 + "&state={state}",
        "error=%3Cscript%3Ealert(1)%3C/script%3E&error_description=%1b[31m&state={state}",
        "error=access_denied",
        "state={state}",
        "code=a",
        "code=a&state=",
        "code=a&state=unknown",
        "code=a&state=%00%ff",
        "",
    ],
)
def test_10_odd_answers_are_refused_and_not_repeated(at: Wire, query: str) -> None:
    begin_sign_in(at.app, at.name(), "/")
    asked = at.leave()
    at.answer(asked)
    answer = at.browser.get("/oauth2callback?" + query.format(state=asked["state"]))
    assert answer.status_code in {400, 403}
    assert "<script>alert" not in answer.text
    assert "\x1b" not in answer.text
    assert at.token_calls == []
    assert signed_in(at) is None


def test_13_no_token_gets_to_the_browser(at: Wire) -> None:
    answers = [at.sign_in("/registrations")]
    answers.append(follow(at, answers[0]))
    tokens = (ACCESS_TOKEN, at.id_tokens[0], SSO.client_secret.get_secret_value())
    shown = [f"{answer.url} {answer.headers} {answer.text}" for answer in answers]
    shown += [f"{name}={value}" for name, value in at.browser.cookies.items()]
    assert not [text for text in shown for token in tokens if token in text]
    assert not [name for name in at.browser.cookies if name.startswith("_streamlit_user")]
    assert not [text for text in shown if "_streamlit_user" in text]


def test_13_cookies_of_streamlits_own_sign_in_are_thrown_away(at: Wire) -> None:
    held = ("_streamlit_user", "_streamlit_user_1", "_streamlit_user_tokens", "_streamlit_user_tokens_1")
    for name in held:
        at.browser.cookies.set(name, "left by somebody", domain="localhost.local", path="/")
    follow(at, at.sign_in())
    assert not [name for name in at.browser.cookies if name.startswith("_streamlit_user")]
    for name in held:
        at.browser.cookies.set(name, "left by somebody", domain="localhost.local", path="/")
    at.browser.get("/session/end", headers={"sec-fetch-site": "same-origin"})
    assert not [name for name in at.browser.cookies if name.startswith("_streamlit_user")]


def test_13_nothing_here_asks_streamlit_who_is_there() -> None:
    """Its cookie says so for thirty days; only our session counts."""
    asking = [
        path.name
        for folder in ("core", "dashboard", "pages")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"st.user", "st.experimental_user"}
    ]
    assert asking == []


@pytest.mark.parametrize(
    "said",
    [
        {"aud": "another app"},
        {"aud": "another app", "azp": "clickker"},
        {"aud": ["clickker", "another app"], "azp": "clickker"},
        {"iss": "https://elsewhere.test"},
        {"iss": None},
        {"nonce": "of another sign-in"},
        {"nonce": None},
        {"exp": 1},
        {"exp": None},
        {"sub": "somebody else"},
        {"sub": None},
    ],
)
def test_a_token_for_another_app_person_or_moment_lets_nobody_in(at: Wire, said: dict[str, Any]) -> None:
    answer = at.sign_in("/", **said)
    assert answer.status_code == 403
    assert "You are not signed in" in answer.text
    assert len(at.token_calls) == 1
    assert signed_in(at) is None
    follow(at, at.sign_in())


def by_hand(algorithm: str) -> Callable[[dict[str, object]], str]:
    """Signs not at all, or with the provider's public key as if that were a secret."""

    def sign(claims: dict[str, object]) -> str:
        head = {"alg": algorithm, "kid": "one"}
        text = b".".join(urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (head, claims))
        digest = hmac.digest(KEY.as_pem(private=False), text, "sha256") if algorithm == "HS256" else b""
        return (text + b"." + urlsafe_b64encode(digest).rstrip(b"=")).decode()

    return sign


@pytest.mark.parametrize(
    "sign",
    [
        lambda claims: signed(claims, RSAKey.generate_key(2048, parameters={"kid": "one"})),
        lambda claims: signed(claims, KEY)[:-4] + "AAAA",
        by_hand("none"),
        by_hand("HS256"),
        lambda _claims: "no token",
    ],
    ids=["another key", "a changed signature", "no signature", "the public key as a secret", "no token"],
)
def test_a_token_that_the_provider_did_not_sign_lets_nobody_in(
    at: Wire, sign: Callable[[dict[str, object]], str]
) -> None:
    at.sign = sign
    assert at.sign_in().status_code == 403
    assert len(at.token_calls) == 1
    assert signed_in(at) is None


@pytest.mark.parametrize(
    "trouble",
    [
        httpx.ConnectError("no route"),
        httpx.ReadTimeout("slow"),
        httpx.Response(500, text="<html>"),
        httpx.Response(400, json={"error": "invalid_grant", "error_description": "<script>"}),
        httpx.Response(200, json={"token_type": "Bearer", "access_token": ACCESS_TOKEN}),
        httpx.Response(200, text="not JSON"),
    ],
)
def test_32_when_the_provider_fails_nobody_is_let_in(
    at: Wire, trouble: httpx.Response | Exception, capfd: pytest.CaptureFixture[str]
) -> None:
    begin_sign_in(at.app, at.name(), "/")
    asked = at.leave()
    at.router.post(TOKEN_URL).mock(side_effect=[trouble])
    answer = at.browser.get("/oauth2callback", params={"code": "a-code", "state": asked["state"]})
    assert answer.status_code == 403
    assert "Contoso did not succeed" in answer.text
    assert "script" not in answer.text
    assert signed_in(at) is None
    written = "".join(capfd.readouterr())
    for secret in (ACCESS_TOKEN, SSO.client_secret.get_secret_value(), "a-code"):
        assert secret not in written


def test_32_a_provider_out_of_reach_is_said(at: Wire) -> None:
    begin_sign_in(at.app, at.name(), "/")
    at.router.get(SSO.metadata_url).mock(side_effect=httpx.ConnectError("no route"))
    answer = at.browser.get(login_address())
    assert answer.status_code == 502
    assert "Contoso cannot be reached" in answer.text
    assert "no route" not in answer.text


def test_the_disabled_are_refused(at: Wire, alice: CurrentOperator) -> None:
    number = add_operator(at.app, "anna@clickker.test", "Anna", Role.ADMIN, "a herring in the tea")
    disable(at.app, CurrentOperator(number, "anna@clickker.test", "Anna", Role.ADMIN), alice.id)
    answer = at.sign_in()
    assert answer.status_code == 403
    assert "disabled" in answer.text
    assert signed_in(at) is None


def test_22_the_session_before_has_ended(at: Wire) -> None:
    follow(at, at.sign_in())
    before = at.browser.cookies[session_cookie(at.app.settings)]
    follow(at, at.sign_in())
    assert session_operator(at.app, before) is None
    assert signed_in(at)


def test_28_confirming_asks_the_provider_for_the_password_again(at: Wire) -> None:
    follow(at, at.sign_in())
    who = signed_in(at)
    assert who
    begin_confirm(at.app, who, at.name(), "/registration?id=7")
    asked = at.leave(CONFIRM_ENTRY)
    assert (asked["prompt"], asked["max_age"]) == ("login", "0")
    answer = at.come_back(asked)
    assert answer.headers["location"] == "/registration?id=7"
    assert is_fresh(at.app, who)
    begin_confirm(at.app, who, at.name(), "/registration?id=7")
    refused = at.come_back(at.leave(CONFIRM_ENTRY), auth_time=1)
    assert "did not ask for your password just now" in refused.text


def test_31_knocking_without_end_is_stopped(at: Wire) -> None:
    answers = [at.browser.get("/oauth2callback").status_code for _round in range(40)]
    assert answers[:30] == [403] * 30
    assert 429 in answers


@pytest.mark.parametrize("path", ["/auth/logout", "/auth/login/", "/auth/", "/oauth2callback/", "/auth/x"])
def test_what_single_sign_on_does_not_need_stays_closed(at: Wire, path: str) -> None:
    assert at.browser.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/auth/login", "/oauth2callback", "/auth/logout"])
def test_without_single_sign_on_all_of_it_is_closed(
    app: Application, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    closed = with_sso(app, sso=SingleSignOn())
    with wire(closed, monkeypatch) as made:
        assert made.browser.get(path).status_code == 404


def test_26_on_https_streamlits_cookie_of_the_state_is_secure(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    secure = with_sso(app, public_url="https://connections.clickker.test")
    with wire(secure, monkeypatch) as made:
        begin_sign_in(secure, made.name(), "/")
        answer = made.browser.get(login_address())
        (cookie,) = [
            line for line in answer.headers.get_list("set-cookie") if line.startswith("_streamlit_session")
        ]
        assert "Secure" in cookie
        assert "httponly" in cookie.lower()
        assert "samesite=lax" in cookie.lower()
