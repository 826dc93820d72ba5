"""Fixtures that every test may use. Real databases, no network, no settings of the machine."""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

import core.settings
from core import i18n
from core.settings import ExactApp, Settings
from core.storage import schema
from core.storage.database import Database
from tests.support.postgres import TEMPLATE, PostgresServer, running_postgres
from tests.support.sockets import loopback_only

if TYPE_CHECKING:
    from core.simulator.server import RunningSimulator

    from core.application import Application

CLIENT_ID = "5d0c9b3e-0000-4000-8000-00000c11c4e2"
CLIENT_SECRET = "secret-of-the-tests"


@pytest.fixture(scope="session", autouse=True)
def _no_world_outside() -> Iterator[None]:
    with loopback_only():
        yield


@pytest.fixture(autouse=True)
def _nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Neither the settings of whoever runs the tests, nor what an earlier test left behind."""
    for name in [name for name in os.environ if name.startswith("CLICKKER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(core.settings, "SECRETS_FILE", tmp_path / "no-secrets.toml")
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
def simulator(request: pytest.FixtureRequest) -> Iterator[RunningSimulator]:
    """A running Exact Online simulator with a fresh state."""
    from core.simulator.server import RunningSimulator  # only tests that ask for it need it

    with RunningSimulator(
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        redirect_uri="http://localhost:8501/exact/callback",
    ) as running:
        yield running


@pytest.fixture
def settings(request: pytest.FixtureRequest) -> Settings:
    """Settings with a key of their own; a test that asks for ``simulator`` gets apps that point at it."""
    made = Settings(encryption_keys=SecretStr(base64.b64encode(os.urandom(32)).decode()))
    if "simulator" not in request.fixturenames:
        return made
    url = request.getfixturevalue("simulator").url
    exact_app = ExactApp(client_id=CLIENT_ID, client_secret=SecretStr(CLIENT_SECRET), base_url=url)
    return made.model_copy(update={"exact": dict.fromkeys(("nl", "be", "de"), exact_app), "simulator": True})


@pytest.fixture
def app(settings: Settings, database: Database, database_url: str) -> Iterator[Application]:
    """The application over ``database``, served by ``application()`` as well."""
    from core.exact.client import ExactClient
    from core.tokens.vault import Vault

    from core import application

    full = settings.model_copy(update={"database_url": SecretStr(database_url)})
    made = application.Application(
        settings=full,
        database=database,
        vault=Vault(full.encryption_keys.get_secret_value()),
        exact=ExactClient(full),
    )
    application.use(made)
    yield made
    application.use(None)
    made.exact.close()


def _migrate(url: str) -> None:
    opened = Database(url)
    schema.upgrade(opened)
    opened.dispose()
