"""One keeper on a SQLite file: a lock beside it, which the system lets go when the process ends, however it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from core.errors import Conflict
from core.i18n import _
from core.storage.database import Database


class KeeperRunning(Conflict):
    """Another keeper is at work on this SQLite file."""


@contextmanager
def only_keeper(database: Database) -> Iterator[None]:
    """Be the one keeper of a SQLite file; of PostgreSQL there may be any number. Raises ``KeeperRunning``."""
    path = database.engine.url.database
    if not database.is_sqlite or not path or path == ":memory:":
        yield
        return
    lock = FileLock(f"{path}.keeper", timeout=0, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        raise KeeperRunning(
            _(
                "Another keeper is already at work on this database. SQLite takes one: stop “clickker keeper”, or "
                "the dashboard that keeps (CLICKKER_KEEPER=off leaves it to “clickker keeper”)."
            )
        ) from None
    try:
        yield
    finally:
        lock.release()
