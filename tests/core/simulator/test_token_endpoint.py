"""The token endpoint, in the words of Exact's own answers."""

from __future__ import annotations

import base64
import json
from hashlib import sha256

import pytest

from core.simulator.config import Grace, Revoked, SpentCode, TooEarly
from core.simulator.consent import AuthorizationRequest, Continue, Decision, Redirect
from core.simulator.engine import Engine
from core.simulator.token_endpoint import TokenRequest
from tests.core.simulator.conftest import ACCOUNTANT, CALLBACK, TEST_BV, Caller

CHAIN_BODY = (
    b'{ "error":"invalid_grant",'
    b'"error_description":"Token is not allowed, because of invalid or empty chainId" }'
)
OLD_BODY = b'{"error":"unauthorized_client","error_description":"Old refresh token used."}'
EARLY_BODY = (
    b'{ "error":"access_denied","error_description":"Rate limit exceeded: access_token not expired" }'
)
DAY = 24 * 3600


def test_it_answers_a_code_with_long_tokens_and_a_life_in_words(engine: Engine, caller: Caller) -> None:
    code = engine.grant_code("nl", TEST_BV)
    tokens = json.loads(caller.exchange(code).body)
    assert tokens["expires_in"] == "600" and tokens["token_type"] == "bearer"
    assert tokens["access_token"].startswith("stampNL001.gAAAA")
    assert tokens["refresh_token"].startswith("stampNL001.") and "!IAAAA" in tokens["refresh_token"]
    assert all(len(text) > 500 for text in (code, tokens["access_token"], tokens["refresh_token"]))


def test_it_can_count_the_life_as_a_number(engine: Engine, caller: Caller) -> None:
    engine.configure(expires_in_as_string=False)
    assert json.loads(caller.exchange(engine.grant_code("nl", TEST_BV)).body)["expires_in"] == 600


def test_a_code_works_once(engine: Engine, caller: Caller) -> None:
    code = engine.grant_code("nl", TEST_BV)
    assert caller.exchange(code).status == 200
    again = caller.exchange(code)
    assert (again.status, again.body) == (400, CHAIN_BODY)
    assert again.headers["Reason"] == "Unknown: Token is not allowed, because of invalid or empty chainId"


def test_a_code_lives_three_minutes(engine: Engine, caller: Caller) -> None:
    in_time, too_late = engine.grant_code("nl", TEST_BV), engine.grant_code("nl", TEST_BV)
    engine.advance(180)
    assert caller.exchange(in_time).status == 200
    engine.advance(1)
    engine.configure(spent_code=SpentCode.INVALID_REQUEST)
    assert caller.exchange(too_late).body == b'{"error":"invalid_request"}'


@pytest.mark.parametrize("wrong", [{"redirect_uri": CALLBACK + "/"}, {"redirect_uri": ""}])
def test_it_wants_the_registered_redirect_uri(engine: Engine, caller: Caller, wrong: dict[str, str]) -> None:
    code = engine.grant_code("nl", TEST_BV)
    assert caller.post(grant_type="authorization_code", code=code, **wrong).status == 400
    assert caller.exchange(code).status == 200


def test_it_takes_basic_and_refuses_bearer(engine: Engine, caller: Caller) -> None:
    caller.connect()
    engine.advance(600)
    body = f"grant_type=refresh_token&refresh_token={caller.refresh_token}".replace("!", "%21").encode()
    bearer = engine.token(TokenRequest("nl", body, authorization=f"Bearer {caller.access}"))
    basic = base64.b64encode(b"1111-nl:secret-nl").decode()
    assert bearer.status == 401
    assert engine.token(TokenRequest("nl", body, authorization=f"Basic {basic}")).status == 200


@pytest.mark.parametrize(
    "credentials",
    [{"client_secret": "wrong"}, {"client_id": "2222-be", "client_secret": "secret-be"}, {"client_id": ""}],
)
def test_it_refuses_a_wrong_secret_and_another_countrys_app(
    engine: Engine, caller: Caller, credentials: dict[str, str]
) -> None:
    code = engine.grant_code("nl", TEST_BV)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, **credentials}
    assert caller.post(**form).body == b'{"error":"invalid_client"}'


def test_it_strips_braces_round_the_client_id(engine: Engine, caller: Caller) -> None:
    assert caller.exchange(engine.grant_code("nl", TEST_BV), client_id="{1111-NL}").status == 200


def test_it_reads_forms_only(engine: Engine, caller: Caller) -> None:
    caller.connect()
    engine.advance(600)
    form = {"grant_type": "refresh_token", "refresh_token": caller.refresh_token}
    body = json.dumps({**form, "client_id": "1111-nl", "client_secret": "secret-nl"}).encode()
    assert engine.token(TokenRequest("nl", body, "application/json")).status == 400
    assert caller.refresh().status == 200


def test_each_refresh_returns_a_new_token_and_spends_the_old(engine: Engine, caller: Caller) -> None:
    first = caller.connect().refresh_token
    engine.advance(570)
    assert caller.refresh().status == 200
    assert caller.refresh_token != first
    engine.advance(570)
    old = caller.refresh(first)
    assert (old.status, old.body) == (401, OLD_BODY)
    assert caller.refresh().status == 200


