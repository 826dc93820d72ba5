"""What would lapse if we were down: counted and listed by the database, out of an index."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from core import clock
from core.accounts.roles import CurrentOperator
from core.application import Application
from core.errors import InvalidInput
from core.registrations import lifeline
from core.registrations.lifeline import Outage, today, would_lapse
from core.storage.database import Database
from tests.factories import make_connected, make_operator

DAY = timedelta(days=1)


@pytest.fixture
def alice(database: Database) -> CurrentOperator:
    return make_operator(database, "Alice")


def down(first: int, last: int) -> Outage:
    return Outage(today() + first * DAY, today() + last * DAY)


def test_it_names_what_lapses_between_the_days_soonest_first(
    app: Application, alice: CurrentOperator
) -> None:
    fresh = make_connected(app.database, "Vers B.V.")
    old = make_connected(app.database, "Oud B.V.", at=clock.now() - 25 * DAY)
    older = make_connected(app.database, "Ouder B.V.", at=clock.now() - 28 * DAY)
    make_connected(app.database, "Te laat B.V.", at=clock.now() - 31 * DAY)
    soon = would_lapse(app, alice, down(0, 14))
    assert [row.id for row in soon.rows] == [older, old]
    assert soon.count == 2
    assert [row.id for row in would_lapse(app, alice, down(3, 60)).rows] == [old, fresh]
    assert would_lapse(app, alice, down(7, 14)).rows == ()


def test_the_last_day_counts_to_its_end(app: Application, alice: CurrentOperator) -> None:
    make_connected(app.database, at=clock.now() - 25 * DAY)
    assert would_lapse(app, alice, down(0, 5)).count == 1
    assert would_lapse(app, alice, down(0, 4)).count == 0
    with pytest.raises(InvalidInput):
        would_lapse(app, alice, down(5, 4))


def test_it_shows_fifty_a_page_and_stops_counting(
    app: Application, alice: CurrentOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifeline, "PAGE_SIZE", 3)
    monkeypatch.setattr(lifeline, "COUNT_LIMIT", 5)
    numbers = [make_connected(app.database, at=clock.now() - 25 * DAY) for _number in range(6)]
    page = would_lapse(app, alice, down(0, 14), 2)
    assert (page.count, page.more, page.pages, page.number) == (5, True, 2, 2)
    assert [row.id for row in page.rows] == numbers[3:6]


def test_it_reads_the_index_on_the_moment_of_lapsing(
    app: Application, alice: CurrentOperator, database: Database
) -> None:
    seen: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, _x: Any, _many: bool) -> None:
        if "lapses_at >=" in statement:
            seen.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    would_lapse(app, alice, down(0, 14))
    event.remove(database.engine, "before_cursor_execute", note)
    assert len(seen) == 2
    with database.engine.connect() as connection:
        for statement, parameters in seen:
            if database.is_sqlite:
                rows = connection.exec_driver_sql("EXPLAIN QUERY PLAN " + statement, parameters)
                plan = "\n".join(row[3] for row in rows)
            else:
                for what in ("seqscan", "bitmapscan"):
                    connection.exec_driver_sql(f"SET LOCAL enable_{what} = off")
                plan = "\n".join(
                    row[0] for row in connection.exec_driver_sql("EXPLAIN " + statement, parameters)
                )
            assert "ix_registrations_lapses" in plan
            assert "TEMP B-TREE" not in plan
            assert "Sort" not in plan
