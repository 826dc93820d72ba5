"""The simulator as a server: a real socket, faults that break it, a state that outlives it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from core.simulator.server import RunningSimulator
from tests.core.simulator.conftest import CALLBACK, TEST_BV


@pytest.fixture
def served() -> Iterator[RunningSimulator]:
    with started() as running:
        yield running


def started(state_file: Path | None = None, port: int = 0) -> RunningSimulator:
    return RunningSimulator(
        client_id="app", client_secret="s", redirect_uri=CALLBACK, state_file=state_file, port=port
    )


def exchange(running: RunningSimulator, environment: str = "nl", user: str = TEST_BV) -> httpx.Response:
    form = {
        "grant_type": "authorization_code",
        "code": running.engine.grant_code(environment, user),
        "redirect_uri": CALLBACK,
        "client_id": "app",
        "client_secret": "s",
    }
    return httpx.post(f"{running.base_url(environment)}/api/oauth2/token", data=form)


def test_it_serves_every_country_under_one_origin(served: RunningSimulator) -> None:
    assert served.config.base_url == served.url
    assert exchange(served).json()["access_token"].startswith("stampNL001")
    assert exchange(served, "be", "info@janssens.example").json()["access_token"].startswith("stampBE001")


def test_a_dropped_connection_is_one(served: RunningSimulator) -> None:
    served.control("faults", {"name": "rotate_then_drop"})
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        exchange(served)
    assert [issued["condition"] for issued in served.control("tokens")["tokens"]] == ["live"]


def test_a_cut_body_ends_in_the_middle(served: RunningSimulator) -> None:
    served.engine.add_fault("rotate_then_cut")
    with pytest.raises(httpx.RemoteProtocolError, match="complete message body"):
        exchange(served)
    assert exchange(served).status_code == 200


@pytest.mark.parametrize("fault", ["delay", "slow_drip"])
def test_a_late_answer_is_late_and_whole(served: RunningSimulator, fault: str) -> None:
    served.engine.add_fault(fault, seconds=0.3)
    start = time.monotonic()
    assert exchange(served).json()["refresh_token"]
    assert time.monotonic() - start >= 0.25


def test_its_tokens_outlive_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "simulator.json"
    with started(path) as first:
        token = exchange(first).json()["access_token"]
    with started(path) as second:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        answer = httpx.get(f"{second.url}/api/v1/current/Me", headers=headers)
    assert answer.json()["d"]["results"][0]["Email"] == TEST_BV


def test_what_was_issued_is_on_disk_before_it_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "simulator.json"
    with started(path) as running:
        token = exchange(running).json()["access_token"]
        assert token in path.read_text()


def test_a_refused_lever_says_why(served: RunningSimulator) -> None:
    with pytest.raises(ValueError, match="no fault is called 'nonsense'"):
        served.control("faults", {"name": "nonsense"})
    assert served.control("faults", method="DELETE")["pending"] == []
