"""Bringing a database to the tables of this version, with Alembic and without its command line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from core.errors import SettingsError
from core.i18n import _
from core.storage.audit_search import install_audit_search
from core.storage.database import Database
from core.storage.search import install_search

MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x636C69636B  # "click": any number that nobody else locks


def upgrade(database: Database, revision: str = "head") -> None:
    """Run the migrations that ``database`` still lacks, all in one transaction.

    Several processes may start at once: the first upgrades, the others wait and find nothing to do.
    """
    with (
        database.engine.connect().execution_options(clickker_write=True) as connection,
        _without_cascades(connection) if database.is_sqlite else nullcontext(),
        connection.begin(),
    ):
        _refuse_newer(connection)
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        if not database.is_sqlite and revision == "head":
            # The server may have been given pg_trgm since the first tables were made.
            install_search(connection)
            install_audit_search(connection)


@contextmanager
def _without_cascades(connection: Connection) -> Iterator[None]:
    """SQLite changes a column by copying the table and dropping the old one, which would delete all that hangs on it.

    The pragma does nothing inside a transaction, so it goes to the driver before one begins.
    https://www.sqlite.org/lang_altertable.html#otheralter
    """
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


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


def check_not_newer(database: Database) -> None:
    """Raise ``SettingsError`` for a database that a newer version of the product has upgraded."""
    with database.engine.connect() as connection:
        _refuse_newer(connection)


def _refuse_newer(connection: Connection) -> None:
    found = set(MigrationContext.configure(connection).get_current_heads())
    known = {each.revision for each in ScriptDirectory.from_config(_config()).walk_revisions()}
    if found - known:
        raise SettingsError(
            _(
                "The database was upgraded by a newer version of the product than this one (its tables: {found}; this "
                "version's: {ours}). Start that version, or restore the backup from before the upgrade."
            ).format(found=", ".join(sorted(found - known)), ours=newest_revision())
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
