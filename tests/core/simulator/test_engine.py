"""The engine as tests and the demo use it: consents without a browser, its journal, its clock, its memory."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core.simulator import token_endpoint
from core.simulator.clock import SimulatorClock
from core.simulator.config import SimulatorApp
from core.simulator.data import ARCHIVED, demo_directory
from core.simulator.engine import Engine
from core.simulator.issue import issue_pair
from core.simulator.state import Pair
from core.simulator.statefile import StateFile, open_engine
from tests.core.simulator.conftest import ACCOUNTANT, CALLBACK, CONFIG, START, TEST_BV, Caller


def test_its_customers_are_a_dozen_and_one_accountant_with_two_pages() -> None:
    directory = demo_directory()
    counts = {user.name: len(user.divisions) for user in directory.users}
    assert counts.pop(ACCOUNTANT) >= 70
    assert len(counts) >= 12 and {user.environment for user in directory.users} == {"nl", "be", "de"}
    names = {division.name for division in directory.divisions}
    assert {"Test B.V.", "Bakker B.V.", "Müller Maschinenbau GmbH"} <= names
    assert any(d.status == ARCHIVED for d in directory.divisions) and any(
        d.blocking for d in directory.divisions
    )
    codes = [(d.environment, d.code) for d in directory.divisions]
    assert len(codes) == len(set(codes))


def test_every_user_reaches_only_divisions_that_exist(engine: Engine) -> None:
    for user in engine.users():
        assert [d.code for d in engine.divisions(user.environment, user.name)] == sorted(user.divisions)
        assert user.current in user.divisions


def test_passwords_and_secrets_are_not_in_a_repr(engine: Engine) -> None:
    assert "exact-demo" not in repr(engine.users()) and "secret-nl" not in repr(CONFIG)


def test_its_clock_only_moves_forward(engine: Engine) -> None:
    assert engine.advance(timedelta(days=1)) == START + timedelta(days=1) == engine.clock.now()
    with pytest.raises(ValueError, match="forward"):
        engine.advance(-1)


def test_consent_without_a_browser_leads_to_the_callback(engine: Engine, caller: Caller) -> None:
    url = engine.consent_url(
        "nl", "1111-nl", user=TEST_BV, redirect_uri=CALLBACK, state="s t", divisions=[1001001]
    )
    assert (
        url.startswith(f"{CALLBACK}?code=stampNL001.") and url.endswith("&state=s%20t") and "%21IAAAA" in url
    )
    caller.exchange(url.partition("code=")[2].partition("&")[0].replace("%21", "!"))
    assert len(caller.rows("1/system/Divisions")) == 1
    with pytest.raises(ValueError, match="redirect URI"):
        engine.consent_url("nl", "1111-nl", user=TEST_BV, redirect_uri=CALLBACK + "x")


@pytest.mark.parametrize(
    ("environment", "user"), [("de", TEST_BV), ("nl", "nobody@x.example"), ("be", TEST_BV)]
)
def test_it_grants_no_code_to_strangers(engine: Engine, environment: str, user: str) -> None:
    with pytest.raises(LookupError):
        engine.grant_code(environment, user)


def test_scope_changes_need_a_consent_and_a_division(engine: Engine) -> None:
    with pytest.raises(LookupError):
        engine.set_scope("nl", TEST_BV, [1])
    with pytest.raises(LookupError):
        engine.set_division("nl", 5, status=2)


def test_the_journal_tells_parent_and_child_and_what_is_live(engine: Engine, caller: Caller) -> None:
    first = caller.connect().refresh_token
    engine.advance(600)
    caller.refresh()
    Caller(engine).connect(TEST_BV)
    parent, child, other = engine.journal()
    assert (parent.refresh_token, parent.spent_at, parent.parent) == (first, engine.clock.now(), "")
    assert child.parent == first and child.access_token == caller.access
    assert [i.condition for i in (parent, child, other)] == ["spent", "superseded", "live"]
    engine.advance(timedelta(days=30))
    assert engine.journal()[2].condition == "expired"
    assert [issued.number for issued in engine.journal()] == [1, 2, 3]


def test_it_counts_calls_by_endpoint(engine: Engine, caller: Caller) -> None:
    caller.connect()
    caller.get("current/Me")
    (call,) = engine.calls("me")
    assert (call.user, call.client_id, call.status) == (TEST_BV, "1111-nl", 200)
    assert [call.endpoint for call in engine.calls()] == ["token", "me"]


def test_one_token_in_many_hands_is_spent_once(
    engine: Engine, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller.connect()
    monkeypatch.setattr(token_endpoint, "issue_pair", slowly(issue_pair))
    engine.advance(600)
    engine.configure(errors_per_hour=0)
    token = caller.refresh_token
    with ThreadPoolExecutor(16) as pool:
        answers = list(
            pool.map(lambda _: caller.post(grant_type="refresh_token", refresh_token=token), range(50))
        )
    assert sorted(answer.status for answer in answers) == [200] + [401] * 49


def slowly(function: Callable[..., Pair]) -> Callable[..., Pair]:
    """The same with a pause before it, in which other threads would get in if nothing held them."""

    def paused(*given: Any) -> Pair:
        time.sleep(0.01)
        return function(*given)

    return paused


def test_reset_forgets_everything(engine: Engine, caller: Caller) -> None:
    caller.connect()
    engine.add_fault("drop")
    engine.reset()
    assert (engine.journal(), engine.pending_faults(), engine.calls()) == ((), (), ())
    assert caller.get("current/Me").status == 401


def test_it_goes_on_after_a_restart(engine: Engine, caller: Caller) -> None:
    caller.connect(ACCOUNTANT, [1002001, 2001001])
    engine.set_division("nl", 2001001, status=2)
    engine.advance(600)
    snapshot = json.loads(json.dumps(engine.snapshot()))
    again = Engine.restore(CONFIG, snapshot, clock=SimulatorClock(lambda: START))
    assert again.clock.now() == engine.clock.now()
    assert again.journal() == engine.journal()
    caller.engine = again
    assert caller.refresh().status == 200
    assert [row["Status"] for row in caller.rows("1/system/Divisions")] == [1, 2]


@pytest.mark.parametrize(
    "text", ["", "[]", '{"version": 0}', '{"version": 1, "clock": 0, "state": {"pairs": 5}}']
)
def test_a_file_that_is_no_state_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "state.json").write_text(text)
    with pytest.raises(ValueError, match=r"state\.json is not a state of the simulator"):
        open_engine(CONFIG, tmp_path / "state.json")


def test_the_state_file_is_private_and_written_only_after_a_change(tmp_path: Path, engine: Engine) -> None:
    path = tmp_path / "var" / "state.json"
    file = StateFile(engine, path)
    engine.grant_code("nl", TEST_BV)
    file.save()
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.stat().st_ino
    file.save()
    assert path.stat().st_ino == before
    engine.grant_code("nl", TEST_BV)
    file.save()
    assert path.stat().st_ino != before
    assert open_engine(CONFIG, path).snapshot() == engine.snapshot()
    assert list(path.parent.iterdir()) == [path]


def test_a_country_without_an_app_has_none() -> None:
    assert CONFIG.app("de", "1111-nl") is None
    assert CONFIG.app("nl", "{1111-NL}") == SimulatorApp("nl", "1111-nl", "secret-nl", CALLBACK)
