"""The demo: customers in every state at the first start, the same ones at the second, nothing left running."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from core import clock
from core.accounts.operators import list_operators
from core.application import Application
from core.audit.verifying import examine
from core.demo import OPERATORS, add_operators, go_on, in_the_beginning, is_planted, plant
from core.keeping.keeper import Keeper
from core.registrations.status import Status
from core.simulator.server import RunningSimulator
from core.storage import counters
from core.storage.models import AuditEntry, Registration
from dashboard import demo
from tests.support.live import ROOT, end, free_port, get


def _statuses(app: Application) -> dict[str, int]:
    with app.database.read() as session:
        return {
            name.removeprefix("status:"): count
            for name, count in counters.read_all(session).items()
            if name.startswith("status:") and count
        }


def test_it_opens_on_customers_in_every_state(app: Application, simulator: RunningSimulator) -> None:
    add_operators(app)
    assert not is_planted(app)

    plant(app, simulator.engine)

    assert is_planted(app)
    assert set(_statuses(app)) == set(Status)
    assert sum(_statuses(app).values()) >= 12
    assert simulator.engine.pending_faults() == ()
    verdict = examine(app)
    assert verdict.broken is None
    assert verdict.entries == verdict.heads >= 12


def _rows(app: Application) -> list[Registration]:
    with app.database.read() as session:
        return list(session.scalars(select(Registration).order_by(Registration.id)))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_it_shows_is_so_at_exact_and_the_keeper_finds_the_same(
    app: Application, simulator: RunningSimulator
) -> None:
    with in_the_beginning():
        add_operators(app)
    plant(app, simulator.engine)
    promised = timedelta(hours=1.1 * app.settings.check_hours + 1)
    before = {row.name: row.status for row in _rows(app)}
    for row in _rows(app):
        if row.status in {Status.CONNECTED, Status.PARTLY_CONNECTED}:
            assert row.last_success_at is not None
            assert clock.now() - row.last_success_at < promised, row.name
        if row.status == Status.PAUSED:
            assert row.lapses_at is not None
            assert row.lapses_at - clock.now() > timedelta(days=20), "it is kept alive"
            assert row.last_success_at is not None
            assert clock.now() - row.last_success_at < timedelta(days=11), (
                "and was checked until it was paused"
            )
        assert row.next_check_at is None or row.next_check_at - clock.now() < promised, row.name

    with app.database.read() as session:
        entries = session.scalars(select(AuditEntry.at).order_by(AuditEntry.sequence)).all()
    entries = entries[1:]  # the tests' database was made just now
    assert list(entries) == sorted(entries), "it was lived through in the order of time"

    for hours in range(0, 49, 4):  # two days later, with the keeper at work
        with clock.shifted(timedelta(hours=hours)):
            Keeper(app).turn()
            assert {row.name: row.status for row in _rows(app)} == before, hours


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_second_start_opens_on_what_is_so_then(app: Application, simulator: RunningSimulator) -> None:
    add_operators(app)
    plant(app, simulator.engine)
    simulator.engine.end_outage("be", "info@janssens.example")
    with clock.shifted(timedelta(days=5)):
        go_on(app)
        statuses = {row.name: row.status for row in _rows(app)}
        assert statuses["Janssens Bouw BV"] == Status.CONNECTED
        assert statuses["Schmidt & Söhne GmbH"] == Status.RECONNECT_NEEDED
        for row in _rows(app):
            if row.status == Status.CONNECTED:
                assert row.last_success_at is not None
                assert clock.now() - row.last_success_at < timedelta(hours=1)


def test_there_is_somebody_to_sign_in_as_for_every_role(app: Application) -> None:
    add_operators(app)
    add_operators(app)

    assert {operator.role for operator in list_operators(app, None)} == {o.role for o in OPERATORS}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The demo's files, elsewhere."""
    monkeypatch.setattr(demo, "FOLDER", tmp_path)
    monkeypatch.setattr(demo, "KEY_FILE", tmp_path / "demo.key")
    monkeypatch.setattr(demo, "SIMULATOR_STATE", tmp_path / "simulator.json")
    return tmp_path


