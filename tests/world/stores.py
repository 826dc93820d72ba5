"""Where a life's database lies, how it is begun anew, saved and restored."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import psycopg
from psycopg import sql


class Store(Protocol):
    """Where the database lies, and how it is copied while nobody uses it."""

    is_sqlite: bool

    @property
    def url(self) -> str: ...
    def save(self) -> None: ...
    def restore(self) -> None: ...


@dataclass
class SqliteStore:
    """A file, a copy of a migrated template."""

    path: Path
    template: Path
    is_sqlite: bool = True

    def __post_init__(self) -> None:
        self._put(self.template)

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"

    def save(self) -> None:
        shutil.copyfile(self.path, self.path.with_suffix(".backup"))

    def restore(self) -> None:
        self._put(self.path.with_suffix(".backup"))

    def _put(self, source: Path) -> None:
        for beside in ("-wal", "-shm"):
            self.path.with_name(self.path.name + beside).unlink(missing_ok=True)
        shutil.copyfile(source, self.path)


@dataclass
class PostgresStore:
    """A database of a server of the tests, whose clock is the world's."""

    address: str
    admin: str
    """The address of the server's own database."""
    template: str
    """The name of a database with the tables and the people in it."""
    is_sqlite: bool = False

    def __post_init__(self) -> None:
        self._put(self.template, self.name)

    @property
    def url(self) -> str:
        return self.address

    @property
    def name(self) -> str:
        return urlsplit(self.url).path.lstrip("/")

    def save(self) -> None:
        self._put(self.name, f"{self.name}_backup")

    def restore(self) -> None:
        self._put(f"{self.name}_backup", self.name)

    def _put(self, source: str, target: str) -> None:
        with psycopg.connect(self.admin, autocommit=True) as server:
            for statement in (_END, _DROP, _COPY, _DEADLOCK, _PATH):
                server.execute(
                    statement.format(
                        target=sql.Identifier(target), source=sql.Identifier(source), name=source
                    )
                )


_END = sql.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {name}")
_DROP = sql.SQL("DROP DATABASE IF EXISTS {target} WITH (FORCE)")
_COPY = sql.SQL("CREATE DATABASE {target} TEMPLATE {source} STRATEGY FILE_COPY")
_DEADLOCK = sql.SQL("ALTER DATABASE {target} SET deadlock_timeout = '20ms'")
_PATH = sql.SQL("ALTER DATABASE {target} SET search_path = world, public, pg_catalog")
_CLOCK = """
CREATE SCHEMA world;
CREATE UNLOGGED TABLE world.clock (now timestamptz NOT NULL);
INSERT INTO world.clock VALUES ('2026-12-01T09:00:00Z');
CREATE FUNCTION world.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS 'SELECT now FROM world.clock';
"""


def lay_the_clock(url: str) -> None:
    """Let a database, and every copy of it, ask the world what time it is."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_CLOCK)
