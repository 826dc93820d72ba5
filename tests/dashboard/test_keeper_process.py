"""`clickker keeper` as a process: it finishes what it has begun, and there is one on a SQLite file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core import clock
from core.accounts.roles import CurrentOperator
from core.application import Application
from core.keeping.lock import only_keeper
from core.simulator.server import RunningSimulator
from core.storage.models import Registration
from tests.factories import make_operator
from tests.support.connecting import connect
from tests.support.live import ROOT, environment

SECONDS = 60.0
COMMAND = (sys.executable, "-m", "dashboard.cli", "keeper")


@pytest.fixture
def alice(app: Application) -> CurrentOperator:
    return make_operator(app.database, "Alice")


@contextmanager
def running(app: Application, log: Path, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            COMMAND,
            cwd=ROOT,
            env=environment(app.settings, QUIET_HOUR="-1", **settings) | {"LC_ALL": "C"},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def until(what: str, seen: object, log: Path, process: subprocess.Popen[bytes]) -> None:
    assert callable(seen)
    deadline = time.monotonic() + SECONDS
    while not seen():
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"never {what}:\n{log.read_text(errors='replace')}")
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_check_in_flight_is_finished_before_it_ends(
    app: Application,
    alice: CurrentOperator,
    simulator: RunningSimulator,
    tmp_path: Path,
    number: signal.Signals,
) -> None:
    registration = connect(app, alice, simulator, codes={1001001, 1001002})
    simulator.engine.add_fault("delay", 1, endpoint="me", seconds=2)
    asked = len(simulator.engine.calls("me"))
    due = clock.now()
    with app.database.transaction() as session:
        session.get_one(Registration, registration).next_check_at = due
    log = tmp_path / "keeper.log"
    with running(app, log) as process:
        until("asked", lambda: len(simulator.engine.calls("me")) > asked, log, process)
        process.send_signal(number)
        assert process.wait(SECONDS) == 0
    with app.database.read() as session:
        row = session.get_one(Registration, registration)
    assert row.check_until is None
    assert row.last_success_at is not None
    assert row.last_success_at > due
    assert row.next_check_at is not None
    assert row.next_check_at > clock.now()
    assert "Traceback" not in log.read_text()


def test_the_second_keeper_on_a_sqlite_file_refuses(app: Application, tmp_path: Path) -> None:
    log = tmp_path / "keeper.log"
    if app.database.is_sqlite:
        with only_keeper(app.database), running(app, log) as process:
            assert process.wait(SECONDS) == 2
        assert log.read_text().startswith("Another keeper is already at work on this database.")
        return
    other = tmp_path / "other.log"
    with running(app, log) as first, running(app, other) as second:
        until("at work", lambda: "is at work" in log.read_text(), log, first)
        until("at work", lambda: "is at work" in other.read_text(), other, second)
        for process in (first, second):
            process.send_signal(signal.SIGTERM)
            assert process.wait(SECONDS) == 0


def test_settings_that_are_not_safe_stop_it(app: Application, tmp_path: Path) -> None:
    log = tmp_path / "keeper.log"
    with running(app, log, PUBLIC_URL="http://connections.example.nl") as process:
        assert process.wait(SECONDS) == 2
    assert "CLICKKER_PUBLIC_URL must start with https://" in log.read_text()
    assert os.fspath(ROOT) not in log.read_text()
