"""Fixtures that every test may use. Real databases, no network, no settings of the machine."""

from __future__ import annotations

import base64
import logging
import os
import shutil
import sys
import threading
from collections.abc import Generator, Iterator
from functools import cache
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request
from pydantic import SecretStr
from streamlit.components.v2 import manifest_scanner

from core import application, i18n
from core.application import Application
from core.exact.client import ExactClient
from core.settings import Settings
from core.simulator.server import RunningSimulator
from core.storage import schema
from core.storage.database import Database
from core.tokens.vault import Vault
from tests.support.chromium import fresh_page, new_profile, running_browser, take_picture
from tests.support.exact import exact_apps, new_simulator
from tests.support.live import Live, live_dashboard
from tests.support.postgres import TEMPLATE, PostgresServer, running_postgres
from tests.support.sockets import loopback_only

_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell fixtures, which end after the test, whether it failed."""
    report = yield
    if report.when == "call":
        item.stash[_FAILED] = report.failed
    return report


@pytest.fixture(scope="session", autouse=True)
def _nothing_of_this_machine() -> Iterator[None]:
    """No network beyond this machine, and no settings of whoever runs the tests."""
    with loopback_only(), pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("CLICKKER_")]:
            patch.delenv(name)
        patch.setenv("CLICKKER_SECRETS_FILE", os.devnull)
        yield


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """Every command sends all logs through a handler of its own, and a service speaks up: that ends with the test."""
    root, ours = logging.getLogger(), logging.getLogger("clickker")
    before, level, our_level = list(root.handlers), root.level, ours.level
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    yield
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    logging.captureWarnings(False)
    ours.setLevel(our_level)
    # Pytest's own come and go with the parts of a test.
    for handler in [held for held in root.handlers if type(held).__module__.startswith("core.")]:
        if handler not in before:
            root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture(scope="session", autouse=True)
def _components_are_looked_for_once() -> Iterator[None]:
    """For each page that AppTest runs Streamlit reads the metadata of everything installed: a tenth of a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests)
        )
        yield


@pytest.fixture(autouse=True)
def _in_english() -> Iterator[None]:
    with i18n.language("en"):
        yield


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres(testrun_uid: str) -> Iterator[PostgresServer]:
    """The PostgreSQL server of this test run."""
    with running_postgres(testrun_uid[:12], _migrate) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a migrated, empty database; every test that asks for it runs on both kinds."""
    if request.param == "sqlite":
        shutil.copyfile(request.getfixturevalue("sqlite_template"), tmp_path / "test.db")
        yield f"sqlite:///{tmp_path / 'test.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with server.new_database(TEMPLATE) as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated, empty database."""
    opened = Database(database_url)
    yield opened
    opened.dispose()


@pytest.fixture
def simulator() -> Iterator[RunningSimulator]:
    """A running Exact Online simulator with a fresh state."""
    running = new_simulator()
    running.start()
    yield running
    running.stop()  # and it ends beside the next test


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings with a key of their own; a test that asks for ``simulator`` gets apps that point at it."""
    made = Settings(
        encryption_keys=SecretStr(base64.b64encode(os.urandom(32)).decode()),
        journal_dir=str(tmp_path / "journal"),
    )
    if "simulator" not in request.fixturenames:
        return made
    return made.model_copy(
        update={"exact": exact_apps(request.getfixturevalue("simulator")), "simulator": True}
    )


@pytest.fixture
def app(settings: Settings, database: Database, database_url: str) -> Iterator[Application]:
    """The application over ``database``, served by ``application()`` as well."""
    full = settings.model_copy(update={"database_url": SecretStr(database_url)})
    made = Application(
        settings=full,
        database=database,
        vault=Vault(full.encryption_keys.get_secret_value()),
        exact=ExactClient(full),
    )
    application.use(made)
    yield made
    application.use(None)
    made.exact.close()
    made.journal.close()


@pytest.fixture(scope="module")
def live(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The real dashboard in a process of its own, and a simulator, for all tests of a module.

    On SQLite, unless: ``@pytest.mark.parametrize("live", ["sqlite", "postgresql"], indirect=True)``.
    """
    folder = tmp_path_factory.mktemp("live")
    if getattr(request, "param", "sqlite") == "sqlite":
        with live_dashboard(f"sqlite:///{folder / 'live.db'}", folder) as running:
            yield running
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with server.new_database(TEMPLATE) as url, live_dashboard(url, folder) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, started once a module: while it runs, Playwright's event loop does, and nobody can start another."""
    with running_browser() as started:
        yield started


@pytest.fixture(scope="module")
def profile(browser: Browser) -> Iterator[BrowserContext]:
    """Loads Streamlit's own files once a module."""
    with new_profile(browser) as made:
        yield made


@pytest.fixture
def page(profile: BrowserContext, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page in English of somebody who was never here; a failing test leaves its picture in var/test-results."""
    with fresh_page(profile) as opened:
        yield opened
        if request.node.stash.get(_FAILED, False):
            take_picture(opened, request.node.name)


@pytest.fixture
def complaints(page: Page) -> list[str]:
    """What the browser says that it should not have to: errors in its console, and requests that failed.

    One that was still under way when the page was left is given up, and nothing wrong.
    """
    said: list[str] = []

    def failed(request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":
            said.append(f"{request.url} {request.failure}")

    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("requestfailed", failed)
    return said


def _migrate(url: str) -> None:
    opened = Database(url)
    schema.upgrade(opened)
    opened.dispose()
