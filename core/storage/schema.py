"""Bringing a database to the tables of this version, with Alembic and without its command line."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from core.storage.database import Database

MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x636C69636B  # "click": any number that nobody else locks


def upgrade(database: Database, revision: str = "head") -> None:
    """Run the migrations that ``database`` still lacks, all in one transaction.

    Several processes may start at once: the first upgrades, the others wait and find nothing to do.
    """
    config = _config()
    with database.engine.execution_options(clickker_write=True).begin() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def current_revision(database: Database) -> str | None:
    """The revision a database is at; None when it has never been upgraded."""
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest_revision() -> str | None:
    """The revision that this version of the product needs."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def is_current(database: Database) -> bool:
    """Whether the database has the tables of this version."""
    return current_revision(database) == newest_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
