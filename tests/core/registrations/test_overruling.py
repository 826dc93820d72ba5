"""What an answer of Exact leaves in our budget, figure by figure."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWaiting
from datetime import UTC, datetime, timedelta

import pytest

from core.application import Application
from core.exact.limits import Limits, Window
from core.registrations.overruling import fresh, write_down
from core.storage.models import CallBudget

NOW = datetime(2026, 11, 23, 10, 15, 20, 250_000, tzinfo=UTC)
MINUTE_END = datetime(2026, 11, 23, 10, 16, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 24, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def told(app: Application, *limits: Limits, code: int = 7, environment: str = "nl") -> CallBudget:
    """The row once these answers were kept; its day began with 5,000 calls and this minute with 60."""
    with app.database.transaction() as session:
        write_down(session, app.settings, environment, {code: limits}, NOW)
        return session.get_one(CallBudget, (environment, code))


def of_minute(limit: int | None, left: int | None, ends_at: datetime | None) -> Limits:
    return Limits(200, NOW, minute=Window(limit, left, ends_at))


def of_day(limit: int | None, left: int | None, ends_at: datetime | None) -> Limits:
    return Limits(200, NOW, day=Window(limit, left, ends_at))


def failed(status: int, minutes: float = 0) -> Limits:
    return Limits(status, NOW + minutes * MINUTE)


def test_a_fresh_budget_ends_with_the_minute_and_at_midnight(app: Application) -> None:
    assert fresh(app.settings, 3, NOW) == {
        "minute_ends_at": MINUTE_END,
        "minute_left": 57,
        "minute_limit": 60,
        "day_ends_at": MIDNIGHT,
        "day_left": 4997,
        "day_limit": 5000,
    }
    assert fresh(app.settings, 0, MIDNIGHT)["day_ends_at"] == MIDNIGHT + timedelta(days=1)
    assert fresh(app.settings, 0, MINUTE_END)["minute_ends_at"] == MINUTE_END + MINUTE


def test_an_answer_that_says_nothing_leaves_a_fresh_budget(app: Application) -> None:
    row = told(app, Limits(200, NOW))
    assert (row.minute_left, row.minute_limit, row.minute_ends_at) == (60, 60, MINUTE_END)
    assert (row.day_left, row.day_limit, row.day_ends_at) == (5000, 5000, MIDNIGHT)
    assert (row.error_moments, row.blocked_until) == ([], None)


@pytest.mark.parametrize(
    ("limit", "left", "ends_at", "kept"),
    [
        (None, 40, MINUTE_END, (60, 40, MINUTE_END)),  # the lower of two counts of one window
        (None, 70, MINUTE_END, (60, 60, MINUTE_END)),
        (None, 70, MINUTE_END + MINUTE, (60, 70, MINUTE_END + MINUTE)),  # of a later window Exact's own
        (None, 40, NOW, (60, 60, MINUTE_END)),  # a window that is over tells nothing
        (None, 40, NOW + timedelta(seconds=1), (60, 40, NOW + timedelta(seconds=1))),
        (None, 40, None, (60, 60, MINUTE_END)),
        (None, None, MINUTE_END + MINUTE, (60, 60, MINUTE_END)),
        (None, 0, MINUTE_END, (60, 0, MINUTE_END)),
        (100, None, None, (100, 100, MINUTE_END)),  # what was used stays used
        (50, None, None, (50, 50, MINUTE_END)),
        (100, 99, MINUTE_END, (100, 99, MINUTE_END)),
        (100, 110, MINUTE_END, (100, 100, MINUTE_END)),
        (0, None, None, (60, 60, MINUTE_END)),
    ],
)
def test_what_is_said_of_the_minute(
    app: Application,
    limit: int | None,
    left: int | None,
    ends_at: datetime | None,
    kept: tuple[int, int, datetime],
) -> None:
    row = told(app, of_minute(limit, left, ends_at))
    assert (row.minute_limit, row.minute_left, row.minute_ends_at) == kept
    assert (row.day_limit, row.day_left, row.day_ends_at) == (5000, 5000, MIDNIGHT)


def test_what_is_said_of_the_day_is_not_said_of_the_minute(app: Application) -> None:
    row = told(app, of_day(9000, 8000, MIDNIGHT))
    assert (row.day_limit, row.day_left, row.day_ends_at) == (9000, 8000, MIDNIGHT)
    assert (row.minute_limit, row.minute_left, row.minute_ends_at) == (60, 60, MINUTE_END)


def test_a_smaller_limit_never_leaves_less_than_nothing(app: Application) -> None:
    told(app, of_minute(None, 5, MINUTE_END))
    row = told(app, of_minute(50, None, None))
    assert (row.minute_limit, row.minute_left) == (50, 0)


def test_answers_count_in_the_order_in_which_they_came(app: Application) -> None:
    later, earlier = of_minute(None, 58, MINUTE_END + MINUTE), of_minute(None, 3, MINUTE_END)
    assert told(app, earlier, later).minute_left == 58
    assert told(app, later, earlier, code=8).minute_left == 3


@pytest.mark.parametrize(
    ("window", "blocked"),
    [
        (Limits(429, NOW), True),
        (Limits(429, NOW, minute=Window(None, 0, MINUTE_END)), False),
        (Limits(429, NOW, day=Window(None, 0, MIDNIGHT)), False),
        (Limits(429, NOW, day=Window(None, 5, MIDNIGHT)), True),
        (Limits(428, NOW), False),
        (Limits(503, NOW), False),
    ],
)
def test_a_429_without_an_end_waits_ten_minutes(app: Application, window: Limits, blocked: bool) -> None:
    assert told(app, window).blocked_until == (NOW + 10 * MINUTE if blocked else None)


@pytest.mark.parametrize(
    ("status", "counts"),
    [*((status, True) for status in (400, 401, 403, 404)), *((s, False) for s in (200, 402, 405, 429, 500))],
)
def test_four_kinds_of_error_are_counted(app: Application, status: int, counts: bool) -> None:
    assert told(app, failed(status)).error_moments == ([NOW.timestamp()] if counts else [])


def test_the_fourth_error_within_an_hour_waits_until_the_first_is_an_hour_old(app: Application) -> None:
    assert told(app, failed(400), failed(401, 20), failed(403, 40)).blocked_until is None
    row = told(app, failed(404, 59))
    assert row.blocked_until == NOW + 60 * MINUTE
    assert len(row.error_moments) == 4
    row = told(app, failed(400, 60))
    assert row.error_moments == [(NOW + minutes * MINUTE).timestamp() for minutes in (20, 40, 59, 60)]
    assert row.blocked_until == NOW + 80 * MINUTE


def test_errors_further_apart_than_an_hour_add_up_to_nothing(app: Application) -> None:
    row = told(app, *(failed(400, 30 * number) for number in range(8)))
    assert row.blocked_until is None
    assert row.error_moments == [(NOW + 30 * n * MINUTE).timestamp() for n in (6, 7)]


def test_no_more_errors_are_remembered_than_are_risked(app: Application) -> None:
    assert len(told(app, *(failed(400, number) for number in range(9))).error_moments) == 4


def test_a_wait_is_never_made_shorter(app: Application) -> None:
    told(app, *(failed(400) for _round in range(4)))
    assert told(app, failed(429, 1)).blocked_until == NOW + 60 * MINUTE


def test_other_administrations_and_other_countries_have_budgets_of_their_own(app: Application) -> None:
    told(app, of_minute(None, 3, MINUTE_END))
    told(app, of_minute(None, 4, MINUTE_END), code=8)
    told(app, of_minute(None, 5, MINUTE_END), environment="be")
    with app.database.read() as session:
        left = [session.get_one(CallBudget, key).minute_left for key in (("nl", 7), ("nl", 8), ("be", 7))]
    assert left == [3, 4, 5]


def test_of_two_answers_at_once_neither_is_lost(app: Application) -> None:
    """Whoever comes second waits, and reads what the first has written."""
    told(app, Limits(200, NOW))
    with ThreadPoolExecutor(1) as pool:
        with app.database.transaction() as session:
            write_down(session, app.settings, "nl", {7: [failed(403, 1)]}, NOW)
            second = pool.submit(told, app, failed(404, 2))
            with pytest.raises(StillWaiting):
                second.result(0.3)
        assert len(second.result(10).error_moments) == 2
