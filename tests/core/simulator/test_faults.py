"""What can be made to go wrong, and that it goes wrong there and then only."""

from __future__ import annotations

import json

import pytest

from core.simulator.answers import Delivery
from core.simulator.control import control
from core.simulator.engine import Engine
from core.simulator.faults import AFTERWARDS, INSTEAD, NAMES
from tests.core.simulator.conftest import ACCOUNTANT, CONFIG, TEST_BV, Caller


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("rotate_then_drop", 200, "access_token"),
        ("rotate_then_500", 500, "Failed to execute the ExtractVariables: ExtractAccessToken"),
        ("rotate_then_maintenance", 200, "maintenance"),
    ],
)
def test_tokens_are_issued_and_the_answer_is_lost(
    engine: Engine, caller: Caller, name: str, status: int, words: str
) -> None:
    first = caller.connect().refresh_token
    engine.advance(600)
    engine.add_fault(name)
    answer = caller.post(grant_type="refresh_token", refresh_token=first)
    assert answer.status == status and words in answer.body.decode()
    assert (answer.delivery is Delivery.DROPPED) == (name == "rotate_then_drop")
    assert [issued.condition for issued in engine.journal()] == ["spent", "live"]
    assert caller.refresh(first).status == 401


@pytest.mark.parametrize("name", sorted(INSTEAD))
def test_a_fault_in_place_of_the_answer_spends_nothing(engine: Engine, caller: Caller, name: str) -> None:
    caller.connect()
    engine.advance(600)
    engine.add_fault(name, endpoint="token", status=418, body="odd")
    caller.post(grant_type="refresh_token", refresh_token=caller.refresh_token)
    assert [issued.condition for issued in engine.journal()] == ["live"]
    assert engine.calls("token")[-1].fault == name
    assert caller.refresh().status == 200


@pytest.mark.parametrize("name", sorted(AFTERWARDS))
def test_a_fault_of_the_answer_comes_after_the_rotation(engine: Engine, caller: Caller, name: str) -> None:
    caller.connect()
    engine.advance(600)
    engine.add_fault(name)
    caller.post(grant_type="refresh_token", refresh_token=caller.refresh_token)
    assert [issued.condition for issued in engine.journal()] == ["spent", "live"]


def test_a_minutely_429_has_only_its_headers(engine: Engine, caller: Caller) -> None:
    engine.add_fault("rate_limited")
    answer = caller.connect_refused()
    assert answer.status == 429 and answer.body == b""
    assert (
        all(name.startswith("X-RateLimit-Minutely-") for name in answer.headers) and len(answer.headers) == 3
    )


def test_a_slow_answer_and_half_an_answer(engine: Engine, caller: Caller) -> None:
    caller.connect()
    engine.add_fault("delay", seconds=2.5, endpoint="me")
    engine.add_fault("truncated_json", endpoint="me")
    assert caller.get("current/Me").delay == 2.5
    with pytest.raises(ValueError, match=r"Unterminated|Expecting|delimiter"):
        json.loads(caller.get("current/Me").body)
    assert caller.get("current/Me").status == 200


def test_the_answer_may_lack_the_refresh_token_or_have_an_odd_life(engine: Engine, caller: Caller) -> None:
    engine.add_fault("without_refresh_token")
    code = engine.grant_code("nl", TEST_BV)
    answer = caller.post(
        grant_type="authorization_code", code=code, redirect_uri=engine.config.apps[0].redirect_uri
    )
    assert set(json.loads(answer.body)) == {"access_token", "token_type", "expires_in"}
    engine.add_fault("odd_expires_in", body="null")
    assert json.loads(caller.exchange(engine.grant_code("nl", TEST_BV)).body)["expires_in"] is None


def test_it_strikes_only_where_and_as_often_as_it_was_told(engine: Engine, caller: Caller) -> None:
    caller.connect()
    other = Caller(engine).connect(ACCOUNTANT)
    engine.add_fault("unavailable", times=2, endpoint="divisions", user=TEST_BV, environment="nl")
    assert caller.get("current/Me").status == other.get("1/system/Divisions").status == 200
    assert [caller.get("1/system/Divisions").status for _ in range(3)] == [503, 503, 200]
    assert engine.pending_faults() == ()


def test_it_goes_on_until_cleared(engine: Engine, caller: Caller) -> None:
    caller.connect()
    engine.add_fault("maintenance", times=None)
    engine.add_fault("drop", times=None)
    assert [caller.get("current/Me").headers["Content-Type"][:9] for _ in range(3)] == ["text/html"] * 3
    engine.clear_faults("maintenance")
    assert caller.get("current/Me").delivery is Delivery.DROPPED
    engine.clear_faults()
    assert caller.get("current/Me").status == 200


def test_an_outage_of_one_users_part_lasts_beyond_a_restart_and_befalls_nobody_else(
    engine: Engine, caller: Caller
) -> None:
    caller.connect()
    other = Caller(engine).connect(ACCOUNTANT)
    engine.begin_outage("nl", TEST_BV)
    engine.begin_outage("nl", TEST_BV)
    engine = Engine.restore(CONFIG, json.loads(json.dumps(engine.snapshot())), clock=engine.clock)
    caller.engine = other.engine = engine
    engine.advance(600)
    assert [caller.get("current/Me").status, caller.refresh().status] == [503, 503]
    assert other.refresh().status == other.get("current/Me").status == 200
    assert engine.pending_faults() == ()
    control(engine, "POST", "outage", {"environment": "nl", "user": TEST_BV, "over": True})
    assert caller.refresh().status == caller.get("current/Me").status == 200
    with pytest.raises(LookupError, match="out of order"):
        engine.end_outage("nl", TEST_BV)
    control(engine, "POST", "outage", {"environment": "nl", "user": TEST_BV})
    assert caller.get("current/Me").status == 503


@pytest.mark.parametrize(
    "wrong", [{"name": "nonsense"}, {"name": "drop", "endpoint": "x"}, {"name": "drop", "x": 1}]
)
def test_it_knows_its_faults_by_name(engine: Engine, wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"no fault|no endpoint|unexpected keyword"):
        engine.add_fault(**wrong)  # type: ignore[arg-type]


def test_every_fault_is_explained() -> None:
    assert all(NAMES.values())
