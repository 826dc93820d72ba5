"""Everything at once on one computer: database, simulator, dashboard, and people to sign in as."""

from __future__ import annotations

import base64
import logging
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import FrameType

import typer

from core.accounts.roles import role_name
from core.application import Application, build
from core.demo import OPERATORS, PASSWORD, add_operators, go_on, in_the_beginning, is_planted, plant
from core.errors import SettingsError
from core.i18n import _
from core.settings import Settings
from core.simulator.config import SimulatorConfig
from core.simulator.server import DEMO_ENVIRONMENTS, RunningSimulator, apps_for, run
from core.storage.schema import current_revision, upgrade
from dashboard.serving import ROOT, check_port_free, server_command

FOLDER = ROOT / "var"
KEY_FILE = FOLDER / "demo.key"
DATABASE = FOLDER / "demo.db"
SIMULATOR_STATE = FOLDER / "simulator.json"
CLIENT_ID = "7b3f6a52-6d0e-4d5c-9c51-0c11cc4e2a01"
START_SECONDS = 90.0


def run_demo(*, reset: bool) -> None:
    """Serve until Ctrl-C or SIGTERM, which ends everything that was started.

    Raises ``SettingsError`` when a port is taken.
    """
    port, simulator_port = _ports()
    check_port_free(port, "CLICKKER_PORT")
    check_port_free(simulator_port, "CLICKKER_SIMULATOR_PORT", "127.0.0.1")
    if reset:
        _wipe()
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGHUP, _stop)
    try:
        _serve(port, simulator_port)
    except KeyboardInterrupt:
        typer.echo(_("Stopped. The demo's data stays in var/; “make demo RESET=1” starts afresh."))


def run_simulator(
    port: int, client_id: str, client_secret: str, redirect_uri: str, state_file: Path | None
) -> None:
    """The simulator alone, in the foreground. Raises ``SettingsError`` when the port is taken."""
    check_port_free(port, "--port", "127.0.0.1")
    url = f"http://127.0.0.1:{port}"
    apps = apps_for(client_id, client_secret, redirect_uri)
    typer.echo(
        _("Exact Online to practise on: {url}").format(
            url=", ".join(f"{url}/{code}" for code in DEMO_ENVIRONMENTS)
        )
    )
    try:
        run(SimulatorConfig(apps, base_url=url, enabled=True, control=True), port=port, state_file=state_file)
    except ValueError as error:
        raise SettingsError(str(error)) from None


def _ports() -> tuple[int, int]:
    settings = Settings()
    return settings.port, settings.simulator_port


def _serve(port: int, simulator_port: int) -> None:
    typer.echo(_("Starting the demo; the first time this takes half a minute ..."))
    variables = _variables(port, simulator_port)
    # Only the demo's own settings count: those of a real installation must not be touched from here.
    for name in [name for name in os.environ if name.startswith("CLICKKER_")]:
        del os.environ[name]
    os.environ.update(variables)
    config = SimulatorConfig(
        apps_for(CLIENT_ID, variables["CLICKKER_EXACT__NL__CLIENT_SECRET"], Settings().redirect_uri),
        enabled=True,
        control=True,
    )
    with RunningSimulator(config, port=simulator_port, state_file=SIMULATOR_STATE) as simulator:
        _prepare(simulator)
        with _dashboard(port) as process:
            _tell(port, simulator_port)
            process.wait()


def _prepare(simulator: RunningSimulator) -> None:
    app = build(Settings())
    try:
        is_new = current_revision(app.database) is None
        with in_the_beginning() if is_new else nullcontext():
            upgrade(app.database)
            add_operators(app)
        if not is_planted(app):
            _plant(app, simulator)
        else:
            _go_on(app)
    finally:
        app.exact.close()
        app.database.dispose()


def _go_on(app: Application) -> None:
    """What fell due since the last time is done before anybody looks."""
    logging.disable(logging.WARNING)
    try:
        go_on(app)
    finally:
        logging.disable(logging.NOTSET)


def _plant(app: Application, simulator: RunningSimulator) -> None:
    logging.disable(logging.WARNING)  # outages and refusals are part of the story here
    try:
        plant(app, simulator.engine)
    except BaseException:  # an interrupted first start leaves nothing half-made for the second
        app.database.dispose()
        _wipe()
        raise
    finally:
        logging.disable(logging.NOTSET)


@contextmanager
def _dashboard(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The server's process, ready to answer."""
    process = subprocess.Popen(server_command(port, "localhost", "quiet"), cwd=ROOT)
    try:
        _wait_until_ready(process, port)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait_until_ready(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _answers(port):
        if process.poll() is not None or time.monotonic() > deadline:
            raise SettingsError(_("The dashboard did not start; what it wrote above says why."))
        time.sleep(0.1)


def _answers(port: int) -> bool:
    connection = HTTPConnection("localhost", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200  # noqa: PLR2004
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _tell(port: int, simulator_port: int) -> None:
    typer.echo("\n" + _("Clickker Connections: {url}").format(url=f"http://localhost:{port}"))
    typer.echo(_("Exact Online to practise on: {url}").format(url=f"http://127.0.0.1:{simulator_port}"))
    typer.echo("\n" + _("Sign in as one of these; the password is “{password}”:").format(password=PASSWORD))
    for operator in OPERATORS:
        typer.echo(f"  {operator.email:24} {role_name(operator.role).lower()} ({operator.name})")
    typer.echo("\n" + _("Press Ctrl-C to stop."))


def _variables(port: int, simulator_port: int) -> dict[str, str]:
    key, client_secret = _secrets()
    variables = {
        "CLICKKER_SECRETS_FILE": os.devnull,
        "CLICKKER_DATABASE_URL": f"sqlite:///{DATABASE}",
        "CLICKKER_PUBLIC_URL": f"http://localhost:{port}",
        "CLICKKER_PORT": str(port),
        "CLICKKER_SIMULATOR_PORT": str(simulator_port),
        "CLICKKER_ENCRYPTION_KEYS": key,
        "CLICKKER_SIMULATOR": "true",
        "CLICKKER_ALLOW_SIMULATOR": "true",
    }
    for code in DEMO_ENVIRONMENTS:
        # Another host name than the dashboard's: cookies and origins behave as with the real Exact.
        variables[f"CLICKKER_EXACT__{code.upper()}__BASE_URL"] = f"http://127.0.0.1:{simulator_port}/{code}"
        variables[f"CLICKKER_EXACT__{code.upper()}__CLIENT_ID"] = CLIENT_ID
        variables[f"CLICKKER_EXACT__{code.upper()}__CLIENT_SECRET"] = client_secret
    return variables


def _secrets() -> tuple[str, str]:
    """The demo's own key and client secret, made at the first start and kept for later ones."""
    if not KEY_FILE.exists():
        FOLDER.mkdir(exist_ok=True)
        KEY_FILE.touch(mode=0o600)
        KEY_FILE.write_text(f"{base64.b64encode(os.urandom(32)).decode()}\n{secrets.token_urlsafe(24)}\n")
    key, client_secret = KEY_FILE.read_text().split()
    return key, client_secret


def _wipe() -> None:
    """The database with all that lies beside it: an archive of before is locked with a key that goes as well."""
    for path in (KEY_FILE, SIMULATOR_STATE, *FOLDER.glob(f"{DATABASE.name}*")):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
