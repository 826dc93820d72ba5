"""What Clickker has running: processes over one database, each with its journal; ended, started, restored, rekeyed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
from pydantic import SecretStr
from sqlalchemy import select

from core import clock
from core.accounts.operators import add_operator
from core.accounts.roles import CurrentOperator, Role
from core.alarms import sending
from core.application import Application
from core.exact.client import ExactClient
from core.keeping.keeper import Keeper
from core.settings import ExactApp, Settings
from core.storage.database import Database
from core.storage.models import Operator
from core.tokens.vault import Vault
from tests.support.wire import ROOT
from tests.world.databases import Monitor, watched
from tests.world.exact import CLIENT_ID, SECRET, WorldWire, new_engine
from tests.world.hub import Hub, Process
from tests.world.stage import Disk, staged
from tests.world.stores import Store

COUNTRIES = ("nl", "be")
PEOPLE = (
    ("Alice", Role.SUPPORT),
    ("Ahmed", Role.SUPPORT),
    ("Bob", Role.ACCOUNT_MANAGER),
    ("Carla", Role.ADMIN),
)


@dataclass
class Running:
    """One process: what the hub knows of it, and its application."""

    process: Process
    app: Application
    keeper: Keeper | None
    turning: Any = None
    """The keeper's turn that is under way."""


@dataclass
class Message:
    """An alarm that went out."""

    at: Any
    address: str
    title: str
    body: str


@dataclass
class Post:
    """Where alarms arrive; ``down`` while the mail server does not answer."""

    down: bool = False
    arrived: list[Message] = field(default_factory=list)


class Installation:
    """Two processes of the dashboard and, on PostgreSQL, two keepers among three; one on SQLite."""

    def __init__(
        self,
        hub: Hub,
        disk: Disk,
        store: Store,
        folder: Path,
        *,
        variants: dict[str, object],
        monitor: Monitor | None,
    ) -> None:
        self.hub, self.disk, self.store, self.folder = hub, disk, store, folder
        self.writers: dict[str, Any] = {"writer": None, "owner": None, "locked": None}
        self.keys = Vault.generate_key()
        self.post = Post()
        settings = self._settings("one")
        self.engine = new_engine(hub, settings.redirect_uri, **variants)
        self.wire = WorldWire(hub, self.engine)
        disk.written, disk.failed = self.wire.kept, self.wire.not_kept
        self.running: dict[str, Running] = {}
        self.monitor = monitor
        self.saved = False
        self.restored = 0
        self.kills = 0

    def settings_changed(self) -> None:
        for name in list(self.running):
            self.stop(name)
            self.start(name)

    def _settings(self, name: str) -> Settings:
        apps = {
            code: ExactApp(client_id=CLIENT_ID, client_secret=SecretStr(SECRET), base_url=f"{ROOT}/{code}")
            for code in COUNTRIES
        }
        return Settings(
            database_url=SecretStr(self.store.url),
            encryption_keys=SecretStr(self.keys),
            journal_dir=str(self.folder / f"journal-{self._machine(name)}"),
            audit_head=str(self.folder / f"{self._machine(name)}.head"),
            journal_slots=3,
            exact=apps,
            simulator=True,
            alarm_support=SecretStr("json://support.example"),
            alarm_owner=SecretStr("json://owner.example/{email}"),
        )

    def _machine(self, name: str) -> str:
        """On SQLite all processes are on one machine and share its journal."""
        return "one" if self.store.is_sqlite else name

    def _keeps(self, name: str) -> bool:
        """SQLite takes one keeper; PostgreSQL any number."""
        return name == "one" or (name == "two" and not self.store.is_sqlite)

    def start(self, name: str) -> Running:
        """A process starts: everything of it is new but its disk."""
        settings = self._settings(name)
        exact = ExactClient(settings)
        exact._http = httpx.Client(transport=self.wire)
        database = watched(self.store.url, name, self.hub, self.writers)
        app = Application(settings, database, Vault(self.keys), exact)
        process = Process(name)
        made = Running(process, app, Keeper(app) if self._keeps(name) else None)
        self.running[name] = made
        return made

    def stop(self, name: str) -> None:
        """A process ends, wherever it stands."""
        running = self.running.pop(name)
        self.hub.end(running.process)
        self.wire.ended()
        running.app.database.dispose()
        running.app.journal.close()
        if self.writers["owner"] is running.process:
            self.writers["writer"] = self.writers["owner"] = None

    def reap(self) -> None:
        """Whoever was ended at a point of its own is taken away and started anew."""
        for name, running in list(self.running.items()):
            if not running.process.alive:
                self.kills += 1
                self.stop(name)
                self.start(name)

    def save(self) -> None:
        """A backup, while nobody is in the middle of anything."""
        self._with_nobody(self.store.save)
        self.saved = True

    def restore(self) -> None:
        """The backup is put back; every process starts anew."""
        self._with_nobody(self.store.restore)
        self.restored += 1

    def _with_nobody(self, do: Any) -> None:
        names = list(self.running)
        for name in names:
            self.stop(name)
        if self.monitor is not None:
            self.monitor.close()
        do()
        if self.monitor is not None:
            self.monitor.tell_the_time(self.hub.time)
        for name in names:
            self.start(name)

    def send(self, address: str, title: str, body: str) -> str:
        """What ``core.alarms.sending.send`` does, without a network."""
        if self.post.down:
            return sending.UNREACHABLE
        self.post.arrived.append(Message(self.hub.time, address, title, body))
        return ""

    def new_key(self) -> None:
        """A new first key; every process is started with it."""
        self.keys = f"{Vault.generate_key()},{self.keys}"
        self.settings_changed()

    def set_clock(self, names: list[str], hours: float) -> None:
        for name in names:
            self.running[name].process.skew = timedelta(hours=hours)

    def close(self) -> None:
        for name in list(self.running):
            self.stop(name)


@contextmanager
def installed(
    store: Store, folder: Path, seed: int, **variants: object
) -> Iterator[tuple[Installation, list[CurrentOperator]]]:
    """An installation with its people, on the hub for the length of the block."""
    hub = Hub()
    disk = Disk(hub)
    monitor = None if store.is_sqlite else Monitor(store.url)
    hub.switched = _set_offset
    with ExitStack() as stack:
        if monitor is not None:
            stack.callback(monitor.close)
            hub.moved = monitor.tell_the_time
        stack.enter_context(staged(hub, disk, seed, monitor))
        made = Installation(hub, disk, store, folder, variants=variants, monitor=monitor)
        stack.enter_context(patch.object(sending, "send", made.send))
        stack.callback(made.close)
        for name in ("one", "two"):
            made.start(name)
        yield made, _people(made)


def _set_offset(skew: timedelta) -> None:
    clock._offset = skew


def _people(made: Installation) -> list[CurrentOperator]:
    with made.running["one"].app.database.read() as session:
        rows = session.scalars(select(Operator).order_by(Operator.id)).all()
    return [CurrentOperator(row.id, row.email, row.name, Role(row.role), "en") for row in rows]


def hire(url: str) -> None:
    """Put the operators into a template, as the command line does; once, for a password takes its time."""
    settings = Settings(database_url=SecretStr(url), encryption_keys=SecretStr(Vault.generate_key()))
    database = Database(url)
    app = Application(
        settings, database, Vault(settings.encryption_keys.get_secret_value()), ExactClient(settings)
    )
    for name, role in PEOPLE:
        add_operator(app, f"{name.lower()}@clickker.example", name, role, "a long enough phrase", "en")
    database.dispose()
