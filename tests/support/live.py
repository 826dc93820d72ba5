"""The real dashboard as people run it: a process of its own, on a free port, over a database of its own."""

from __future__ import annotations

import base64
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from core.accounts.operators import add_operator
from core.accounts.roles import Role
from core.application import Application, build
from core.settings import Settings
from core.simulator.server import RunningSimulator
from core.storage.schema import upgrade
from tests.support.exact import exact_apps, new_simulator
from tests.support.warm import WarmServer

ROOT = Path(__file__).parent.parent.parent
PASSWORD = "correct horse battery"
START_SECONDS = 120.0


@dataclass(frozen=True)
class Live:
    """A running dashboard with its simulator."""

    port: int
    app: Application
    """Over the same database and key, in the test's own process: to make rows and to look at them."""
    simulator: RunningSimulator
    log: Path
    """What the server wrote."""

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def add_operator(self, email: str, name: str, role: Role, language: str | None = None) -> int:
        """Somebody who can sign in with ``PASSWORD``; returns the id."""
        return add_operator(self.app, email, name, role, PASSWORD, language=language)


def live_dashboard(database_url: str, folder: Path, **settings: str) -> AbstractContextManager[Live]:
    """Serve until the block ends. ``settings`` are further variables, without the prefix CLICKKER_."""
    return _dashboard(warm, database_url, folder, settings)


def typed_dashboard(database_url: str, folder: Path) -> AbstractContextManager[Live]:
    """The same by the command that people type, which takes 5 s longer."""
    return _dashboard(running, database_url, folder, {})


@contextmanager
def _dashboard(
    start: Callable[[dict[str, str], int, Path], AbstractContextManager[object]],
    database_url: str,
    folder: Path,
    settings: dict[str, str],
) -> Iterator[Live]:
    port = free_port()
    with new_simulator(f"http://localhost:{port}/exact/callback") as simulator:
        app = build(_settings(database_url, port, simulator, folder / "journal"))
        try:
            upgrade(app.database)
            log = folder / "dashboard.log"
            with start(environment(app.settings, **settings), port, log):
                yield Live(port, app, simulator, log)
        finally:
            app.exact.close()
            app.journal.close()
            app.database.dispose()


@contextmanager
def running(environment: dict[str, str], port: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The server's process, ready to answer, ended with the block. Raises ``RuntimeError`` with its log otherwise."""
    command = [sys.executable, "-m", "dashboard.cli", "serve"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        _wait_until_ready(process.poll, port, log)
        yield process
    finally:
        end(process)


@contextmanager
def warm(environment: dict[str, str], port: int, log: Path) -> Iterator[None]:
    """The same in a fraction of the time, see ``tests.support.warm``."""
    server = WarmServer(environment, port, log)
    try:
        _wait_until_ready(server.poll, port, log)
        yield
    finally:
        server.end()


def end(process: subprocess.Popen[Any], seconds: float = 10.0) -> int:
    """Ask the process to end, insist after ``seconds``; its exit code."""
    process.terminate()
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait(seconds)


def environment(settings: Settings, **more: str) -> dict[str, str]:
    """The settings as variables of a process, without any of this machine's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CLICKKER_")}
    given = {
        "SECRETS_FILE": os.devnull,
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "ENCRYPTION_KEYS": settings.encryption_keys.get_secret_value(),
        "PUBLIC_URL": settings.public_url,
        "JOURNAL_DIR": settings.journal_dir,
        "PORT": str(settings.port),
        "SIMULATOR": "true",
        "ALLOW_SIMULATOR": "true",
    }
    for code, app in settings.exact.items():
        given[f"EXACT__{code.upper()}__CLIENT_ID"] = app.client_id
        given[f"EXACT__{code.upper()}__CLIENT_SECRET"] = app.client_secret.get_secret_value()
        given[f"EXACT__{code.upper()}__BASE_URL"] = app.base_url
    return kept | {f"CLICKKER_{name}": value for name, value in (given | more).items()}


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def get(port: int, path: str) -> int:
    """The status of a GET to this machine; 0 when nobody answers."""
    connection = HTTPConnection("localhost", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, HTTPException):
        return 0
    finally:
        connection.close()


def _settings(database_url: str, port: int, simulator: RunningSimulator, journal: Path) -> Settings:
    return Settings(
        database_url=SecretStr(database_url),
        encryption_keys=SecretStr(base64.b64encode(os.urandom(32)).decode()),
        journal_dir=str(journal),
        public_url=f"http://localhost:{port}",
        port=port,
        exact=exact_apps(simulator),
        simulator=True,
        allow_simulator=True,
    )


def _wait_until_ready(poll: Callable[[], int | None], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while get(port, "/healthz") != 200:
        if poll() is not None or time.monotonic() > deadline:
            written = log.read_text(errors="replace")[-4000:]
            raise RuntimeError(f"the dashboard did not start (exit code {poll()}):\n{written}")
        time.sleep(0.05)
