"""Knocks at open doors are counted in the database, for all processes together."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from core import clock
from core.accounts import knocks
from core.accounts.knocks import allow, network_of
from core.application import Application
from core.storage.database import Database
from core.storage.models import Knock


def rows(app: Application) -> int:
    with app.database.read() as session:
        return session.scalar(select(func.count()).select_from(Knock)) or 0


def test_a_bucket_fills_and_runs_empty(app: Application) -> None:
    assert [allow(app, "here", 3) for _round in range(4)] == [True, True, True, False]
    assert allow(app, "elsewhere", 3)
    with clock.shifted(timedelta(seconds=21)):
        assert [allow(app, "here", 3), allow(app, "here", 3)] == [True, False]
    with clock.shifted(timedelta(hours=1)):
        assert [allow(app, "here", 3) for _round in range(4)] == [True, True, True, False]


def test_two_processes_share_the_count_and_lose_no_knock(app: Application, database_url: str) -> None:
    other = Database(database_url)
    beside = Application(app.settings, other, app.vault, app.exact)
    with ThreadPoolExecutor(8) as pool:
        answers = Counter(pool.map(lambda number: allow((app, beside)[number % 2], "here", 10), range(40)))
    other.dispose()
    assert answers[True] in {10, 11}, "eleven when six seconds went by"


def test_who_looked_at_the_clock_before_the_others_does_not_empty_it(app: Application) -> None:
    assert [allow(app, "here", 3) for _round in range(4)] == [True, True, True, False]
    with clock.shifted(timedelta(seconds=-1)):
        assert not allow(app, "here", 3)
    assert not allow(app, "here", 3)


def test_a_clock_that_was_far_ahead_locks_nobody_out(app: Application) -> None:
    with clock.shifted(timedelta(hours=1)):
        assert [allow(app, "here", 2) for _round in range(3)] == [True, True, False]
    assert [allow(app, "here", 2) for _round in range(3)] == [True, True, False]


def test_a_refused_knock_fills_nothing(app: Application) -> None:
    for _round in range(50):
        allow(app, "here", 2)
    with clock.shifted(timedelta(seconds=31)):
        assert allow(app, "here", 2)


def test_what_is_empty_is_forgotten_and_the_rest_is_bounded(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(knocks, "TIDY_KNOCKS", 1)
    monkeypatch.setattr(knocks, "MOST_ROWS", 5)
    for _round in range(3):
        allow(app, "the fullest", 3)
    for number in range(30):
        allow(app, f"guest {number}", 3)
    assert rows(app) <= 6
    assert not allow(app, "the fullest", 3)
    with clock.shifted(timedelta(hours=1)):
        allow(app, "the next day", 3)
    assert rows(app) == 1


def test_a_clock_that_was_ahead_for_a_while_locks_nobody_out(app: Application) -> None:
    with clock.shifted(timedelta(days=8)):
        assert [allow(app, "here", 2) for _round in range(3)] == [True, True, False]
    assert [allow(app, "here", 2) for _round in range(3)] == [True, True, False]


def test_a_key_may_hold_anything(app: Application) -> None:
    assert allow(app, "\x00\ud800" + "x" * 10_000, 1)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("localhost", "localhost"),
        ("", ""),
    ],
)
def test_a_line_with_numbers_without_end_is_one_address(address: str, network: str) -> None:
    assert network_of(address) == network
