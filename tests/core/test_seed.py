"""Seeded rows are what the use cases would have made: settling them all changes nothing."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from core import clock
from core.application import Application
from core.registrations.names import name_key
from core.registrations.settle import settle
from core.registrations.status import Status
from core.seed import seed
from core.seed_names import company_name
from core.storage import bulk, counters
from core.storage.database import Database
from core.storage.models import (
    Administration,
    Alarm,
    Base,
    Grant,
    Issue,
    Operator,
    Registration,
    TimelineEntry,
)
from core.storage.search import search_backend
from tests.factories import make_administration, make_connected, make_registration


def _everything(database: Database, model: type[Base]) -> list[dict[str, Any]]:
    with database.read() as session:
        rows = session.execute(select(*model.__table__.c).order_by(model.__table__.c.id)).mappings()
        return [dict(row) for row in rows]


def test_settling_every_seeded_row_changes_nothing(app: Application, database: Database) -> None:
    seed(app, 150, 4)
    kept = (Registration, Administration, Issue)
    before = [_everything(database, model) for model in kept]
    assert {row["kind"] for row in before[2]} >= {"failing", "refused", "lapsed", "lapses_soon", "stale"}
    with database.read() as session:
        counted = counters.read_all(session)
    with database.transaction() as session:
        for row in session.scalars(select(Registration)):
            settle(session, app.settings, row, clock.now())
    assert [_everything(database, model) for model in kept] == before
    assert _everything(database, Alarm) == []
    assert _everything(database, TimelineEntry) == []
    with database.read() as session:
        assert counters.read_all(session) == counted


def test_the_counters_are_those_of_the_rows(app: Application, database: Database) -> None:
    seed(app, 150, 4)
    seed(app, 30, 1)
    with database.read() as session:
        counted = {name: value for name, value in counters.read_all(session).items() if value}
        statuses = Counter(session.scalars(select(Registration.status)))
        linked = session.scalar(select(func.count()).where(Administration.linked))
    assert counted == {f"status:{status}": number for status, number in statuses.items()} | {
        "administrations": linked
    }


def test_there_are_as_many_as_asked_in_every_status(app: Application, database: Database) -> None:
    seed(app, 400, 5)
    rows = _everything(database, Registration)
    assert len(rows) == 400
    assert {row["status"] for row in rows} == set(Status)
    assert 400 * 5 - 50 <= len(_everything(database, Administration)) <= 400 * 5
    assert len({row["owner_id"] for row in rows}) == 12
    assert all(row["name_key"] == name_key(row["name"]) for row in rows)
    assert len({row["environment"] for row in rows}) > 3


def test_names_never_repeat() -> None:
    assert len({company_name(number) for number in range(400_000)}) == 400_000


def test_the_same_seed_makes_the_same_names(app: Application, database: Database) -> None:
    seed(app, 30, 2)
    first = [row["name"] for row in _everything(database, Administration)]
    with database.transaction() as session:
        for model in (Administration, Registration, Grant, Operator):
            session.execute(model.__table__.delete())  # type: ignore[attr-defined]
    seed(app, 30, 2)
    assert [row["name"] for row in _everything(database, Administration)] == first


def test_seeding_beside_real_rows_leaves_them_alone(app: Application, database: Database) -> None:
    number = make_connected(database, "Echt B.V.")
    before = _everything(database, Registration)
    seed(app, 20, 2)
    assert _everything(database, Registration)[0] == before[0]
    assert make_registration(database, "Later B.V.") > number + 20
    make_administration(database, number, code=7)


def test_nobody_can_sign_in_as_a_seeded_owner(app: Application, database: Database) -> None:
    seed(app, 5, 1)
    assert {row["password_hash"] for row in _everything(database, Operator)} == {None}


def test_a_seed_that_fails_leaves_nothing_behind(
    app: Application, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise RuntimeError("disk full")

    monkeypatch.setattr("core.seed._MANY", 10)
    monkeypatch.setattr(bulk, "go_on_after", fail)
    with pytest.raises(RuntimeError, match="disk full"):
        seed(app, 20, 2)
    assert _everything(database, Registration) == []
    assert _indexes(database) == _declared()


def test_the_indexes_are_back_after_a_large_seed(
    app: Application, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.seed._MANY", 10)
    before = search_backend(database)
    seed(app, 20, 2)
    assert _indexes(database) == _declared()
    assert search_backend(database) == before


def _declared() -> set[str]:
    return {str(index.name) for model in (Registration, Administration) for index in _table(model).indexes}


def _indexes(database: Database) -> set[str]:
    from sqlalchemy import inspect

    found = inspect(database.engine)
    return {
        str(index["name"])
        for table in ("registrations", "administrations")
        for index in found.get_indexes(table)
        if not str(index["name"]).endswith("_search")
    }


def _table(model: type[Base]) -> Any:
    return model.__table__


def test_what_is_green_was_checked_within_a_day_and_will_be_again(
    app: Application, database: Database
) -> None:
    seed(app, 300, 2)
    day, now = timedelta(hours=app.settings.check_hours), clock.now()
    green = [
        r for r in _everything(database, Registration) if r["status"] in {"connected", "partly_connected"}
    ]
    assert len(green) > 200
    for row in green:
        assert now - row["last_success_at"] < day
        assert row["next_check_at"] - row["last_success_at"] <= day + timedelta(hours=1)


def test_statuses_are_of_now_and_hold_for_a_while(app: Application, database: Database) -> None:
    seed(app, 100, 1)
    soon = clock.now() + timedelta(hours=1)
    untils = [row["status_until"] for row in _everything(database, Registration) if row["status_until"]]
    assert min(untils) > soon
