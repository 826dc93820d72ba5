"""Calls to Exact Online: what is sent, and what each answer means. One answer at a time, by respx."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
import respx
from pydantic import SecretStr

from core import clock
from core.errors import SettingsError
from core.exact.client import ExactClient
from core.exact.errors import ExactError, FailureKind
from core.exact.rows import Division, Me
from core.exact.selecting import Fields, to_leave_out
from core.settings import ExactApp, Settings

HOST = "https://start.exactonline.nl"
ME = f"{HOST}/api/v1/current/Me"
DIVISIONS = f"{HOST}/api/v1/1/system/Divisions"
TOKEN = f"{HOST}/api/oauth2/token"
SECRET = "canary-client-secret"
ROW = {
    "Code": 123456,
    "Description": " Test B.V. ",
    "CustomerName": "Test",
    "Country": "NL ",
    "Currency": "EUR",
    "VATNumber": "NL001234567B01",
    "Status": 1,
    "BlockingStatus": 0,
}
USER_ID = "C8D0AAAA-0000-4000-8000-000000000001"
PERSON: dict[str, Any] = {
    "UserID": USER_ID,
    "UserName": "jan",
    "FullName": "Jan Jansen",
    "Email": "jan@testbv.example",
    "CurrentDivision": 797636,
}


@pytest.fixture
def client() -> Iterator[ExactClient]:
    app = ExactApp(client_id="the-id", client_secret=SecretStr(SECRET))
    made = ExactClient(Settings(exact={"nl": app}))
    yield made
    made.close()


@pytest.fixture
def exact() -> Iterator[respx.MockRouter]:
    with respx.mock(assert_all_called=False) as router:
        yield router


def listed(*rows: Any, following: Any = None) -> httpx.Response:
    inner: dict[str, Any] = {"results": list(rows)}
    return httpx.Response(200, json={"d": inner | ({"__next": following} if following is not None else {})})


def failure(exact: respx.MockRouter, client: ExactClient, response: httpx.Response | Exception) -> ExactError:
    route = exact.get(ME)
    if isinstance(response, Exception):
        route.mock(side_effect=response)
    else:
        route.mock(return_value=response)
    with pytest.raises(ExactError) as caught:
        client.me("nl", "access")
    return caught.value


def test_a_code_becomes_a_pair(exact: respx.MockRouter, client: ExactClient) -> None:
    answer = {"access_token": "a", "token_type": "bearer", "expires_in": "600", "refresh_token": "r"}
    route = exact.post(TOKEN).respond(200, json=answer)
    before = clock.now()
    pair = client.exchange("nl", "the!code", "v" * 43)
    assert (pair.access_token, pair.refresh_token) == ("a", "r")
    assert before + timedelta(seconds=600) <= pair.expires_at <= clock.now() + timedelta(seconds=600)
    request = route.calls.last.request
    assert parse_qs(request.content.decode())["code"] == ["the!code"]
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "authorization" not in request.headers  # a Bearer header makes Exact answer 401 here


def test_a_refresh_sends_the_token_once(exact: respx.MockRouter, client: ExactClient) -> None:
    route = exact.post(TOKEN).respond(503)
    with pytest.raises(ExactError) as caught:
        client.refresh("nl", "r!1")
    assert caught.value.kind == FailureKind.OUTAGE
    assert route.call_count == 1


def test_me_tells_who_gave_consent(exact: respx.MockRouter, client: ExactClient) -> None:
    route = exact.get(ME).mock(return_value=listed(PERSON | {"__metadata": {}}))
    assert client.me("nl", "access") == Me(
        USER_ID.lower(),
        "jan",
        "Jan Jansen",
        "jan@testbv.example",
        797636,
    )
    headers = route.calls.last.request.headers
    assert headers["authorization"] == "Bearer access"
    assert headers["accept"] == "application/json"


def test_me_may_be_a_bare_list(exact: respx.MockRouter, client: ExactClient) -> None:
    exact.get(ME).respond(200, json={"d": [PERSON]})
    assert client.me("nl", "access").user_name == "jan"


def test_names_are_made_harmless(exact: respx.MockRouter, client: ExactClient) -> None:
    exact.get(ME).mock(
        return_value=listed(PERSON | {"FullName": "Jan\r\n\x1b[31m\u202eJansen", "Email": None})
    )
    me = client.me("nl", "access")
    assert (me.full_name, me.email) == ("Jan Jansen", None)


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"d": None},
        {"d": "text"},
        {"d": {"results": None}},
        {"d": {"results": "text"}},
        {"d": {"results": [1]}},
        {"d": {"results": []}},
        {"d": []},
        {"d": {"results": [{}]}},
        {"d": {"results": [{"UserID": None}]}},
        {"d": {"results": [{"UserID": ["x"]}]}},
        {"d": {"results": [PERSON], "__next": 5}},
        {"error": {"message": {"value": "odd"}}},
    ],
)
def test_an_answer_of_another_shape_is_unknown(
    exact: respx.MockRouter, client: ExactClient, body: object
) -> None:
    exact.get(ME).respond(200, json=body)
    with pytest.raises(ExactError) as caught:
        client.me("nl", "access")
    assert caught.value.kind == FailureKind.UNKNOWN


def test_divisions_are_read_trimmed(exact: respx.MockRouter, client: ExactClient) -> None:
    exact.get(DIVISIONS).mock(return_value=listed(ROW))
    assert client.divisions("nl", "access", 1) == (
        Division(123456, "Test B.V.", "Test", "NL", "EUR", "NL001234567B01", 1, 0),
    )


def test_division_codes_may_be_64_bits_or_text(exact: respx.MockRouter, client: ExactClient) -> None:
    codes = [2**53 + 1, " 77 ", 2**63, -1, True, None, "x", 1.5, "9" * 5000]
    exact.get(DIVISIONS).mock(return_value=listed(*(ROW | {"Code": code} for code in codes)))
    assert [d.code for d in client.divisions("nl", "access", 1)] == [2**53 + 1, 77]


def test_nulls_in_a_division_are_no_surprise(exact: respx.MockRouter, client: ExactClient) -> None:
    exact.get(DIVISIONS).mock(return_value=listed(dict.fromkeys(ROW) | {"Code": 5}))
    nothing_said = (None, None, None, None, None, None, None)
    assert client.divisions("nl", "access", 1) == (Division(5, *nothing_said),)


def test_all_pages_are_read_once_each(exact: respx.MockRouter, client: ExactClient) -> None:
    second = f"{DIVISIONS}?$select=Code&$skiptoken=60"
    exact.get(url=second).mock(return_value=listed(ROW | {"Code": 2}, ROW | {"Code": 1}))
    exact.get(DIVISIONS).mock(return_value=listed(ROW | {"Code": 1}, following=second))
    assert [d.code for d in client.divisions("nl", "access", 1)] == [1, 2]


def test_what_exact_says_on_a_later_page_is_kept(exact: respx.MockRouter, client: ExactClient) -> None:
    second = f"{DIVISIONS}?$select=Code&$skiptoken=60"
    exact.get(url=second).respond(
        403, json={"error": {"code": "LicenseExpired", "message": {"value": "Forbidden"}}}
    )
    exact.get(DIVISIONS).mock(return_value=listed(ROW, following=second))
    with pytest.raises(ExactError) as caught:
        client.divisions("nl", "access", 1)
    assert "LicenseExpired" in caught.value.exact_message


def test_a_row_that_is_null_and_a_country_that_is_no_code_cost_nothing_else(
    exact: respx.MockRouter, client: ExactClient
) -> None:
    exact.get(DIVISIONS).mock(return_value=listed(None, ROW | {"Country": "Netherlands"}))
    [found] = client.divisions("nl", "access", 1)
    assert (found.code, found.country, found.currency) == (123456, None, "EUR")


@pytest.mark.parametrize(
    ("words", "left_out"),
    [
        ("Bad Request. HTTP Status 400", {"*"}),
        ("Bad Request: see description", {"*"}),
        ("Could not find a property named 'status' on type 'Division'.", {"Status"}),
        ("Could not find a property named Status on type Division.", {"Status"}),
    ],
)
def test_only_a_field_that_is_named_is_left_out(words: str, left_out: set[str]) -> None:
    fields = Fields("system/Divisions", "Code", ("Description", "Status"))
    error = ExactError(FailureKind.BAD_REQUEST, exact_message=words, status=400)
    assert to_leave_out(error, fields, ()) == left_out


@pytest.mark.parametrize(
    "following",
    [
        "https://evil.example/api/v1/1/system/Divisions?$skiptoken=1",
        "https://start.exactonline.nl.evil.example/api/v1/1/system/Divisions",
        "https://start.exactonline.nl@evil.example/api/v1/1/system/Divisions",
        "http://start.exactonline.nl/api/v1/1/system/Divisions?x",
        "https://start.exactonline.nl:444/api/v1/1/system/Divisions",
        "https://start.exactonline.nl/elsewhere",
        "https://start.exactonline.nl/api/v1/../oauth2/token",
        "https://start.exactonline.nl/api/v1/%2e%2e/x",
        "https://start.exactonline.nl/other/api/v1/1/system/Divisions",
        "//evil.example/api/v1/x",
        "https://[::1/api/v1/x",
        "javascript:alert(1)",
    ],
)
def test_the_token_does_not_follow_a_next_page_elsewhere(
    exact: respx.MockRouter, client: ExactClient, following: str
) -> None:
    exact.get(DIVISIONS).mock(return_value=listed(ROW, following=following))
    with pytest.raises(ExactError) as caught:
        client.divisions("nl", "access", 1)
    assert caught.value.kind == FailureKind.UNKNOWN
    assert len(exact.calls) == 1


def test_pages_that_go_round_come_to_an_end(exact: respx.MockRouter, client: ExactClient) -> None:
    again = f"{DIVISIONS}?$skiptoken=1"
    exact.get(DIVISIONS).mock(return_value=listed(ROW, following=again))
    with pytest.raises(ExactError):
        client.divisions("nl", "access", 1)
    assert len(exact.calls) == 2


def test_pages_without_end_come_to_an_end(exact: respx.MockRouter, client: ExactClient) -> None:
    def page(request: httpx.Request) -> httpx.Response:
        return listed(ROW, following=f"{DIVISIONS}?$skiptoken={len(exact.calls)}")

    exact.get(DIVISIONS).mock(side_effect=page)
    with pytest.raises(ExactError):
        client.divisions("nl", "access", 1)
    assert len(exact.calls) == 200


def test_a_stale_division_in_the_address_gives_way_to_another(
    exact: respx.MockRouter, client: ExactClient
) -> None:
    forbidden = {"error": {"code": "", "message": {"lang": "", "value": "Forbidden - WrongDivision"}}}
    exact.get(DIVISIONS).respond(403, json=forbidden)
    exact.get(f"{HOST}/api/v1/2/system/Divisions").mock(return_value=listed(ROW))
    assert len(client.divisions("nl", "access", [None, 1, 1, 2, 3])) == 1
    assert len(exact.calls) == 2


def test_the_first_refusal_is_told_when_all_numbers_are_refused(
    exact: respx.MockRouter, client: ExactClient
) -> None:
    forbidden = {"error": {"code": "", "message": {"lang": "", "value": "Forbidden - WrongDivision"}}}
    exact.get(url__regex=".*/system/Divisions.*").respond(403, json=forbidden)
    with pytest.raises(ExactError) as caught:
        client.divisions("nl", "access", range(1, 50))
    assert caught.value.exact_message == "Forbidden - WrongDivision"
    assert len(exact.calls) == 6  # Exact blocks an app after ten errors
    with pytest.raises(ExactError):
        client.divisions("nl", "access", [])


def test_another_failure_is_not_tried_with_another_number(
    exact: respx.MockRouter, client: ExactClient
) -> None:
    exact.get(DIVISIONS).respond(401)
    with pytest.raises(ExactError) as caught:
        client.divisions("nl", "access", [1, 2])
    assert caught.value.kind == FailureKind.NOT_AUTHENTICATED
    assert len(exact.calls) == 1


def test_a_probe_asks_for_the_division_itself(exact: respx.MockRouter, client: ExactClient) -> None:
    route = exact.get(DIVISIONS, params={"$filter": "Code eq 1"}).mock(return_value=listed({"Code": 1}))
    client.probe("nl", "access", 1)
    route.mock(return_value=listed())
    with pytest.raises(ExactError) as caught:
        client.probe("nl", "access", 1)
    assert caught.value.kind == FailureKind.FORBIDDEN


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (httpx.Response(401), FailureKind.NOT_AUTHENTICATED),
        (httpx.Response(403), FailureKind.FORBIDDEN),
        (httpx.Response(400, json={"error": {"message": {"value": "bad"}}}), FailureKind.BAD_REQUEST),
        (httpx.Response(404), FailureKind.BAD_REQUEST),
        (httpx.Response(405), FailureKind.BAD_REQUEST),
        (httpx.Response(429), FailureKind.RATE_LIMITED),
        (httpx.Response(500), FailureKind.OUTAGE),
        (httpx.Response(503, html="<html>"), FailureKind.OUTAGE),
        (httpx.Response(200, html="<html>maintenance"), FailureKind.OUTAGE),
        (
            httpx.Response(200, text="<feed/>", headers={"content-type": "application/atom+xml"}),
            FailureKind.UNKNOWN,
        ),
        (httpx.Response(200, text="{}", headers={"content-type": "text/plain"}), FailureKind.UNKNOWN),
        (httpx.Response(200, text="{", headers={"content-type": "application/json"}), FailureKind.UNKNOWN),
        (httpx.Response(204), FailureKind.UNKNOWN),
        (httpx.Response(302, headers={"location": "https://evil.example"}), FailureKind.UNKNOWN),
        (httpx.ConnectError("refused"), FailureKind.NOT_SENT),
        (httpx.ConnectTimeout("late"), FailureKind.NOT_SENT),
        (httpx.PoolTimeout("busy"), FailureKind.NOT_SENT),
        (httpx.ReadTimeout("late"), FailureKind.UNKNOWN),
        (httpx.WriteError("reset"), FailureKind.UNKNOWN),
        (httpx.ReadError("reset"), FailureKind.UNKNOWN),
        (httpx.RemoteProtocolError("cut"), FailureKind.UNKNOWN),
        (httpx.DecodingError("gzip"), FailureKind.UNKNOWN),
        (httpx.InvalidURL("odd"), FailureKind.UNKNOWN),
    ],
)
def test_every_failure_has_its_kind(
    exact: respx.MockRouter, client: ExactClient, response: httpx.Response | Exception, kind: FailureKind
) -> None:
    error = failure(exact, client, response)
    assert error.kind == kind
    # A bare 400 may be about a field that is asked for: it is asked once more without a choice of fields.
    bare = isinstance(response, httpx.Response) and response.status_code == 400
    assert len(exact.calls) == (2 if bare else 1)


def test_a_limit_says_when_it_ends(exact: respx.MockRouter, client: ExactClient) -> None:
    moment = clock.now().replace(microsecond=0) + timedelta(minutes=1)
    headers = {"X-RateLimit-Minutely-Reset": str(int(moment.timestamp()) * 1000)}
    assert failure(exact, client, httpx.Response(429, headers=headers)).retry_at == moment


def test_an_answer_that_is_too_large_is_not_read_to_its_end(
    exact: respx.MockRouter, client: ExactClient
) -> None:
    exact.post(TOKEN).respond(200, content=b'{"refresh_token":"r"}' + b" " * 65_536)
    with pytest.raises(ExactError) as caught:
        client.refresh("nl", "r")
    assert caught.value.kind == FailureKind.UNKNOWN


def test_no_secret_is_in_a_log_or_an_error(
    exact: respx.MockRouter, client: ExactClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    canaries = (SECRET, "canary-refresh", "canary-access", "canary-code", "canary-next")
    answer = {"access_token": "canary-access", "refresh_token": "canary-next", "expires_in": "600"}
    exact.post(TOKEN).respond(200, json=answer)
    shown = [repr(client.refresh("nl", "canary-refresh")), repr(client), repr(vars(client))]
    for response in (httpx.Response(401, json={"error": "x"}), httpx.ReadTimeout("late")):
        exact.post(TOKEN).mock(side_effect=[response])
        with pytest.raises(ExactError) as caught:
            client.exchange("nl", "canary-code", "v" * 43)
        error = caught.value
        assert error.__cause__ is None
        assert error.__context__ is None
        shown += [repr(error), str(error), repr(vars(error))]
    shown.append(caplog.text)
    assert not [canary for canary in canaries if any(canary in text for text in shown)]


def test_an_environment_that_is_not_usable_gets_no_call(exact: respx.MockRouter, client: ExactClient) -> None:
    for environment in ("xx", ""):
        with pytest.raises(SettingsError):
            client.refresh(environment, "r")
    assert not exact.calls


def test_a_closed_client_opens_again(exact: respx.MockRouter, client: ExactClient) -> None:
    exact.get(ME).mock(return_value=listed(PERSON))
    client.me("nl", "access")
    client.close()
    assert client.me("nl", "access").user_name == "jan"


def test_answers_carry_the_moment_they_came(exact: respx.MockRouter, client: ExactClient) -> None:
    exact.post(TOKEN).respond(200, content=json.dumps({"refresh_token": "r", "expires_in": "60"}).encode())
    with clock.shifted(datetime(2030, 1, 1, tzinfo=UTC) - clock.now()):
        assert client.refresh("nl", "r").expires_at.year == 2030
