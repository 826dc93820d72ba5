"""A server that starts has a database of this version; while it runs, statuses are derived when their time comes."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from core import clock
from core.application import Application, use
from core.registrations.status import Status
from core.storage.database import Database
from core.storage.models import Registration
from core.storage.schema import is_current
from dashboard import housekeeping
from dashboard.limits import allow, forget
from tests.factories import make_connected


@pytest.fixture
def thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


def status(app: Application, number: int) -> str:
    with app.database.read() as session:
        return session.get_one(Registration, number).status


def test_old_news_stops_being_green_by_itself(app: Application) -> None:
    number = make_connected(app.database)
    assert status(app, number) == Status.CONNECTED
    with clock.shifted(timedelta(days=app.settings.fresh_days, minutes=1)):
        housekeeping.tidy()
        assert status(app, number) != Status.CONNECTED


def test_the_server_upgrades_its_database_and_keeps_house(
    app: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, thawed: None
) -> None:
    empty = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    use(Application(app.settings, empty, app.vault, app.exact))
    tidied = asyncio.Event()
    monkeypatch.setattr(housekeeping, "EVERY_SECONDS", 0.01)
    failures = iter([OSError("gone")])

    async def live() -> None:
        loop = asyncio.get_running_loop()

        def tidy() -> None:
            for failure in failures:
                raise failure
            loop.call_soon_threadsafe(tidied.set)

        monkeypatch.setattr(housekeeping, "tidy", tidy)
        async with housekeeping.lifespan(None):  # type: ignore[arg-type]
            await asyncio.wait_for(tidied.wait(), 20)

    asyncio.run(live())
    assert is_current(empty)
    empty.dispose()


def test_a_bucket_fills_and_empties(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = [0.0]
    monkeypatch.setattr("dashboard.limits.monotonic", lambda: moment[0])
    forget()
    assert [allow("here", 3) for _round in range(4)] == [True, True, True, False]
    assert allow("elsewhere", 3)
    moment[0] = 21.0
    assert [allow("here", 3), allow("here", 3)] == [True, False]
    forget()
