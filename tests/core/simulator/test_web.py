"""The simulator over HTTP: the customer's pages, the app's calls, the control endpoint."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from starlette.testclient import TestClient

from core.simulator.data import DEMO_PASSWORD
from core.simulator.engine import Engine
from core.simulator.web import COOKIE, create_app
from tests.core.simulator.conftest import ACCOUNTANT, CALLBACK, CONFIG, TEST_BV, made_engine

LOOPBACK = ("127.0.0.1", 50000)


def browser_of(engine: Engine, client: tuple[str, int] = LOOPBACK) -> TestClient:
    app: Any = create_app(engine)
    headers = {"Accept-Language": "en"}
    return TestClient(app, "http://127.0.0.1", client=client, headers=headers, follow_redirects=False)


@pytest.fixture
def browser(engine: Engine) -> Iterator[TestClient]:
    with browser_of(engine) as opened:
        yield opened


def authorize(browser: TestClient, prefix: str = "/nl", **changes: str) -> httpx.Response:
    query = {
        "client_id": "1111-nl",
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "state": "st",
        **changes,
    }
    answer: httpx.Response = browser.get(f"{prefix}/api/oauth2/auth?{urlencode(query)}")
    return answer


def open_form(browser: TestClient, **changes: str) -> tuple[str, str]:
    """The address of the form, and its csrf token."""
    address = authorize(browser, force_login="1", **changes).headers["location"]
    return address, csrf_of(browser.get(address).text)


def csrf_of(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found
    return found.group(1)


def log_in(
    browser: TestClient, user: str = TEST_BV, word: str = DEMO_PASSWORD
) -> tuple[str, str, httpx.Response]:
    address, csrf = open_form(browser)
    form = {"csrf": csrf, "user_name": user, "password": word}
    return address, csrf, browser.post(f"{address}/login", data=form)


def decide(browser: TestClient, address: str, csrf: str, **form: Any) -> httpx.Response:
    answer: httpx.Response = browser.post(f"{address}/decide", data={"csrf": csrf, **form})
    return answer


def query_of(answer: httpx.Response) -> dict[str, list[str]]:
    assert answer.headers["location"].startswith(f"{CALLBACK}?")
    return parse_qs(urlsplit(answer.headers["location"]).query)


ALLOW = {"action": "allow", "which": "all", "terms": "yes", "use_of_data": "yes"}


def test_the_customer_walks_the_pages_of_the_manual(browser: TestClient, engine: Engine) -> None:
    address, csrf = open_form(browser)
    login = browser.get(address).text
    assert all(word in login for word in ("User name", "Password", "Next", "This is not Exact Online"))
    address, csrf, answer = log_in(browser)
    assert answer.status_code == 303
    consent = browser.get(address).text
    words = ("All current and future administrations", "Select all", "I accept the terms", "Allow", "Deny")
    assert all(
        word in consent for word in (*words, "I accept the use of data", "Test Webshop B.V.", "archived")
    )
    query = query_of(
        decide(browser, address, csrf, **{**ALLOW, "which": "chosen", "division": ["1001001", "7"]})
    )
    assert query["state"] == ["st"] and query["code"][0].startswith("stampNL001.")
    token = browser.post("/nl/api/oauth2/token", data=exchange_form(query["code"][0]))
    headers = {"Authorization": f"Bearer {token.json()['access_token']}", "Accept": "application/json"}
    rows = browser.get("/nl/api/v1/1/system/Divisions?$select=Code", headers=headers).json()["d"]["results"]
    assert [row["Code"] for row in rows] == [1001001]


def exchange_form(code: str) -> dict[str, str]:
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "client_id": "1111-nl",
        "client_secret": "secret-nl",
    }


def test_deny_goes_back_with_access_denied(browser: TestClient) -> None:
    address, csrf, _ = log_in(browser)
    query = query_of(decide(browser, address, csrf, action="deny"))
    assert query["error"] == ["access_denied"] and query["state"] == ["st"] and query["error_description"]
    assert browser.get(address).status_code == 410


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"client_id": "2222-be"}, "Client with identifier '2222-be' not found."),
        ({"client_id": "<script>"}, "Client with identifier '<script>' not found."),
        ({"redirect_uri": CALLBACK + "/"}, f"Callback URI '{CALLBACK}/' is not valid"),
        ({"response_type": "token"}, "Invalid authorization request"),
    ],
)
def test_a_wrong_request_ends_on_a_page(browser: TestClient, changes: dict[str, str], text: str) -> None:
    answer = authorize(browser, **changes)
    assert answer.status_code == 400
    assert f'<h1 class="plain">{html.escape(text).replace("&#x27;", "&#39;")}</h1>' in answer.text


def test_the_bare_root_is_the_netherlands_and_belgium_has_its_own(browser: TestClient) -> None:
    assert authorize(browser, "").headers["location"].startswith("/nl/consent/")
    assert authorize(browser, "/be", client_id="2222-be").headers["location"].startswith("/be/consent/")
    assert authorize(browser, "/be").status_code == 400
    assert authorize(browser, "/xx").status_code == 404


def test_a_wrong_password_stays_on_the_login_page(browser: TestClient) -> None:
    _, _, answer = log_in(browser, word="wrong")
    assert answer.status_code == 422 and "The user name or the password is not right." in answer.text
    assert f'value="{TEST_BV}"' in answer.text and "wrong&#34;" not in answer.text


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({**ALLOW, "which": "chosen"}, "Choose at least one administration."),
        ({**ALLOW, "which": "chosen", "division": "2000001"}, "Choose at least one administration."),
        ({**ALLOW, "terms": ""}, "Accept the terms and the use of data"),
        ({**ALLOW, "use_of_data": ""}, "Accept the terms and the use of data"),
    ],
)
def test_an_incomplete_form_comes_back_with_the_reason(
    browser: TestClient, form: dict[str, str], problem: str
) -> None:
    address, csrf, _ = log_in(browser)
    answer = decide(browser, address, csrf, **form)
    assert answer.status_code == 422 and problem in answer.text
    assert decide(browser, address, csrf, **ALLOW).status_code == 303


def test_select_all_works_without_javascript(browser: TestClient) -> None:
    address, csrf, _ = log_in(browser, ACCOUNTANT)
    page = decide(browser, address, csrf, action="select_all", which="chosen").text
    assert (
        page.count('name="division"') == len(re.findall(r'name="division" value="\d+" checked', page)) == 72
    )


def test_a_form_belongs_to_its_browser_and_its_token(browser: TestClient, engine: Engine) -> None:
    address, csrf, _ = log_in(browser)
    assert decide(browser, address, "forged", **ALLOW).status_code == 410
    with browser_of(engine) as stranger:
        assert stranger.get(address).status_code == 410
        open_form(stranger)
        assert stranger.get(address).status_code == 410
        assert decide(stranger, address, csrf, **ALLOW).status_code == 410
    assert decide(browser, address, csrf, **ALLOW).status_code == 303
    assert decide(browser, address, csrf, **ALLOW).status_code == 410


def test_a_form_ends_after_half_an_hour(browser: TestClient, engine: Engine) -> None:
    address, _csrf, _ = log_in(browser)
    engine.advance(1801)
    assert browser.get(address).status_code == 410


def test_allow_needs_a_login(browser: TestClient) -> None:
    address, csrf = open_form(browser)
    assert decide(browser, address, csrf, **ALLOW).status_code == 410


def test_without_force_login_the_session_is_reused(browser: TestClient, engine: Engine) -> None:
    address, csrf, _ = log_in(browser)
    consent = browser.get(authorize(browser, force_login="0").headers["location"]).text
    assert "You are logged in as Tessa Test" in consent
    decide(browser, address, csrf, **ALLOW)
    assert "code" in query_of(authorize(browser))
    assert authorize(browser, force_login="1").headers["location"].startswith("/nl/consent/")
    engine.configure(pass_through=False)
    assert authorize(browser).headers["location"].startswith("/nl/consent/")


def test_pages_lock_themselves_down(browser: TestClient) -> None:
    answer = authorize(browser, force_login="1")
    assert "httponly" in answer.headers["set-cookie"].lower() and COOKIE in answer.headers["set-cookie"]
    page = browser.get(answer.headers["location"])
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "form-action 'self' https://clickker.example;" in policy
    assert page.headers["referrer-policy"] == "no-referrer"
    assert (
        browser.get("/simulator/style.css").status_code
        == browser.get("/simulator/search.js").status_code
        == 200
    )


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("no_code", {"state": ["st"]}),
        ("no_state", {"code": 1}),
        ("wrong_state", {"code": 1, "state": ["not-the-state-that-was-sent"]}),
        ("doubled_code", {"code": 2, "state": ["st"]}),
    ],
)
def test_the_browser_may_come_back_oddly(
    browser: TestClient, engine: Engine, fault: str, expected: dict[str, Any]
) -> None:
    engine.add_fault(fault)
    address, csrf, _ = log_in(browser)
    query: dict[str, Any] = dict(query_of(decide(browser, address, csrf, **ALLOW)))
    if "code" in query:
        query["code"] = len(query["code"])
    assert query == expected


def test_the_authorize_page_may_fail(browser: TestClient, engine: Engine) -> None:
    engine.add_fault("provider_error")
    assert query_of(authorize(browser))["error"] == ["server_error"]
    engine.add_fault("maintenance", endpoint="authorize")
    assert "maintenance" in authorize(browser).text
    assert authorize(browser).status_code == 302


def test_nothing_answers_until_it_is_switched_on() -> None:
    with browser_of(made_engine(replace(CONFIG, enabled=False))) as closed:
        paths = (
            "/api/oauth2/auth",
            "/nl/api/oauth2/token",
            "/api/v1/current/Me",
            "/control",
            "/simulator/style.css",
        )
        assert {closed.get(path).status_code for path in paths} == {404}


def test_pages_link_back_the_way_they_were_asked(browser: TestClient, engine: Engine) -> None:
    token = browser.post("/api/oauth2/token", data=exchange_form(engine.grant_code("nl", ACCOUNTANT))).json()
    headers = {"Authorization": f"Bearer {token['access_token']}", "Accept": "application/json"}
    for prefix in ("", "/nl"):
        document = browser.get(f"{prefix}/api/v1/1/system/Divisions", headers=headers).json()["d"]
        assert document["__next"].startswith(
            f"http://127.0.0.1{prefix}/api/v1/1/system/Divisions?$skiptoken="
        )
        assert len(browser.get(document["__next"], headers=headers).json()["d"]["results"]) == 12


def test_a_huge_body_is_refused(browser: TestClient) -> None:
    assert browser.post("/api/oauth2/token", content=b"x" * (1024 * 1024 + 1)).status_code == 413


# --- Control -------------------------------------------------------------------------------------------------


def test_control_exists_only_when_switched_on() -> None:
    with browser_of(made_engine(replace(CONFIG, control=False))) as without:
        assert without.get("/control").status_code == 404
        assert without.get("/control/tokens").status_code == 404


@pytest.mark.parametrize(
    ("client", "headers"),
    [
        (("10.0.0.7", 1), {}),
        (LOOPBACK, {"X-Forwarded-For": "10.0.0.7"}),
        (LOOPBACK, {"Forwarded": "for=10.0.0.7"}),
        (LOOPBACK, {"Host": "rebound.example"}),
    ],
)
def test_control_answers_this_machine_only(
    engine: Engine, client: tuple[str, int], headers: dict[str, str]
) -> None:
    with browser_of(engine, client) as far:
        assert far.get("/control/tokens", headers=headers).status_code == 404
        assert far.post("/control/reset", json={}, headers=headers).status_code == 404


def test_control_takes_json_only(browser: TestClient) -> None:
    assert browser.post("/control/reset", data={"a": "b"}).status_code == 415
    assert (
        browser.post("/control/reset", content=b"[", headers={"Content-Type": "application/json"}).status_code
        == 400
    )
    assert browser.post("/control/reset", json=[1]).status_code == 400


def test_control_sets_lists_and_clears_faults(browser: TestClient, engine: Engine) -> None:
    where = {"endpoint": "token", "user": TEST_BV}
    answer = browser.post("/control/faults", json={"name": "unavailable", "times": 3, "where": where})
    (pending,) = answer.json()["pending"]
    assert pending["times"] == 3 and pending["where"]["user"] == TEST_BV
    assert browser.get("/control/faults").json()["names"]["rotate_then_drop"]
    engine.add_fault("drop")
    left = browser.delete("/control/faults?name=drop").json()["pending"]
    assert [fault["name"] for fault in left] == ["unavailable"]
    assert browser.delete("/control/faults").json()["pending"] == []


@pytest.mark.parametrize(
    ("method", "path", "document", "status"),
    [
        ("POST", "faults", {"name": "nonsense"}, 400),
        ("POST", "faults", {"name": "drop", "where": "x"}, 400),
        ("POST", "faults", {}, 400),
        ("POST", "clock", {"seconds": -5}, 400),
        ("POST", "clock", {}, 400),
        ("POST", "revoke", {"environment": "nl", "user": "nobody"}, 404),
        ("POST", "settings", {"base_url": "http://x"}, 400),
        ("POST", "settings", {"grace": "endless"}, 400),
        ("POST", "nonsense", {}, 404),
        ("GET", "revoke", None, 405),
    ],
)
def test_control_says_what_was_wrong(
    browser: TestClient, method: str, path: str, document: dict[str, Any] | None, status: int
) -> None:
    answer = browser.request(method, f"/control/{path}", json=document)
    assert answer.status_code == status and answer.json()["error"]


def test_control_drives_a_whole_connection(browser: TestClient, engine: Engine) -> None:
    asked = {
        "environment": "nl",
        "client_id": "1111-nl",
        "user": TEST_BV,
        "redirect_uri": CALLBACK,
        "state": "x",
    }
    url = browser.post("/control/consent", json={**asked, "divisions": [1001001]}).json()["url"]
    code = parse_qs(urlsplit(url).query)["code"][0]
    assert browser.post("/api/oauth2/token", data=exchange_form(code)).status_code == 200
    customer = {"environment": "nl", "user": TEST_BV}
    assert browser.post("/control/scope", json={**customer, "divisions": "all"}).is_success
    assert browser.post(
        "/control/division", json={"environment": "nl", "code": 1001001, "status": 2}
    ).is_success
    assert browser.post("/control/current", json={**customer, "division": 1001002}).is_success
    assert (
        browser.post("/control/divisions", json={**customer, "name": "Test Nieuw B.V."}).json()["code"]
        == 9000001
    )
    (mine,) = [user for user in browser.get("/control/users").json()["users"] if user["user"] == TEST_BV]
    assert [d["code"] for d in mine["divisions"]] == [1001001, 1001002, 1001003, 9000001]
    assert mine["divisions"][0]["status"] == 2 and mine["password"] == "exact-demo"
    before = engine.clock.now()
    assert (
        browser.post("/control/clock", json={"seconds": 600}).json()["now"] == engine.clock.now().isoformat()
    )
    assert (engine.clock.now() - before).total_seconds() == 600
    assert browser.get("/control/calls?endpoint=token").json()["calls"][0]["user"] == TEST_BV
    assert browser.get("/control/tokens").json()["tokens"][0]["condition"] == "live"
    assert browser.post("/control/revoke", json=customer).is_success
    assert browser.get("/control/tokens").json()["tokens"][0]["condition"] == "revoked"
    assert browser.post("/control/settings", json={"grace": "ten_minutes"}).json()["grace"] == "ten_minutes"
    assert engine.config.grace == "ten_minutes" and engine.config.apps == CONFIG.apps
    assert "POST /control/faults" in browser.get("/control").json()["levers"]
    browser.post("/control/reset", json={})
    assert engine.journal() == ()
