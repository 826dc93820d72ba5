"""The search tables say what the lists say, whatever happens to the rows."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import delete, select, text, update

from core import clock
from core.application import Application
from core.registrations.names import name_key
from core.seed import seed
from core.storage import ngrams
from core.storage.database import Database
from core.storage.models import Administration, Registration
from core.storage.schema import is_current, upgrade
from core.storage.search import SEARCH_INDEXES, install_search, search_backend
from tests.factories import make_administration, make_registration


def _found(database: Database, table: str, part: str) -> set[int]:
    with database.read() as session:
        rows = session.execute(
            text(f"SELECT rowid FROM {table}_search WHERE {table}_search MATCH :part"),  # noqa: S608
            {"part": f'"{part}"*'},
        )
        return {row[0] for row in rows}


def _in_rows(database: Database, part: str) -> tuple[set[int], set[int]]:
    with database.read() as session:
        named = session.execute(select(Registration.id, Registration.name_key, Registration.reference_key))
        registrations = {row.id for row in named if part in row.name_key or part in row.reference_key}
        linked = session.execute(
            select(Administration.id, Administration.name_key).where(Administration.linked)
        )
        return registrations, {row.id for row in linked if part in row.name_key}


def _assert_in_step(database: Database, *parts: str) -> None:
    for part in parts:
        registrations, administrations = _in_rows(database, part)
        assert _found(database, "registrations", part) == registrations, part
        assert _found(database, "administrations", part) == administrations, part


def _rename(database: Database, number: int, name: str) -> None:
    with database.transaction() as session:
        row = session.get_one(Registration, number)
        row.name, row.name_key = name, name_key(name)


def test_every_database_says_how_it_searches(database: Database) -> None:
    assert search_backend(database) == ("fts5" if database.is_sqlite else "pg_trgm")


def test_sqlite_follows_every_change_of_a_row(database: Database) -> None:
    if not database.is_sqlite:
        assert search_backend(database) != "fts5"
        return
    first = make_registration(database, "Bakkerij Zwolle", reference="K-77 É")
    second = make_registration(database, "Slagerij Ede")
    make_administration(database, first, "Bakkerij Zwolle Holding")
    make_administration(database, second, "Slagerij Export", linked=False)
    parts = ("bak", "zwo", "hol", "sla", "ede", "k-7", "vas", "exp", "ger", "akke", "j zwo", "7 e", "7 é")
    _assert_in_step(database, *parts)
    _rename(database, first, "Vastgoed Zwolle")
    _assert_in_step(database, *parts)
    with database.transaction() as session:
        session.execute(update(Administration).values(linked=~Administration.linked))
    _assert_in_step(database, *parts)
    with database.transaction() as session:
        session.execute(update(Administration).values(linked=False, name_key="gerust"))
    _assert_in_step(database, *parts)
    with database.transaction() as session:
        session.execute(update(Administration).values(linked=True))
        session.execute(delete(Registration).where(Registration.id == second))  # its administrations go along
    _assert_in_step(database, *parts)
    with database.transaction() as session:
        session.execute(delete(Registration))
    _assert_in_step(database, *parts)


def test_a_rolled_back_change_leaves_no_trace_in_the_search(database: Database) -> None:
    if not database.is_sqlite:
        assert search_backend(database) != "fts5"
        return
    with pytest.raises(RuntimeError), database.transaction() as session:
        now = clock.now()
        session.add(
            Registration(
                name="Weg",
                name_key="weg ermee",
                environment="nl",
                status="draft",
                created_at=now,
                updated_at=now,
            )
        )
        session.flush()
        raise RuntimeError
    assert _found(database, "registrations", "weg") == set()


def test_a_thousand_random_changes_keep_sqlite_in_step(app: Application, database: Database) -> None:
    if not database.is_sqlite:
        assert search_backend(database) != "fts5"
        return
    seed(app, 60, 3)
    choice = random.Random(7)
    with database.transaction() as session:
        for _step in range(300):
            number = choice.randrange(1, 180)
            changes: list[dict[str, bool | str]] = [{"linked": True}, {"linked": False}]
            changes.append({"name_key": choice.choice(["abcabc", "cabca", "xyz"])})
            values = choice.choice(changes)
            session.execute(update(Administration).where(Administration.id == number).values(**values))
        session.execute(delete(Registration).where(Registration.id % 7 == 0))
    _assert_in_step(database, "abc", "bca", "cab", "xyz", "b.v", "van", "hol", "cabc", "abcab")


def test_installing_again_finds_what_is_there(app: Application, database: Database) -> None:
    seed(app, 20, 2)
    before = search_backend(database)
    with database.engine.execution_options(clickker_write=True).begin() as connection:
        install_search(connection)
    assert search_backend(database) == before
    if database.is_sqlite:
        _assert_in_step(database, "b.v", "van", "hol")


@pytest.fixture
def older(database: Database, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database as version 0009 left it."""
    with ExitStack() as stack:
        url = f"sqlite:///{tmp_path / 'older.db'}"
        if not database.is_sqlite:
            url = stack.enter_context(request.getfixturevalue("postgres").new_database())
        opened = Database(url)
        stack.callback(opened.dispose)
        upgrade(opened, "0009")
        yield opened


def test_the_search_tables_of_an_older_version_are_made_anew(older: Database) -> None:
    moment = "'2026-01-01 00:00:00'"
    with older.engine.execution_options(clickker_write=True).begin() as connection:
        connection.execute(
            text(
                "INSERT INTO registrations (name, name_key, environment, active, reference, note, created_at,"  # noqa: S608
                " updated_at, status, status_reason, administrations_linked, owner_key) VALUES ('Bakkerij Zwolle',"
                f" 'bakkerij zwolle', 'nl', true, '', '', {moment}, {moment}, 'draft', '', 0, '')"
            )
        )
        if older.is_sqlite:
            connection.execute(text("DROP TABLE registrations_search"))
            connection.execute(
                text("CREATE VIRTUAL TABLE registrations_search USING fts5(name_key, tokenize='trigram')")
            )
    upgrade(older)
    assert is_current(older)
    if older.is_sqlite:
        _assert_in_step(older, "bak", "kkeri")
        assert _found(older, "registrations", "kkeri")


def test_the_indexes_of_postgresql_have_the_names_that_alembic_leaves_alone(database: Database) -> None:
    with database.engine.connect() as connection:
        listed = "sqlite_master WHERE name" if database.is_sqlite else "pg_indexes WHERE indexname"
        count = connection.scalar(text(f"SELECT count(*) FROM {listed} LIKE 'ix_%search'"))  # noqa: S608
    assert count == (0 if database.is_sqlite else len(SEARCH_INDEXES) + 1)  # and the audit log's


def test_the_rarest_runs_of_a_search_are_chosen(app: Application, database: Database) -> None:
    seed(app, 100, 3)
    assert _expression(database, "zq vastgoed b.v.").split(" AND ") == ['"q vas"', '"zq va"']


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        ('a"b', '"a""b"*'),
        ("abcd", '"abcd"*'),
        ("abcde", '"abcde"'),
        ("abcdef", '"abcde" AND "bcdef"'),
        ("aaaaaaaa", '"aaaaa"'),
    ],
)
def test_a_short_search_is_the_beginning_of_a_run(database: Database, term: str, expected: str) -> None:
    assert _expression(database, term) == expected


def _expression(database: Database, term: str) -> str:
    with database.rows() as connection:
        return ngrams.match_expression(connection, Administration.id, Administration.name_key, term)
