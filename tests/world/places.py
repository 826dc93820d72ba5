"""Where lives are lived: a template on each kind of database, and a folder in memory."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir

from core.storage import schema
from core.storage.database import Database
from tests.support.postgres import PostgresServer, running_postgres
from tests.world.installation import hire
from tests.world.stores import PostgresStore, SqliteStore, Store, lay_the_clock

NewStore = Callable[[], Store]


def folder_in_memory() -> str:
    """Where nothing is really written to a disk, if there is such a place."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else gettempdir()  # noqa: S108 - a folder of ours is made in it


def migrate(url: str) -> None:
    opened = Database(url)
    schema.upgrade(opened)
    opened.dispose()


@contextmanager
def on_sqlite() -> Iterator[tuple[NewStore, Path]]:
    """Makes a new database for each life, always in the same place; and a folder for what else lies on a disk."""
    with tempfile.TemporaryDirectory(prefix="clickker-world-", dir=folder_in_memory()) as made:
        folder = Path(made)
        template = folder / "template.db"
        migrate(f"sqlite:///{template}")
        hire(f"sqlite:///{template}")
        with sqlite3.connect(template) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        yield lambda: SqliteStore(folder / "life.db", template), folder / "life"


@contextmanager
def on_postgres(server: PostgresServer, template: str) -> Iterator[tuple[NewStore, Path]]:
    """The same on a server of the tests; ``template``: the name of a migrated database."""
    with (
        tempfile.TemporaryDirectory(prefix="clickker-world-", dir=folder_in_memory()) as made,
        server.new_database(template) as peopled,
        server.new_database(template) as life,
    ):
        hire(peopled)
        lay_the_clock(peopled)
        name = peopled.split("@/")[1].split("?")[0]
        yield lambda: PostgresStore(life, server.url("postgres"), name), Path(made) / "life"


@contextmanager
def a_server() -> Iterator[PostgresServer]:
    """A PostgreSQL of its own, with a migrated template."""
    with running_postgres(f"world{os.getpid()}", migrate) as server:
        yield server
