"""The real code against the simulator's engine without a socket, with a clock that the test moves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import httpx
from pydantic import SecretStr
from sqlalchemy import select

from core import clock
from core.application import Application
from core.exact.client import ExactClient
from core.settings import ExactApp, Settings
from core.simulator.config import SimulatorConfig
from core.simulator.data import Directory
from core.simulator.engine import Engine
from core.simulator.server import apps_for
from core.storage.database import Database
from core.storage.models import Grant
from core.tokens.archive import _answers
from core.tokens.grants import read_refresh_token, save_candidate, store_pair
from core.tokens.records import unseal
from core.tokens.vault import Vault
from tests.support.wire import ROOT, Wire

CLIENT_ID, SECRET, VERIFIER = "the-client", "the-secret", "v" * 43


@dataclass
class World:
    """One application, the Exact it talks to, and the time in both."""

    app: Application
    engine: Engine
    wire: Wire
    later: World | None = None
    """The same installation as it goes on after a restart, where a test has restarted it."""

    def advance(self, seconds: float) -> None:
        """Time passes, here and at Exact."""
        clock._offset += timedelta(seconds=seconds)

    def wait_for(self, hour: int) -> None:
        """Until it is that hour (of UTC) the next time."""
        coming = self.now().replace(hour=hour, minute=0)
        if coming <= self.now():
            coming += timedelta(days=1)
        self.advance((coming - self.now()).total_seconds())

    def now(self) -> datetime:
        return clock.now()

    def connect(self, user: str, environment: str = "nl") -> str:
        """A customer's consent, in a new row."""
        code = self.engine.grant_code(environment, user)
        return save_candidate(self.app, environment, self.app.exact.exchange(environment, code, VERIFIER))

    def consent_again(self, grant_id: str, user: str) -> None:
        """The same customer consents anew, into the same row."""
        pair = self.app.exact.exchange("nl", self.engine.grant_code("nl", user), VERIFIER)
        with self.app.database.transaction() as session:
            store_pair(session, self.app.vault, session.get_one(Grant, grant_id), pair)

    def row(self, grant_id: str) -> Grant:
        with self.app.database.read() as session:
            return session.get_one(Grant, grant_id)

    def change(self, grant_id: str, **columns: object) -> None:
        with self.app.database.transaction() as session:
            grant = session.get_one(Grant, grant_id)
            for name, value in columns.items():
                setattr(grant, name, value)

    def held(self, grant_id: str) -> str:
        return read_refresh_token(self.app.vault, self.row(grant_id))

    def live(self, user: str, environment: str = "nl") -> set[str]:
        """The refresh tokens of this user that Exact would accept."""
        return {
            issued.refresh_token
            for issued in self.engine.journal()
            if (issued.user, issued.environment, issued.condition) == (user, environment, "live")
        }

    def kept(self, grant_id: str) -> str:
        """Everything that is kept of this grant, in plain text: its row, the slots, the archive."""
        app, known = self.app, [self.held(grant_id)]
        for slot in app.journal.slots.left_behind():
            sealed = slot.read()
            known += [unseal(app.vault, sealed).body.decode("latin-1")] if sealed else []
        archive = app.journal.archive
        if archive._path.exists():
            with archive._database().read() as rows:
                every = rows.execute(select(_answers.c.sealed).where(_answers.c.sealed.is_not(None)))
                known += [unseal(app.vault, each[0]).body.decode("latin-1") for each in every]
        return "\n".join(known)

    def forget(self, grant_id: str) -> None:
        """Nothing of it is left here or at Exact."""
        self.app.journal.forget([grant_id])
        self.engine.reset()
        self.wire.next.clear()
        self.wire.spends.clear()
        self.wire.release.clear()
        self.later = None

    def with_vault(self, vault: Vault) -> World:
        """The same installation after a start with other keys."""
        app = Application(self.app.settings, self.app.database, vault, self.app.exact)
        return World(app, self.engine, self.wire)


def quiet_settings(folder: Path, url: str, **changes: object) -> Settings:
    """Settings of an installation with one app in three countries, and few slots: each is looked at before a spend."""
    apps = {
        code: ExactApp(client_id=CLIENT_ID, client_secret=SecretStr(SECRET), base_url=f"{ROOT}/{code}")
        for code in ("nl", "be", "de")
    }
    base: dict[str, object] = {
        "database_url": SecretStr(url),
        "encryption_keys": SecretStr(Vault.generate_key()),
        "journal_dir": str(folder / "journal"),
        "journal_slots": 2,
        "exact": apps,
        "simulator": True,
    }
    return Settings(**(base | changes))  # type: ignore[arg-type]


@contextmanager
def world(folder: Path, url: str, directory: Directory | None = None, **changes: object) -> Iterator[World]:
    """A world over the migrated database at ``url``; the clock is put back afterwards."""
    settings = quiet_settings(folder, url, **changes)
    redirect = settings.redirect_uri
    config = SimulatorConfig(apps_for(CLIENT_ID, SECRET, redirect), base_url=ROOT, enabled=True)
    engine = Engine(config, directory=directory)
    wire, exact = Wire(engine), ExactClient(settings)
    exact._http = httpx.Client(transport=wire)
    database = Database(url)
    app = Application(settings, database, Vault(settings.encryption_keys.get_secret_value()), exact)
    before = clock._offset
    try:
        yield World(app, engine, wire)
    finally:
        clock._offset = before
        wire.release.set()
        exact.close()
        app.journal.close()
        database.dispose()
