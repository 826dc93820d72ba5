"""What a database keeps to itself."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core.application import Application
from core.registrations.listing import RegistrationQuery, list_registrations
from core.storage.database import Database
from tests.factories import make_operator


def test_nobody_else_on_the_machine_may_read_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    database = Database(f"sqlite:///{folder / 'clickker.db'}")
    with database.transaction() as session:
        session.execute(text("CREATE TABLE t (a TEXT)"))
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())}
    database.dispose()

    assert "clickker.db-wal" in modes
    assert {name: mode & 0o077 for name, mode in modes.items() if mode & 0o077} == {}


def test_an_error_does_not_tell_what_was_to_be_written(database: Database) -> None:
    with pytest.raises(DBAPIError) as caught, database.transaction() as session:
        session.execute(text("INSERT INTO nowhere VALUES (:secret)"), {"secret": "canary of the mine"})

    assert "canary" not in str(caught.value)


def test_postgresql_plans_for_the_values_that_are_asked(app: Application, database: Database) -> None:
    # A statement that the server keeps is planned for just any value after a while: a filter that hardly any row
    # passes then reads the whole table.
    by = make_operator(database)
    for _time in range(12):
        assert list_registrations(app, by, RegistrationQuery(status="draft")).count == 0
    if not database.is_sqlite:
        with database.engine.connect() as connection:
            assert connection.scalar(text("SELECT count(*) FROM pg_prepared_statements")) == 0