def test_its_key_is_its_own_and_private(folder: Path) -> None:
    first = demo._secrets()

    assert demo._secrets() == first
    assert (folder / "demo.key").stat().st_mode & 0o777 == 0o600


def test_starting_afresh_leaves_nothing_of_before(folder: Path) -> None:
    names = ("demo.db", "demo.db-wal", "demo.db.audit.head", "demo.db.keeper", "demo.key", "simulator.json")
    for name in (*names, "demo.db.journal/archive.db", "clickker.db"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()

    demo._wipe()

    assert [path.name for path in folder.iterdir()] == ["clickker.db"]


def test_a_taken_port_is_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        told = _clickker_demo(taken.getsockname()[1], free_port()).communicate(timeout=60)[0]

    assert "CLICKKER_PORT" in told
    assert "Traceback" not in told


class _Demo:
    """A demo in a folder of its own, since the real one may be in use beside the tests."""

    def __init__(self, copy: Path) -> None:
        self.port, self.simulator_port = free_port(), free_port()
        self._copy = copy
        self._started: list[subprocess.Popen[str]] = []

    def start(self) -> tuple[subprocess.Popen[str], str]:
        """The process, ready, and what it has said."""
        process = _clickker_demo(self.port, self.simulator_port, root=self._copy)
        self._started.append(process)
        assert process.stdout is not None
        told = ""
        while "Ctrl-C" not in told:
            line = process.stdout.readline()
            assert line, f"the demo ended:\n{told}"
            told += line
        assert get(self.port, "/healthz") == 200
        return process, told

    def end(self) -> None:
        """Leave no process behind: one still running would be reported in the middle of a later test."""
        for process in self._started:
            with process:
                end(process)


@pytest.fixture
def _ctrl_c_is_heard() -> Iterator[None]:
    """A shell starts what runs in its background deaf to Ctrl-C, and the tests' own processes inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def own_demo(tmp_path: Path, _ctrl_c_is_heard: None) -> Iterator[_Demo]:
    for name in ("core", "dashboard", "pages", ".streamlit"):
        os.symlink(ROOT / name, tmp_path / name)  # noqa: PTH211 - the product, under another root
    demo = _Demo(tmp_path)
    yield demo
    demo.end()


def test_ctrl_c_ends_everything_and_a_second_start_keeps_the_data(own_demo: _Demo, tmp_path: Path) -> None:
    first, told = own_demo.start()
    assert f"http://localhost:{own_demo.port}" in told
    assert all(operator.email in told for operator in OPERATORS)
    assert "WARNING" not in told, told  # nothing of a library's between a newcomer and the address
    assert get(own_demo.simulator_port, "/nl/api/oauth2/auth") == 400

    first.send_signal(signal.SIGINT)
    assert "Traceback" not in first.communicate(timeout=30)[0]
    assert (get(own_demo.port, "/healthz"), get(own_demo.simulator_port, "/")) == (0, 0)
    key = (tmp_path / "var" / "demo.key").read_text()

    second, _told = own_demo.start()
    second.send_signal(signal.SIGTERM)
    second.communicate(timeout=30)
    assert get(own_demo.port, "/healthz") == 0
    assert (tmp_path / "var" / "demo.key").read_text() == key


def _clickker_demo(port: int, simulator_port: int, *options: str, root: Path = ROOT) -> subprocess.Popen[str]:
    variables = {**os.environ, "CLICKKER_PORT": str(port), "CLICKKER_SIMULATOR_PORT": str(simulator_port)}
    return subprocess.Popen(
        [sys.executable, "-m", "dashboard.cli", "demo", *options],
        cwd=root,
        env=variables | {"PYTHONPATH": str(root), "LC_ALL": "C.UTF-8", "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
