"""Databases and disks that fail while a block runs: by their own means where they have some."""

from __future__ import annotations

import errno
import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import psycopg
import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from core.tokens import grants, lineage, slots
from core.tokens.archive import Archive
from tests.crash.scene import Scene

NO_ROOM = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@contextmanager
def read_only(scene: Scene) -> Iterator[None]:
    if scene.app.database.is_sqlite:
        with _prepared(scene, "PRAGMA query_only=ON"):
            yield
    else:
        with _prepared(scene, "SET default_transaction_read_only = on"):
            yield


@contextmanager
def busy(scene: Scene) -> Iterator[None]:
    """Somebody else holds what must be written, for longer than anybody waits."""
    url = scene.app.settings.database_url.get_secret_value()
    if scene.app.database.is_sqlite:
        holder = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with _prepared(scene, "PRAGMA busy_timeout=50"):
            yield
        holder.close()
        return
    with psycopg.connect(url) as locker, _prepared(scene, "SET lock_timeout = 50"):
        locker.execute("LOCK TABLE grants IN SHARE MODE")  # who reads may, who writes waits
        yield


@contextmanager
def full(scene: Scene) -> Iterator[None]:
    """No page more: SQLite may not grow while the row needs to; PostgreSQL's own error at the commit."""
    if scene.app.database.is_sqlite:
        pair_columns = grants.pair_columns
        with pytest.MonkeyPatch.context() as patch, _prepared(scene, "PRAGMA max_page_count=1"):
            patch.setattr(lineage, "pair_columns", lambda *given: _fat(pair_columns(*given)))
            yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scene.app.database.engine.dialect, "do_commit", _no_space)
        yield


@contextmanager
def gone(scene: Scene) -> Iterator[None]:
    """The server, or the file, cannot be reached."""
    with pytest.MonkeyPatch.context() as patch:
        scene.app.database.dispose()
        patch.setattr(scene.app.database.engine.dialect, "connect", _unreachable)
        yield


@contextmanager
def cut_after_commit(scene: Scene, times: int = 1) -> Iterator[None]:
    """The next ``times`` commits are done, and the connection breaks before anybody hears of it."""
    dialect = scene.app.database.engine.dialect
    commit, left = dialect.do_commit, list(range(times))

    def cut(connection: Any) -> None:
        commit(connection)
        if left:
            left.pop()
            connection.close()
            raise OperationalError("COMMIT", {}, Exception("server closed the connection unexpectedly"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dialect, "do_commit", cut)
        yield


@contextmanager
def frozen(scene: Scene) -> Iterator[None]:
    """Every process of PostgreSQL that serves this database is stopped; they go on after the block."""
    url = scene.app.settings.database_url.get_secret_value()
    name = urlsplit(url).path.lstrip("/")
    with psycopg.connect(url) as asking:
        query = "SELECT pid FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
        serving = [row[0] for row in asking.execute(query, [name])]
    for number in serving:
        os.kill(number, signal.SIGSTOP)
    try:
        yield
    finally:
        for number in serving:
            os.kill(number, signal.SIGCONT)


@contextmanager
def tiny_disk(folder: Path) -> Iterator[bool]:
    """A disk of 1 MiB at ``folder`` where we may mount one; whether we may."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    with suppress(OSError):
        if subprocess.run(mount, check=False, capture_output=True).returncode == 0:
            try:
                yield True
            finally:
                # Lazily: what a test log remembers of a failed open keeps a file open.
                subprocess.run(["umount", "-l", str(folder)], check=True)
            return
    yield False


def fill(folder: Path, patch: pytest.MonkeyPatch, *, real: bool) -> None:
    """Leave no byte free; where the disk is not ours to fill, let new room be refused the way a full one does."""
    if not real:
        patch.setattr(slots, "_preallocate", _raise_no_room)
        patch.setattr(Archive, "add", _raise_no_room)
        return
    with suppress(OSError), (folder / "ballast").open("wb", buffering=0) as ballast:
        while ballast.write(bytes(512)):
            pass


@contextmanager
def _prepared(scene: Scene, statement: str) -> Iterator[None]:
    """Every connection of this process begins with ``statement`` until the block ends."""

    def prepare(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(statement)
        cursor.close()
        if not scene.app.database.is_sqlite:
            connection.commit()

    engine = scene.app.database.engine
    engine.dispose()
    event.listen(engine, "connect", prepare)
    try:
        yield
    finally:
        event.remove(engine, "connect", prepare)
        engine.dispose()


def _fat(columns: Any) -> Any:
    return columns | {"access_token": os.urandom(2_000_000)}


def _raise_no_room(*_given: Any, **_named: Any) -> NoReturn:
    raise NO_ROOM


def _no_space(_connection: Any) -> NoReturn:
    raise OperationalError("COMMIT", {}, psycopg.errors.DiskFull("No space left on device"))


def _unreachable(*_given: Any, **_named: Any) -> NoReturn:
    raise OperationalError("CONNECT", {}, Exception("connection refused"))
