"""Rows read the short way are the rows that SQLAlchemy reads."""

from __future__ import annotations

from datetime import UTC

from sqlalchemy import Select, bindparam, select

from core.storage.database import Database
from core.storage.models import Registration
from tests.factories import make_connected, make_registration


def _named(_sqlite: bool, what: str) -> Select[str, object]:
    return select(Registration.name, getattr(Registration, what)).where(
        Registration.name == bindparam("name")
    )


def test_values_are_those_of_the_models(database: Database) -> None:
    make_connected(database, "Bakker B.V.")
    with database.rows() as rows:
        ((name, at),) = rows.all({"name": "Bakker B.V."}, _named, "created_at")
        ((_name, active),) = rows.all({"name": "Bakker B.V."}, _named, "active")
    with database.read() as session:
        (row,) = session.scalars(select(Registration))
        assert (name, at, active) == (row.name, row.created_at, row.active)
    assert at.tzinfo is UTC
    assert active is True


def test_a_statement_is_made_once_and_its_parameters_change(database: Database) -> None:
    made: list[bool] = []

    def by_name(sqlite: bool) -> Select[int]:
        made.append(sqlite)
        return select(Registration.id).where(Registration.name == bindparam("name"))

    first, second = make_registration(database, "First"), make_registration(database, "Second")
    with database.rows() as rows:
        assert rows.column({"name": "First", "unasked": 1}, by_name) == [first]
    with database.rows() as rows:
        assert rows.column({"name": "Second"}, by_name) == [second]
    assert made == [database.is_sqlite]


def test_each_statement_sees_what_was_written_before_it(database: Database) -> None:
    with database.rows() as rows:
        assert rows.column({"name": "Later"}, _named, "id") == []
        make_registration(database, "Later")
        assert rows.column({"name": "Later"}, _named, "id") == ["Later"]
