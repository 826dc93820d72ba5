"""How often Exact is asked: never more than permitted, and Exact's own word counts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from core import clock
from core.application import Application
from core.exact.errors import ExactError, FailureKind
from core.exact.limits import Limits, Window
from core.registrations.budget import Budget, calls_left, holds_back, reserve
from core.registrations.overruling import write_down
from core.storage.models import CallBudget

NOW = datetime(2026, 11, 23, 10, 15, 20, tzinfo=UTC)
MINUTE_END = NOW.replace(minute=16, second=0)
MIDNIGHT = datetime(2026, 11, 24, tzinfo=UTC)


def take(app: Application, calls: int = 1, now: datetime = NOW, code: int = 7) -> dict[int, datetime]:
    with app.database.transaction() as session:
        return reserve(session, app.settings, "nl", {code: calls}, now)


def tell(app: Application, *limits: Limits, code: int = 7) -> None:
    with app.database.transaction() as session:
        write_down(session, app.settings, "nl", {code: limits}, NOW)


NONE = Window()


def ok(minute: Window = NONE, day: Window = NONE, status: int = 200, at: datetime = NOW) -> Limits:
    return Limits(status, at, minute, day)


def test_sixty_a_minute_and_not_one_more(app: Application) -> None:
    assert [take(app) for _call in range(60)] == [{}] * 60
    assert take(app) == {7: MINUTE_END}
    assert take(app, code=8) == {}
    assert take(app, now=MINUTE_END) == {}


def test_eight_at_once_share_one_budget(app: Application) -> None:
    with ThreadPoolExecutor(8) as pool:
        refused = list(pool.map(lambda _number: bool(take(app)), range(80)))
    assert refused.count(False) == 60


def test_the_day_has_a_budget_of_its_own(app: Application) -> None:
    small = app.settings.model_copy(update={"calls_per_day": 3})
    with app.database.transaction() as session:
        assert reserve(session, small, "nl", {7: 3}, NOW) == {}
    assert take(app) == {7: MIDNIGHT}
    assert take(app, now=MIDNIGHT) == {}


def test_what_is_refused_is_not_taken(app: Application) -> None:
    assert take(app, 59) == {}
    assert take(app, 2) == {7: MINUTE_END}
    assert take(app, 1) == {}


def test_the_headers_of_exact_overrule_the_defaults(app: Application) -> None:
    take(app)
    tell(app, ok(Window(100, 99, MINUTE_END), Window(9000, 8000, MIDNIGHT)))
    with app.database.read() as session:
        left = calls_left(session, app.settings, "nl", [7], NOW)
    assert (left.minute, left.day) == (99, 8000)
    assert take(app, 99) == {}
    assert take(app) == {7: MINUTE_END}
    assert take(app, 100, now=MINUTE_END) == {}


def test_what_another_of_our_servers_used_up_is_used_up(app: Application) -> None:
    take(app)
    tell(app, ok(Window(60, 2, MINUTE_END)))
    assert take(app, 2) == {}
    assert take(app) == {7: MINUTE_END}


def test_an_answer_that_comes_late_gives_nothing_back(app: Application) -> None:
    take(app, 50)
    tell(app, ok(Window(60, 58, MINUTE_END)), ok(Window(60, 59, MINUTE_END - timedelta(minutes=1))))
    assert take(app, 11) == {7: MINUTE_END}
    assert take(app, 10) == {}


def test_a_429_waits_for_its_reset(app: Application) -> None:
    reset = NOW + timedelta(hours=3)
    tell(app, ok(day=Window(5000, 0, reset), status=429))
    assert take(app) == {7: reset}
    assert take(app, now=reset) == {}


def test_a_429_that_does_not_say_until_when_waits_ten_minutes(app: Application) -> None:
    tell(app, ok(status=429))
    assert take(app) == {7: NOW + timedelta(minutes=10)}


def test_four_errors_an_hour_and_then_silence(app: Application) -> None:
    moments = [NOW + timedelta(minutes=10 * number) for number in range(4)]
    for at in moments[:3]:
        tell(app, ok(status=403, at=at))
    assert take(app, now=moments[2]) == {}
    tell(app, ok(status=401, at=moments[3]))
    assert take(app, now=moments[3]) == {7: NOW + timedelta(hours=1)}
    assert take(app, now=NOW + timedelta(hours=1)) == {}
    tell(app, ok(status=400, at=NOW + timedelta(minutes=61)))
    assert take(app, now=NOW + timedelta(minutes=61)) == {7: moments[1] + timedelta(hours=1)}


def test_an_outage_is_no_error_that_counts(app: Application) -> None:
    tell(app, *[ok(status=503)] * 6)
    assert take(app) == {}


def test_a_round_books_calls_without_an_administration_on_the_open_one(app: Application) -> None:
    budget = Budget(app, "nl", 9)
    budget.ask(0)
    budget.ask(9)
    budget.heard(0, ok(status=403, at=clock.now()))
    with app.database.transaction() as session:
        budget.write_down(session)
        row = session.get_one(CallBudget, ("nl", 9))
        assert (row.minute_left, len(row.error_moments)) == (58, 1)


def test_a_round_that_may_not_ask_says_until_when_and_blames_nobody(app: Application) -> None:
    small = app.settings.model_copy(update={"calls_per_minute": 2})
    budget = Budget(Application(small, app.database, app.vault, app.exact), "nl", None)
    assert budget.take([3, 4]) == {}
    budget.ask(3)
    budget.ask(3)
    with pytest.raises(ExactError) as held:
        budget.ask(3)
    assert held.value.kind is FailureKind.RATE_LIMITED
    assert holds_back(held.value)
    assert held.value.retry_at is not None
    assert held.value.retry_at > clock.now()
