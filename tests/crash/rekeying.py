"""Everything is encrypted anew by a process that is killed again and again, while others refresh tokens."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from pydantic import SecretStr
from sqlalchemy import func, select

from core import clock
from core.application import Application
from core.exact.oauth import TokenPair
from core.storage.models import Alarm, Grant, new_uuid
from core.tokens.grants import pair_columns, read_access_token, read_refresh_token
from core.tokens.keys_in_use import list_keys
from core.tokens.rotation import access_token
from core.tokens.vault import Vault
from tests.crash.scene import Scene

RESTING = 400
"""Rows that nobody refreshes meanwhile: a few batches."""
REFRESHED = 4
OFTEN: dict[str, object] = {"token_min_age_seconds": 0}
"""The setting with which a token may be refreshed at any time; the simulator is told the same."""


@dataclass
class Change:
    """A new key is put in front of the installation of a scene."""

    scene: Scene
    dice: random.Random
    old: str = ""
    new: str = field(default_factory=Vault.generate_key)
    resting: dict[str, str] = field(default_factory=dict)
    refreshed: dict[str, str] = field(default_factory=dict)
    """Grant to the login it belongs to."""
    kills: int = 0
    mended: int = 0
    """Kills after which some rows were done, and others not."""

    def __post_init__(self) -> None:
        self.old = self.scene.app.settings.encryption_keys.get_secret_value()
        self.scene.simulator.engine.configure(min_refresh_age=0)
        self.resting = _rest(self.scene.app, RESTING)
        for _number in range(REFRESHED):
            user = self.scene.crowd(self.dice.randrange(10**6))
            self.refreshed[self.scene.connected(user)] = user

    def settings(self, *keys: str) -> dict[str, object]:
        return self.scene.settings(encryption_keys=",".join(keys))

    @contextmanager
    def application(self, *keys: str) -> Iterator[Application]:
        settings = self.scene.app.settings.model_copy(update={"encryption_keys": SecretStr(",".join(keys))})
        app = Application(settings, self.scene.app.database, Vault(",".join(keys)), self.scene.app.exact)
        try:
            yield app
        finally:
            app.journal.close()

    def under_the_old_key(self) -> int:
        with self.application(self.new, self.old) as app:
            return sum(key.count for key in list_keys(app) if not key.first)


def play(scene: Scene, seed: int, kills: int) -> Change:
    """Change the key under load with ``kills`` kills. Raises ``AssertionError`` when anything is lost or misjudged."""
    change = Change(scene, random.Random(seed))
    alarms = _alarms(scene.app)
    # One process was not restarted yet: it knows the new key and still encrypts with the old one.
    late = scene.start(
        "refresh on",
        grants=list(change.refreshed),
        times=5 * kills,
        settings=change.settings(change.old, change.new),
    )
    with change.application(change.new, change.old) as app, _refreshing(app, change) as count:
        for _number in range(kills):
            _kill_one(change)
        late.result()
        ended = scene.start("rekey", settings=change.settings(change.new, change.old)).result()
    assert (ended["busy"], ended["stuck"]) == (0, [])
    assert count.value > 0
    _is_whole(change)
    assert _alarms(scene.app) == alarms, "a successor was called an orphan"
    return change


def _kill_one(change: Change) -> None:
    settings = change.settings(change.new, change.old)
    before = change.under_the_old_key()
    worker = change.scene.start("rekey", settings=settings)
    worker.wait_for("started")
    time.sleep(change.dice.uniform(0, 0.25))
    worker.kill()
    change.kills += 1
    change.mended += 0 < change.under_the_old_key() < before


@dataclass
class Count:
    value: int = 0


@contextmanager
def _refreshing(app: Application, change: Change) -> Iterator[Count]:
    """Threads that refresh without pause, in a process that has been restarted already."""
    stop, count, failed = threading.Event(), Count(), []

    def refresh(grant_id: str) -> None:
        while not stop.is_set():
            try:
                access_token(app, grant_id)
                count.value += 1
            except Exception as error:
                failed.append(error)
                return

    threads = [threading.Thread(target=refresh, args=(each,)) for each in change.refreshed]
    for thread in threads:
        thread.start()
    try:
        yield count
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failed == []


def _is_whole(change: Change) -> None:
    """With the new key alone every token opens, and is the one that Exact would take."""
    with change.application(change.new) as app:
        assert [key.name for key in list_keys(app) if not key.set_up] == []
        with app.database.read() as session:
            rows = {row.id: row for row in session.scalars(select(Grant))}
        for grant_id, token in change.resting.items():
            row = rows[grant_id]
            assert read_refresh_token(app.vault, row) == token
            assert read_access_token(app.vault, row) == f"access of {token}"
            assert row.fingerprint == app.vault.fingerprint(token)
        for grant_id, user in change.refreshed.items():
            assert {read_refresh_token(app.vault, rows[grant_id])} == change.scene.live(user)
            assert app.exact.me("nl", access_token(app, grant_id)).user_id
            assert rows[grant_id].refusals == 0


def _rest(app: Application, count: int) -> dict[str, str]:
    made = {new_uuid(): f"resting {number}" for number in range(count)}
    now = clock.now()
    with app.database.transaction() as session:
        for grant_id, token in made.items():
            pair = TokenPair(f"access of {token}", token, now + timedelta(days=1))
            session.add(
                Grant(
                    id=grant_id,
                    environment="nl",
                    client_id="resting",
                    created_at=now,
                    rotated_at=now,
                    **pair_columns(app.vault, grant_id, pair),
                )
            )
    return made


def _alarms(app: Application) -> int:
    with app.database.read() as session:
        return session.scalar(select(func.count()).select_from(Alarm)) or 0
