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
from core.keeping.chores import settle_all
from core.keeping.lock import KeeperRunning, only_keeper
from core.registrations import heartbeat
from core.registrations.status import Status
from core.storage.database import Database
from core.storage.models import Registration
from core.storage.schema import is_current
from dashboard import housekeeping
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
        settle_all(app)
        assert status(app, number) != Status.CONNECTED


def test_the_server_upgrades_its_database_and_keeps_connections_alive(
    app: Application, tmp_path: Path, thawed: None
) -> None:
    empty = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    served = Application(app.settings, empty, app.vault, app.exact)
    use(served)

    async def live() -> None:
        async with housekeeping.lifespan(None):  # type: ignore[arg-type]
            async with asyncio.timeout(20):
                while heartbeat.is_missing(heartbeat.last_ran(served), clock.now()):
                    await asyncio.sleep(0.01)
            with pytest.raises(KeeperRunning), only_keeper(empty):
                pass

    asyncio.run(live())
    assert is_current(empty)
    with only_keeper(empty):
        pass
    empty.dispose()


def test_a_server_beside_another_keeper_serves_on_and_says_so(
    app: Application, tmp_path: Path, thawed: None, caplog: pytest.LogCaptureFixture
) -> None:
    empty = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    use(Application(app.settings, empty, app.vault, app.exact))

    async def live() -> None:
        async with housekeeping.lifespan(None), asyncio.timeout(20):  # type: ignore[arg-type]
            while "runs without a keeper" not in caplog.text:
                await asyncio.sleep(0.01)

    with only_keeper(empty):
        asyncio.run(live())
    empty.dispose()
