"""What a database keeps to itself."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core.storage.database import Database


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
