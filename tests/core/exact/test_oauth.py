"""The address of consent, and token answers of every shape."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from core.exact.errors import ExactError, FailureKind
from core.exact.oauth import TokenPair, authorize_url, exchange_body, parse_token_answer, refresh_body
from core.settings import ExactApp, Settings

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
JSON = {"Content-Type": "application/json; charset=utf-8"}
ACCESS, REFRESH = "stampNL001.gAAAA" + "a" * 500, "stampNL001.x!IAAAA" + "b" * 900
CHAIN = '{ "error":"invalid_grant","error_description":"Token is not allowed, because of invalid or empty chainId" }'
EXPIRED = (
    r'{"error":"invalid_request","error_description":"The refresh token expired at 10\/11\/2022 9:18:20 PM and it '
    r'is now 10\/28\/2022 4:15:50 PM."}'
)
EARLY = '{ "error":"access_denied","error_description":"Rate limit exceeded: access_token not expired" }'
EARLY_REASON = {"Reason": "TooEarlyToRefreshTokens: Rate limit exceeded: access_token not expired"}
OLD = '{"error":"unauthorized_client","error_description":"Old refresh token used."}'
APIGEE = '{"fault":{"faultstring":"Failed to execute the ExtractVariables: ExtractAccessToken"}}'


@pytest.fixture
def nl() -> Settings:
    app = ExactApp(client_id="{the-id}", client_secret=SecretStr("sec ret&=+"))
    return Settings(exact={"nl": app}, public_url="https://clickker.example/")


def answer(**fields: object) -> bytes:
    whole = {"access_token": ACCESS, "token_type": "bearer", "expires_in": "600", "refresh_token": REFRESH}
    return json.dumps({key: value for key, value in (whole | fields).items() if value != "absent"}).encode()


def parsed(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> TokenPair:
    return parse_token_answer(status, JSON if headers is None else headers, body, AT)


def failed(body: bytes | str, status: int = 200, headers: dict[str, str] | None = None) -> ExactError:
    raw = body.encode() if isinstance(body, str) else body
    with pytest.raises(ExactError) as caught:
        parsed(raw, status, headers)
    return caught.value


def test_the_address_of_consent_carries_everything_and_no_secret(nl: Settings) -> None:
    url = authorize_url(nl, "nl", "the-state", "v" * 43)
    assert url.startswith("https://start.exactonline.nl/api/oauth2/auth?")
    challenge = base64.urlsafe_b64encode(hashlib.sha256(b"v" * 43).digest()).rstrip(b"=").decode()
    assert {key: value[0] for key, value in parse_qs(urlsplit(url).query).items()} == {
        "client_id": "{the-id}",
        "redirect_uri": "https://clickker.example/exact/callback",
        "response_type": "code",
        "state": "the-state",
        "force_login": "1",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    assert "v" * 43 not in url


def test_a_code_is_exchanged_with_a_form(nl: Settings) -> None:
    form = parse_qs(exchange_body(nl, "nl", "stampNL001.x!I+/=", "v" * 43))
    assert form == {
        "grant_type": ["authorization_code"],
        "code": ["stampNL001.x!I+/="],
        "redirect_uri": ["https://clickker.example/exact/callback"],
        "code_verifier": ["v" * 43],
        "client_id": ["{the-id}"],
        "client_secret": ["sec ret&=+"],
    }


def test_a_refresh_token_is_spent_with_a_form(nl: Settings) -> None:
    assert parse_qs(refresh_body(nl, "nl", "a!b")) == {
        "grant_type": ["refresh_token"],
        "refresh_token": ["a!b"],
        "client_id": ["{the-id}"],
        "client_secret": ["sec ret&=+"],
    }


@pytest.mark.parametrize(
    ("body", "life"),
    [
        (answer(), 600),
        (answer(expires_in=600), 600),
        (answer(expires_in=" 540 "), 540),
        (answer(expires_in=599.9), 599),
        (answer(expires_in="1e2"), 100),
        (answer(expires_in="soon"), 600),
        (answer(expires_in=None), 600),
        (answer(expires_in=-1), 600),
        (answer(expires_in=0), 600),
        (answer(expires_in=1), 1),
        (answer(expires_in=86_400), 86_400),
        (answer(expires_in=86_401), 600),
        (answer(expires_in=True), 600),
        (answer(expires_in=[600]), 600),
        (answer(expires_in="inf"), 600),
        (answer(expires_in="NaN"), 600),
        (answer(expires_in=10**400), 600),
        (answer(expires_in="9" * 5000), 600),
        (answer(expires_in="absent"), 600),
        (answer(token_type="Bearer"), 600),
        (answer(token_type="BEARER"), 600),
        (answer(token_type="mac"), 600),
        (answer(token_type=None), 600),
        (answer(token_type="absent"), 600),
        (answer(scope="x", unknown={"deep": [1]}), 600),
        (b"\xef\xbb\xbf" + answer(), 600),
        (b"\xff\xfe" + answer().decode().encode("utf-16-le"), 600),
        (b"\xfe\xff" + answer().decode().encode("utf-16-be"), 600),
        (b"\r\n  " + answer() + b"\r\n", 600),
        (answer()[:-1] + b',"refresh_token":null}', 600),
        (b'{"refresh_token":"older",' + answer()[1:], 600),
        (answer(access_token=" " + ACCESS + "\n"), 600),
    ],
)
def test_no_odd_shape_loses_a_valid_successor(body: bytes, life: int) -> None:
    pair = parsed(body)
    assert (pair.access_token, pair.refresh_token) == (ACCESS, REFRESH)
    assert pair.expires_at == AT + timedelta(seconds=life)


def test_the_content_type_of_a_good_answer_does_not_matter() -> None:
    for headers in ({}, {"content-type": "text/plain"}, {"content-type": "text/html"}):
        assert parsed(answer(), headers=headers).refresh_token == REFRESH
    assert parsed(answer(), status=201).refresh_token == REFRESH


@pytest.mark.parametrize(
    ("token_type", "warns"),
    [("bearer", False), ("BEARER", False), ("mac", True), (None, True), (["bearer"], True)],
)
def test_another_kind_of_token_is_kept_and_the_log_says_so(
    token_type: object, warns: bool, caplog: pytest.LogCaptureFixture
) -> None:
    assert parsed(answer(token_type=token_type)).refresh_token == REFRESH
    assert ("another token_type" in caplog.text) is warns


@pytest.mark.parametrize(
    ("status", "is_good"), [(199, False), (200, True), (299, True), (300, False), (400, False)]
)
def test_a_refresh_token_alone_is_believed_of_a_good_status_only(status: int, is_good: bool) -> None:
    alone = answer(access_token="absent")
    if is_good:
        assert parsed(alone, status).refresh_token == REFRESH
    else:
        assert failed(alone, status).status == status
    assert (
        parsed(answer(), status).refresh_token == REFRESH
    )  # both together are a new pair, whatever the status


def test_a_refresh_token_among_what_was_sent_is_no_answer() -> None:
    echoed = answer(access_token="absent", grant_type="refresh_token")
    assert failed(echoed).kind == FailureKind.UNKNOWN
    assert parsed(answer(grant_type="refresh_token")).refresh_token == REFRESH


@pytest.mark.parametrize("access", [None, "", 5, "absent", "with space", "x" * 20_000, "ünicode", "a\r\nb"])
def test_an_unusable_access_token_does_not_cost_the_refresh_token(access: object) -> None:
    pair = parsed(answer(access_token=access))
    assert (pair.access_token, pair.refresh_token) == ("", REFRESH)


@pytest.mark.parametrize(
    "body",
    [
        answer() + b"trailing",
        answer()[:-1],
        answer()[:-1] + b', "scope": "unfinis',
        b"<html>" + answer() + b"</html>",
        answer() + answer(refresh_token=REFRESH),
    ],
)
def test_tokens_that_stand_whole_in_what_is_no_json_are_kept(body: bytes) -> None:
    assert parsed(body).refresh_token == REFRESH


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"true",
        b"600",
        b'"text"',
        b"[]",
        b"[1,2]",
        b"{}",
        b"{",
        answer()[: len(answer()) // 2],
        answer(refresh_token="absent"),
        answer(refresh_token=None),
        answer(refresh_token=""),
        answer(refresh_token=["x"]),
        answer(refresh_token={"value": "x"}),
        answer(refresh_token="a b"),
        answer(refresh_token="x" * 20_000),
        b"\xff\xff\xff",
        b"\xef\xbb\xbf",
        gzip.compress(answer()),
        b"[" * 60_000,
        b'{"a":' * 20_000,
        b'{"d":{"results":[]}}',
        b"\x00" * 100,
        b"NaN",
        b'"' + b"9" * 10_000 + b'"',
        b"9" * 10_000,
    ],
)
def test_an_answer_without_a_usable_refresh_token_says_nothing_definite(body: bytes) -> None:
    assert failed(body).kind == FailureKind.UNKNOWN


@pytest.mark.parametrize(
    ("status", "body", "headers", "kind"),
    [
        (401, OLD, {}, FailureKind.REFUSED),
        (400, OLD, {}, FailureKind.REFUSED),
        (400, CHAIN, {}, FailureKind.REFUSED),
        (400, EXPIRED, {}, FailureKind.REFUSED),
        (400, EARLY, EARLY_REASON, FailureKind.TOO_EARLY),
        (400, EARLY, {}, FailureKind.TOO_EARLY),
        (400, "", EARLY_REASON, FailureKind.TOO_EARLY),
        (400, '{"error":"access_denied"}', {"Reason": "TooEarlyToRefreshTokens"}, FailureKind.TOO_EARLY),
        (401, "", {"REASON": "Access Token not expired"}, FailureKind.TOO_EARLY),
        (
            400,
            '{"error":"access_denied","error_description":"Rate limit exceeded"}',
            {},
            FailureKind.RATE_LIMITED,
        ),
        (429, "", {}, FailureKind.RATE_LIMITED),
        (400, '{"error":"invalid_client"}', {}, FailureKind.CLIENT),
        (401, '{"error":"INVALID_CLIENT"}', {}, FailureKind.CLIENT),
        (400, "<html>Client with identifier 'x' not found.</html>", {}, FailureKind.CLIENT),
        (403, '{"error":"access_denied","error_description":"no"}', {}, FailureKind.FORBIDDEN),
        (400, '{"error":"invalid_request"}', {}, FailureKind.BAD_REQUEST),
        (
            404,
            '{"error":{"code":"","message":{"lang":"","value":"No such thing"}}}',
            {},
            FailureKind.BAD_REQUEST,
        ),
        (500, APIGEE, {}, FailureKind.OUTAGE),
        (502, "<html>Bad gateway</html>", {}, FailureKind.OUTAGE),
        (503, "", {}, FailureKind.OUTAGE),
        (504, "null", {}, FailureKind.OUTAGE),
        (200, "<!DOCTYPE html><title>Maintenance</title>", {"content-type": "text/html"}, FailureKind.OUTAGE),
        (200, "\n <html>", {}, FailureKind.OUTAGE),
        (400, "<html>Something</html>", {}, FailureKind.OUTAGE),
        (400, "json decode failed", {}, FailureKind.UNKNOWN),
        (401, "", {}, FailureKind.UNKNOWN),
        (400, "null", {}, FailureKind.UNKNOWN),
        (400, '{"error":5}', {}, FailureKind.UNKNOWN),
        (302, "", {"location": "https://evil.example"}, FailureKind.UNKNOWN),
        (304, "", {}, FailureKind.UNKNOWN),
        (100, "", {}, FailureKind.UNKNOWN),
    ],
)
def test_errors_are_classified_as_the_table_says(
    status: int, body: str, headers: dict[str, str], kind: FailureKind
) -> None:
    error = failed(body, status, headers)
    assert (error.kind, error.status) == (kind, status)


@pytest.mark.parametrize("body", ['{"error":"invalid_request"}', CHAIN, '{"error":"invalid_grant"}'])
def test_a_code_that_is_used_or_late_asks_to_start_again(body: str) -> None:
    with pytest.raises(ExactError) as caught:
        parse_token_answer(400, JSON, body.encode(), AT, exchanging=True)
    assert caught.value.kind == FailureKind.REFUSED
    assert "three minutes" in caught.value.message


def test_the_code_is_not_blamed_for_what_is_ours_or_exacts() -> None:
    for body, kind in (
        ('{"error":"invalid_client"}', FailureKind.CLIENT),
        ('{"error":"access_denied"}', FailureKind.FORBIDDEN),
        (EARLY, FailureKind.TOO_EARLY),
        ("<html>", FailureKind.OUTAGE),
    ):
        with pytest.raises(ExactError) as caught:
            parse_token_answer(400, JSON, body.encode(), AT, exchanging=True)
        assert caught.value.kind == kind
        assert "three minutes" not in caught.value.message


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (
            '{"error":"invalid_request","error_description":"The refresh token is odd"}',
            FailureKind.BAD_REQUEST,
        ),
        ('{"error":"invalid_request","error_description":"Something expired"}', FailureKind.BAD_REQUEST),
        ('{"error":" Invalid_Grant "}', FailureKind.REFUSED),
        ('{"error":"access_denied"}', FailureKind.FORBIDDEN),
    ],
)
def test_a_refusal_is_read_from_its_code_or_from_both_words(body: str, kind: FailureKind) -> None:
    assert failed(body, 400).kind == kind


def test_any_error_with_status_403_is_no_permission() -> None:
    assert failed('{"error":"something"}', 403).kind == FailureKind.FORBIDDEN
    assert failed('{"error":"something"}', 402).kind == FailureKind.BAD_REQUEST


def test_a_good_answer_without_tokens_keeps_exacts_words() -> None:
    assert failed('{"error":"invalid_grant","error_description":"why"}').exact_message == "why"
    assert failed("<html>Closed</html>").exact_message == ""


def test_exacts_own_words_are_kept() -> None:
    assert failed(OLD, 401).exact_message == "Old refresh token used."
    assert "ExtractAccessToken" in failed(APIGEE, 500).exact_message
    assert failed(EARLY, 400, EARLY_REASON).exact_message.startswith(
        "Rate limit exceeded: access_token not expired"
    )
    assert failed('{"error":{"message":{"value":"No"}}}', 404).exact_message == "No"


def test_a_limit_says_from_when_to_try_again() -> None:
    reset = int((AT + timedelta(seconds=40)).timestamp() * 1000)
    error = failed("", 429, {"X-RateLimit-Minutely-Reset": str(reset), "X-RateLimit-Minutely-Remaining": "0"})
    assert error.retry_at == AT + timedelta(seconds=40)


def test_a_pair_never_shows_its_tokens() -> None:
    shown = repr(parsed(answer()))
    assert ACCESS not in shown
    assert REFRESH not in shown


@given(
    st.integers(100, 599),
    st.binary(max_size=300),
    st.dictionaries(st.text(max_size=10), st.text(max_size=20)),
)
def test_whatever_is_answered_it_is_a_pair_or_an_exact_error(
    status: int, body: bytes, headers: dict[str, str]
) -> None:
    for exchanging in (False, True):
        try:
            parse_token_answer(status, headers, body, AT, exchanging=exchanging)
        except ExactError as error:
            assert error.kind in set(FailureKind)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.sampled_from([200, 400, 401]),
    st.dictionaries(
        st.sampled_from(
            [
                "access_token",
                "refresh_token",
                "expires_in",
                "token_type",
                "error",
                "error_description",
                "fault",
            ]
        ),
        _JSON,
    ),
)
def test_whatever_the_fields_hold_it_is_a_pair_or_an_exact_error(
    status: int, fields: dict[str, object]
) -> None:
    body = json.dumps(fields).encode()
    try:
        assert parse_token_answer(status, JSON, body, AT).refresh_token
    except ExactError as error:
        assert error.kind in set(FailureKind)
