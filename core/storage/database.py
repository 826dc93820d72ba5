"""The engine, and the one door through which rows are written."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from psycopg.types.string import StrDumperUnknown as StrDumper
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import InternalError, OperationalError
from sqlalchemy.orm import Session

from core.storage.database_address import read_address
from core.storage.quiet_errors import quieten
from core.storage.rows import Prepared, Rows

T = TypeVar("T")
BUSY_MS = 30_000
"""How long a transaction that writes waits for another."""
PATIENCE_MS = 100
"""The same for what is only noted while somebody reads."""
_log = logging.getLogger(__name__)


class Database:
    """An engine with two ways in: ``transaction()`` writes and commits, ``read()`` never does."""

    def __init__(self, url: str) -> None:
        self.engine = _create_engine(url)
        self._prepared: dict[Hashable, Prepared] = {}
        self.info: dict[str, Any] = {}
        """What every transaction carries along in ``session.info``."""
        self._writing = self.engine.execution_options(clickker_write=True)

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Commit at the end of the block, roll back on any exception. Nothing else commits."""
        with Session(self._writing, expire_on_commit=False, info=self.info) as session, session.begin():
            yield session

    def unless_busy(self, work: Callable[[Session], T], otherwise: T, patience: int = PATIENCE_MS) -> T:
        """Do ``work`` in a transaction of its own; ``otherwise`` when that would have to wait for somebody else's, or
        the database takes nothing at the moment.

        For what is noted while somebody reads: a page waits for no other longer than ``patience`` milliseconds.
        """
        try:
            with self.hurried(patience) as session:
                return work(session)
        except (OperationalError, InternalError) as error:
            _log.debug("Not noted, the database is busy or takes nothing: %s", type(error.orig).__name__)
            return otherwise

    @contextmanager
    def hurried(self, patience: int = PATIENCE_MS) -> Iterator[Session]:
        """As ``transaction``, and raises ``OperationalError`` rather than wait for another."""
        writing = self.engine.execution_options(clickker_write=True, clickker_patience=patience)
        with Session(writing, expire_on_commit=False, info=self.info) as session, session.begin():
            if not self.is_sqlite:
                session.execute(text(f"SET LOCAL lock_timeout = {int(patience)}"))
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A snapshot to read from; whatever is written in it is rolled back."""
        with Session(self.engine, expire_on_commit=False, autoflush=False) as session:
            yield session

    def ping(self) -> None:
        """Ask the database for a sign of life; raises what the driver raises."""
        with self.engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")

    @contextmanager
    def rows(self) -> Iterator[Rows]:
        """A connection without objects and without a transaction, for what every run of a page asks."""
        with closing(self.engine.raw_connection()) as held:
            driver: Any = held.driver_connection
            if not self.is_sqlite:  # the driver would send BEGIN; on SQLite only we do
                driver.autocommit = True
            try:
                with closing(held.cursor()) as cursor:
                    yield Rows(cursor, self.engine.dialect, self._prepared)
            finally:
                if not self.is_sqlite:
                    driver.autocommit = False

    def dispose(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def afterwards(session: Session, action: Callable[[], None]) -> None:
    """Do ``action`` once the transaction of ``session`` is durable, and not at all when it is rolled back."""
    event.listen(session, "after_commit", lambda _session: action(), once=True)


def _create_engine(url: str) -> Engine:
    parsed = read_address(url)
    if parsed.get_backend_name() == "postgresql":
        engine = create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            pool_size=10,
            max_overflow=10,
            pool_pre_ping=True,
            pool_use_lifo=True,
            # Planned for the values that are asked: of a status that hardly any row has, a plan for just any status
            # reads the whole table. It also keeps to what a pooler such as PgBouncer can pass on.
            connect_args={"prepare_threshold": None},
            hide_parameters=True,  # an error's text goes to the log: no hash, no customer in it
        )
        quieten(engine)
        event.listen(engine, "connect", _leave_nul_out)
        return engine
    if parsed.get_backend_name() == "sqlite" and parsed.database and parsed.database != ":memory:":
        _make_private(Path(parsed.database))
    # The pool is larger than Streamlit's threads are many: a script run holds at most one connection. Who comes next
    # gets the one that was used last: it has pages of the file at hand that another would read again.
    engine = create_engine(
        parsed,
        pool_size=20,
        max_overflow=40,
        pool_use_lifo=True,
        hide_parameters=True,
        connect_args={"timeout": 30},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _make_private(path: Path) -> None:
    """Make the file, and a folder for it, that nobody else on this machine may read.

    SQLite gives its -wal and -shm the permissions of the file itself: https://www.sqlite.org/walformat.html.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(OSError):  # where it cannot be made, SQLite says so better
        path.touch(mode=0o600, exist_ok=False)


def _prepare_sqlite(connection: Any, _record: Any) -> None:  # noqa: ANN401 - DBAPI objects have no type
    # The driver's own BEGIN is too late (at the first write); ours is sent by _begin_sqlite.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # a committed token survives a power cut
        "foreign_keys=ON",
        f"busy_timeout={BUSY_MS}",
        "cache_size=-65536",
        "mmap_size=268435456",
        "temp_store=MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


class _NoNul(StrDumper):
    """PostgreSQL has no NUL in a text: whatever somebody sends, nothing that is kept holds one, so it is left out."""

    def dump(self, obj: str) -> Any:  # noqa: ANN401 - as psycopg declares it
        """The text as it is sent."""
        return super().dump(obj.replace("\x00", "") if "\x00" in obj else obj)


def _leave_nul_out(connection: Any, _record: Any) -> None:  # noqa: ANN401 - DBAPI objects have no type
    connection.adapters.register_dumper(str, _NoNul)


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    # A transaction that will write takes the lock at once: upgrading a read lock can fail at once with "locked".
    begin = "BEGIN IMMEDIATE" if options.get("clickker_write", False) else "BEGIN"
    patience = options.get("clickker_patience")
    if patience is None:
        connection.exec_driver_sql(begin)
        return
    connection.exec_driver_sql(f"PRAGMA busy_timeout={int(patience)}")
    try:
        connection.exec_driver_sql(begin)
    finally:
        connection.exec_driver_sql(f"PRAGMA busy_timeout={BUSY_MS}")
