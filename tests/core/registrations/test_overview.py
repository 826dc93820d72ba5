"""The overview's figures are those of the rows, without counting them."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from core import clock
from core.accounts.roles import CurrentOperator, Role
from core.application import Application
from core.errors import NotAllowed
from core.registrations import overview as module
from core.registrations.listing import (
    AdministrationQuery,
    RegistrationQuery,
    iterate_administrations,
    iterate_registrations,
)
from core.registrations.overview import NEEDS_ATTENTION, SHOWN, overview
from core.registrations.register import delete, disconnect, set_active
from core.registrations.status import Status, lapse_step
from core.seed import seed
from core.storage.database import Database
from core.storage.models import Registration
from tests.factories import make_connected, make_operator


@pytest.fixture
def alice(database: Database) -> CurrentOperator:
    return make_operator(database, "Alice", Role.ADMIN)


def test_an_empty_overview_shows_noughts(app: Application, alice: CurrentOperator) -> None:
    shown = overview(app, alice)
    assert list(shown.counts) == list(Status)
    assert (shown.registrations, shown.administrations, shown.attention_count, shown.lapsing_count) == (
        0,
        0,
        0,
        0,
    )
    assert shown.attention == shown.lapsing == ()
    assert len(shown.lapsing_by_day) == 15


def test_the_figures_are_those_of_the_rows(app: Application, alice: CurrentOperator) -> None:
    seed(app, 200, 2)
    shown = overview(app, alice)
    rows = list(iterate_registrations(app, alice, RegistrationQuery()))
    assert shown.counts == {status: Counter(row.status for row in rows)[status] for status in Status}
    assert shown.registrations == 200
    assert shown.administrations == len(list(iterate_administrations(app, alice, AdministrationQuery())))
    soon = clock.now() + timedelta(days=14)
    lapsing = [row for row in rows if row.lapses_at and clock.now() <= row.lapses_at < soon]
    assert shown.lapsing_count == len(lapsing)
    assert [row.id for row in shown.lapsing] == [
        row.id for row in sorted(lapsing, key=lambda row: (row.lapses_at, row.id))[:SHOWN]
    ]


def test_what_needs_attention_comes_worst_first_then_by_name(
    app: Application, alice: CurrentOperator
) -> None:
    seed(app, 200, 2)
    rows = [r for r in iterate_registrations(app, alice, RegistrationQuery()) if r.status in NEEDS_ATTENTION]
    rows.sort(key=lambda row: NEEDS_ATTENTION.index(row.status))
    shown = overview(app, alice)
    assert [row.id for row in shown.attention] == [row.id for row in rows[:SHOWN]]
    assert shown.attention_count == len(rows)


def test_pausing_disconnecting_and_deleting_moves_the_figures(
    app: Application, database: Database, alice: CurrentOperator
) -> None:
    first, second, third = (make_connected(database, administrations=3) for _number in range(3))
    assert overview(app, alice).counts[Status.CONNECTED] == 3
    assert overview(app, alice).administrations == 9
    set_active(app, alice, first, False)
    disconnect(app, alice, second)
    delete(app, alice, third)
    shown = overview(app, alice)
    assert (shown.counts[Status.CONNECTED], shown.counts[Status.PAUSED]) == (0, 1)
    assert (shown.counts[Status.DISCONNECTED], shown.registrations) == (1, 2)
    assert shown.administrations == 3


@pytest.mark.parametrize(
    ("hours", "place"), [(16 * 24 - 1, None), (16 * 24 + 1, 14), (29 * 24, 1), (30 * 24 + 1, None)]
)
def test_a_consent_of_thirty_days_counts_on_the_day_on_which_it_lapses(
    app: Application, database: Database, alice: CurrentOperator, hours: int, place: int | None
) -> None:
    noon = clock.now().replace(hour=11, minute=0, second=0, microsecond=0)
    make_connected(database, "Test B.V.", at=noon)
    with clock.shifted(noon + timedelta(hours=hours) - clock.now()):
        shown = overview(app, alice)
    counted = [number for number, (_day, count) in enumerate(shown.lapsing_by_day) if count]
    assert counted == ([] if place is None else [place])
    assert len(shown.lapsing) == shown.lapsing_count == len(counted)


def test_days_follow_the_dutch_calendar(app: Application, alice: CurrentOperator) -> None:
    evening = clock.now().replace(2026, 10, 24, 22, 30) - clock.now()
    with clock.shifted(evening):
        days = [day for day, _count in overview(app, alice).lapsing_by_day]
    # 22:30 UTC is half past midnight in Amsterdam, and the clock goes back that night.
    assert days[0] == date(2026, 10, 25)
    assert days[-1] == date(2026, 11, 8)


def test_nothing_is_counted_in_full(app: Application, database: Database, alice: CurrentOperator) -> None:
    seen: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    overview(app, alice)
    event.remove(database.engine, "before_cursor_execute", note)
    for statement in seen:
        assert statement.count("FROM registrations") == statement.count("LIMIT"), statement
        assert "FROM administrations" not in statement


def test_the_overview_needs_the_right_to_see(
    app: Application, alice: CurrentOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.accounts.roles.PERMISSIONS", {Role.ADMIN: frozenset()})
    with pytest.raises(NotAllowed):
        module.overview(app, alice)


@pytest.mark.parametrize("tick", [-1, 0, 1])
@pytest.mark.parametrize("left", [timedelta(0), timedelta(days=14)])
def test_soon_is_what_the_issue_and_the_alarm_call_soon(
    app: Application,
    alice: CurrentOperator,
    monkeypatch: pytest.MonkeyPatch,
    left: timedelta,
    tick: int,
) -> None:
    number, now = make_connected(app.database), clock.now()
    lapses = now + left + timedelta(microseconds=tick)
    with app.database.transaction() as session:
        session.get_one(Registration, number).lapses_at = lapses
    monkeypatch.setattr(clock, "now", lambda: now)

    expected = 0 if lapse_step(lapses, now) is None else 1
    shown = overview(app, alice)
    assert (shown.lapsing_count, len(shown.lapsing)) == (expected, expected)
