"""The servers that are measured beside each other: the product over each database, and the bare page."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from core import clock
from core.accounts.roles import CurrentOperator, Role
from core.accounts.sessions import start_session, start_ticket
from core.application import Application, build
from core.settings import Settings
from core.storage.models import Operator
from dashboard.cookies import session_cookie
from tests.support.live import ROOT, end, environment, free_port, get, running

FOLDER = ROOT / "var" / "bench"
BARE = Path(__file__).parent / "bare.py"
BARE_SETTINGS = """[server]
headless = true
fileWatcherType = "none"
[runner]
postScriptGC = false
[browser]
gatherUsageStats = false
"""
START_SECONDS = 120


@dataclass(frozen=True)
class Server:
    """A running server and who knocks at it."""

    name: str
    url: str
    process: int
    cookies: dict[str, str] = field(default_factory=dict, repr=False)
    app: Application | None = None
    """The product's, in this process, over the same database: to tell what must be seen."""
    by: CurrentOperator | None = None

    def memory(self) -> int:
        """Resident memory in MB."""
        for line in Path(f"/proc/{self.process}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) // 1024
        return 0


@contextmanager
def product(name: str, database_url: str) -> Iterator[Server]:
    """The real dashboard, and somebody signed in."""
    port = free_port()
    settings = Settings(
        database_url=SecretStr(database_url),
        encryption_keys=SecretStr(base64.b64encode(os.urandom(32)).decode()),
        public_url=f"http://localhost:{port}",
        port=port,
    )
    app = build(settings)
    try:
        by, cookies = _sign_in(app)
        with running(environment(settings), port, FOLDER / f"{name}.log".replace(" ", "-")) as process:
            yield Server(name, settings.public_url, process.pid, cookies, app, by)
    finally:
        app.exact.close()
        app.database.dispose()


def _sign_in(app: Application) -> tuple[CurrentOperator, dict[str, str]]:
    with app.database.transaction() as session:
        row = Operator(
            email=f"bench.{os.urandom(4).hex()}@clickker.test",
            name="Bench",
            role=Role.SUPPORT.value,
            language="en",
            created_at=clock.now(),
        )
        session.add(row)
        session.flush()
        by = CurrentOperator(row.id, row.email, row.name, Role.SUPPORT, "en")
    ticket = start_ticket(app, by.id, "bench", "/")
    started = start_session(app, ticket, "bench", "127.0.0.1", "bench")
    return by, {session_cookie(app.settings): started.cookie}


@contextmanager
def bare(name: str, data: Path, *, like_the_product: bool) -> Iterator[Server]:
    """The bare page: by ``streamlit run``, or by uvicorn with a socket of its own, as the product is served."""
    port = free_port()
    settings = (
        FOLDER / ".streamlit" / "config.toml"
    )  # variables of the environment count for `streamlit run` alone
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(BARE_SETTINGS, encoding="utf-8")
    plain = ["-m", "streamlit", "run", str(BARE), "--server.port", str(port)]
    alike = ["-m", "uvicorn", "tests.bench.bare_app:app", "--app-dir", str(ROOT), "--port", str(port)]
    alike += ["--ws", "websockets-sansio", "--no-access-log", "--log-level", "warning"]
    with (FOLDER / f"{name}.log".replace(" ", "-").replace(",", "")).open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *(alike if like_the_product else plain)],
            cwd=FOLDER,
            env=os.environ | {"BENCH_BARE_DATA": str(data), "PYTHONPATH": str(ROOT)},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while get(port, "/_stcore/health") != 200:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the bare page did not start; see {log.name}")
            time.sleep(0.05)
        yield Server(name, f"http://localhost:{port}", process.pid)
    finally:
        end(process)
