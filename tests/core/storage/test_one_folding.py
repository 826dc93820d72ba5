"""What was folded before is folded anew by the migration, on both databases; nothing of it is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from core.registrations.names import name_key
from core.storage import schema
from core.storage.database import Database
from tests.support.postgres import PostgresServer

_ROW = (
    "INSERT INTO registrations (id, name, name_key, environment, active, reference, note, created_at, updated_at,"
    " submitted_at, status, status_reason, administrations_linked, owner_key)"
    " VALUES (:id, :name, :key, 'nl', true, :reference, '', :now, :now, :now, 'draft', '', 0, '')"
)
_LINKED = (
    "INSERT INTO administrations (id, registration_id, environment, code, name, name_key, customer_name, country,"
    " currency, vat_number, exact_status, blocking_status, permitted, linked, seen_at, status, active, owner_key,"
    " registration_key) VALUES (1, 1, 'nl', 7, :name, :key, '', '', '', '', 1, 0, true, true, :now, '', true, '', :key)"
)
_NOW = "2026-11-30 12:00:00"


@pytest.fixture(params=["sqlite", "postgresql"])
def older(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database of the version before."""
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'older.db'}")
        schema.upgrade(database, "0010")
        yield database
        database.dispose()
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with server.new_database() as url:
        database = Database(url)
        schema.upgrade(database, "0010")
        yield database
        database.dispose()


def test_names_and_references_are_folded_anew_and_two_that_became_alike_both_stay(older: Database) -> None:
    with older.engine.execution_options(clickker_write=True).begin() as connection:
        for number, name in enumerate(("O’Brien Łódź", "O'Brien Lodz", "Gewoon"), start=1):
            given = {"id": number, "name": name, "key": name.casefold(), "reference": "É–7", "now": _NOW}
            connection.execute(text(_ROW), given)
        connection.execute(text(_LINKED), {"name": "Ærø", "key": "ærø", "now": _NOW})

    schema.upgrade(older)

    with older.engine.connect() as connection:
        rows = connection.execute(text("SELECT name_key, reference_key FROM registrations ORDER BY id")).all()
        linked = connection.execute(text("SELECT name_key, registration_key FROM administrations")).one()
    assert [tuple(row) for row in rows] == [
        ("o'brien lodz", "e-7"), ("o'brien lodz 2", "e-7"), ("gewoon", "e-7"),
    ]  # fmt: skip
    assert tuple(linked) == ("aero", "o'brien lodz")
    assert name_key("O’Brien Łódź") == "o'brien lodz"