def test_a_refresh_before_570_seconds_is_refused_and_costs_nothing(engine: Engine, caller: Caller) -> None:
    caller.connect()
    engine.advance(569)
    early = caller.refresh()
    assert (early.status, early.body) == (400, EARLY_BODY)
    assert early.headers["Reason"] == "TooEarlyToRefreshTokens: Rate limit exceeded: access_token not expired"
    engine.advance(1)
    assert caller.refresh().status == 200


def test_the_early_rule_may_spare_the_pair_of_a_code(engine: Engine, caller: Caller) -> None:
    engine.configure(early_rule_after_code=False)
    caller.connect()
    assert caller.refresh().status == 200
    assert caller.refresh().status == 400


def test_a_refresh_too_early_may_answer_401(engine: Engine, caller: Caller) -> None:
    engine.configure(too_early=TooEarly.STATUS_401)
    caller.connect()
    refused = caller.refresh()
    assert (refused.status, refused.headers["Reason"]) == (401, "Access Token not expired")


def test_a_refresh_too_early_may_burn_the_token(engine: Engine, caller: Caller) -> None:
    engine.configure(too_early=TooEarly.CONSUMED)
    caller.connect()
    assert caller.refresh().body == EARLY_BODY
    engine.advance(570)
    assert caller.refresh().body == OLD_BODY


def test_an_unused_refresh_token_lapses_after_thirty_days(engine: Engine, caller: Caller) -> None:
    caller.connect()
    engine.advance(30 * DAY - 1)
    assert caller.refresh().status == 200
    engine.advance(30 * DAY)
    late = caller.refresh()
    assert late.status == 400
    assert late.body == (
        rb'{"error":"invalid_request","error_description":"The refresh token expired at 12\/31\/2026 12:00:09 PM'
        rb' and it is now 12\/31\/2026 12:00:09 PM."}'
    )


def test_a_second_consent_by_the_same_user_ends_the_first_chain(engine: Engine, caller: Caller) -> None:
    first = caller.connect(ACCOUNTANT).refresh_token
    Caller(engine).connect(TEST_BV)
    other = Caller(engine).connect(ACCOUNTANT)
    engine.advance(600)
    assert caller.refresh(first).body == CHAIN_BODY
    assert other.refresh().status == 200


def test_grace_until_the_successor_is_used(engine: Engine, caller: Caller) -> None:
    engine.configure(grace=Grace.UNTIL_SUCCESSOR_USED)
    first = caller.connect().refresh_token
    engine.advance(600)
    assert caller.refresh(first).status == 200
    assert caller.refresh(first).status == 200
    assert caller.get("current/Me").status == 200
    assert caller.refresh(first).body == OLD_BODY


def test_grace_of_ten_minutes(engine: Engine, caller: Caller) -> None:
    engine.configure(grace=Grace.TEN_MINUTES)
    first = caller.connect().refresh_token
    engine.advance(600)
    assert caller.refresh(first).status == 200
    engine.advance(600)
    assert caller.refresh(first).status == 200
    engine.advance(1)
    assert caller.refresh(first).body == OLD_BODY


@pytest.mark.parametrize(
    ("how", "body"), [(Revoked.CHAIN_400, CHAIN_BODY), (Revoked.UNAUTHORIZED_401, OLD_BODY)]
)
def test_a_revoked_consent_ends_refresh_and_access(
    engine: Engine, caller: Caller, how: Revoked, body: bytes
) -> None:
    engine.configure(revoked=how)
    caller.connect()
    engine.advance(580)
    engine.revoke("nl", TEST_BV)
    assert caller.refresh().body == body
    assert caller.get("current/Me").status == 401


def test_an_access_token_may_outlive_the_consent(engine: Engine, caller: Caller) -> None:
    engine.configure(revoked_access_dies=False)
    caller.connect()
    engine.revoke("nl", TEST_BV)
    assert caller.get("current/Me").status == 200


@pytest.mark.parametrize(("verifier", "status"), [("right", 200), ("wrong", 400)])
def test_pkce_counts_only_where_it_is_switched_on(
    engine: Engine, caller: Caller, verifier: str, status: int
) -> None:
    assert caller.exchange(_challenged_code(engine), code_verifier="wrong").status == 200
    engine.configure(enforce_pkce=True)
    assert caller.exchange(_challenged_code(engine), code_verifier=verifier).status == status


def _challenged_code(engine: Engine) -> str:
    challenge = base64.urlsafe_b64encode(sha256(b"right").digest()).rstrip(b"=").decode()
    request = AuthorizationRequest("nl", "1111-nl", CALLBACK, code_challenge=challenge, force_login=True)
    begun = engine.authorize(request, "browser")
    assert isinstance(begun, Continue)
    view = engine.attempt(begun.attempt_id, "browser")
    assert view is not None
    assert engine.log_in(view.id, "browser", view.csrf, TEST_BV, "exact-demo") is None
    decision = Decision(True, everything=True, terms=True, use_of_data=True)
    outcome = engine.decide(view.id, "browser", view.csrf, decision)
    assert isinstance(outcome, Redirect)
    return outcome.url.partition("code=")[2].replace("%21", "!")
