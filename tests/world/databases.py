"""The product's databases on the hub: each statement a point, and nobody waits where others cannot go on."""

from __future__ import annotations

import select
import sqlite3
from datetime import datetime
from functools import cache
from typing import Any

import psycopg
from psycopg import waiting
from psycopg.pq import ConnStatus
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from core.storage.database import Database
from tests.world.hub import Hub

BUSY_SECONDS = 30.0
"""How long a statement waits for SQLite's write lock before it fails, as in ``core.storage.database``."""
_LOOK_SECONDS = 0.02


class Watch:
    """The statements of one process's database, each a point; and on SQLite who holds the one write lock.

    A database is opened once and used in many lives: what its statements compile to costs more than they do.
    """

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        self.hub: Hub
        self.writers: dict[str, Any]
        """'writer': the driver's connection that may write, on SQLite; shared by all processes. 'owner': whose."""
        engine = self.database.engine
        event.listen(engine, "before_cursor_execute", self._before)
        if self.database.is_sqlite:
            event.listen(engine, "connect", _without_sync)
        dialect: Any = engine.dialect
        self._commit, self._rollback = dialect.do_commit, dialect.do_rollback
        dialect.do_commit, dialect.do_rollback = self._committing, self._rolling_back

    def _committing(self, connection: Any) -> None:
        self.hub.point("commit")
        self._commit(connection)
        self._let_go(connection)
        self.hub.point("committed")

    def _rolling_back(self, connection: Any) -> None:
        try:
            self._rollback(connection)
        finally:
            self._let_go(connection)

    def _let_go(self, connection: Any) -> None:
        driver = getattr(connection, "driver_connection", connection)
        if self.writers["writer"] is driver:
            self.writers["writer"] = self.writers["owner"] = None

    def _before(self, connection: Any, _cursor: Any, statement: str, *_rest: object) -> None:
        self.hub.point("statement")
        if statement != "BEGIN IMMEDIATE":
            return
        task, writers = self.hub.current, self.writers
        if task is None:
            if writers["writer"] is not None:
                raise AssertionError("the world itself writes while somebody else does")
            return
        if writers["locked"] is not None and self.hub.time < writers["locked"]:
            raise _is_locked(statement)
        if writers["writer"] is not None and not self.hub.wait(
            lambda: writers["writer"] is None, BUSY_SECONDS
        ):
            raise _is_locked(statement)
        writers["writer"], writers["owner"] = connection.connection.driver_connection, task.process


_watches: dict[tuple[str, str], Watch] = {}


def watched(url: str, name: str, hub: Hub, writers: dict[str, Any]) -> Database:
    """The database at ``url`` as the process ``name`` opens it, on this hub."""
    if (url, name) not in _watches:
        _watches[url, name] = Watch(url)
    watch = _watches[url, name]
    watch.hub, watch.writers = hub, writers
    watch.database.info.clear()
    return watch.database


@cache
def archive_of(url: str) -> Database:
    """The file of a journal's archive, opened once for many lives."""
    opened = Database(url)
    event.listen(opened.engine, "connect", _without_sync)
    return opened


def _without_sync(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")


def _is_locked(statement: str) -> OperationalError:
    return OperationalError(statement, None, sqlite3.OperationalError("database is locked"))


class Monitor:
    """A connection of the world's own to PostgreSQL: it tells the time, and looks who waits for whom."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._opened: psycopg.Connection[Any] | None = None

    @property
    def connection(self) -> psycopg.Connection[Any]:
        if self._opened is None:
            self._opened = psycopg.connect(self._url, autocommit=True)
        return self._opened

    def tell_the_time(self, now: datetime) -> None:
        self.connection.execute("UPDATE world.clock SET now = %s", [now])

    def is_blocked(self, pid: int) -> bool:
        row = self.connection.execute("SELECT pg_blocking_pids(%s)", [pid]).fetchone()
        return bool(row and row[0])

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None


class PostgresWaits:
    """psycopg's wait for the server's answer: whoever is blocked by somebody who is held lets others run."""

    def __init__(self, hub: Hub, monitor: Monitor) -> None:
        self._hub = hub
        self._monitor = monitor
        self._real = psycopg.Connection.wait

    def wait(self, connection: Any, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        if self._hub.current is None or connection is self._monitor.connection:
            return self._real(connection, gen, interval, timeout)
        pgconn = connection.pgconn
        if pgconn.status != ConnStatus.OK:
            return self._real(connection, gen, interval, timeout)
        return waiting.wait(self._patient(gen, pgconn.socket, pgconn.backend_pid), pgconn.socket)

    def _patient(self, gen: Any, socket: int, pid: int) -> Any:
        """The same generator; before the driver waits for the server we look whether that can take for ever."""
        try:
            wanted = next(gen)
            while True:
                if wanted == waiting.Wait.R:
                    self._let_others_run(socket, pid)
                ready = yield wanted
                wanted = gen.send(ready)
        except StopIteration as end:
            return end.value

    def _let_others_run(self, socket: int, pid: int) -> None:
        while not select.select([socket], [], [], _LOOK_SECONDS)[0]:
            if self._monitor.is_blocked(pid):
                self._hub.wait(lambda: not self._monitor.is_blocked(pid))
