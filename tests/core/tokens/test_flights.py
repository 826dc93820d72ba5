"""Who may spend a grant's refresh token: one thread of a process, one process of all."""

from __future__ import annotations

import gc
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import update

from core import clock
from core.settings import Settings
from core.storage.database import Database
from core.storage.models import Grant
from core.tokens import flights
from core.tokens.flights import alone, changed, new_owner, take_lease
from tests.factories import make_grant

HOUR = timedelta(hours=1)


@pytest.fixture
def grant(database: Database) -> Grant:
    grant_id = make_grant(database, fingerprint="parent", rotated_at=clock.now() - HOUR)
    with database.read() as session:
        return session.get_one(Grant, grant_id)


def taken(database: Database, grant: Grant, owner: str = "me") -> bool:
    return take_lease(database, Settings(), grant, owner)


def change(database: Database, grant: Grant, **columns: object) -> None:
    with database.transaction() as session:
        row = session.get_one(Grant, grant.id)
        for name, value in columns.items():
            setattr(row, name, value)


def test_a_free_row_is_taken_and_then_is_not_free(database: Database, grant: Grant) -> None:
    assert taken(database, grant)
    assert not taken(database, grant, "another")
    with database.read() as session:
        row = session.get_one(Grant, grant.id)
    assert (row.lease_owner, row.intent_fingerprint) == ("me", "parent")
    assert row.lease_until is not None
    assert row.intent_at is not None
    assert row.lease_until - row.intent_at == Settings().lease


@pytest.mark.parametrize("columns", [{"fingerprint": "successor"}, {"fingerprint": None}])
def test_a_row_that_holds_another_token_by_now_is_not_taken(
    database: Database, grant: Grant, columns: dict[str, str | None]
) -> None:
    change(database, grant, **columns)
    assert not taken(database, grant)


def test_a_row_that_was_just_rotated_or_has_to_wait_is_not_taken(database: Database, grant: Grant) -> None:
    change(database, grant, rotated_at=clock.now() - timedelta(seconds=560))
    assert not taken(database, grant)
    change(database, grant, rotated_at=clock.now() - HOUR, next_try_at=clock.now() + HOUR)
    assert not taken(database, grant)
    change(database, grant, next_try_at=clock.now() - HOUR)
    assert taken(database, grant)


def test_a_token_may_be_spent_570_seconds_after_it_came(database: Database, grant: Grant) -> None:
    change(database, grant, rotated_at=clock.now() - timedelta(seconds=571))
    assert taken(database, grant)


def test_a_lease_holds_until_it_runs_out(database: Database, grant: Grant) -> None:
    now = clock.now()
    change(database, grant, lease_owner="who died", lease_until=now + timedelta(seconds=30))
    assert not taken(database, grant)
    change(database, grant, lease_until=now - timedelta(seconds=1))
    assert taken(database, grant)
    with database.read() as session:
        assert session.get_one(Grant, grant.id).lease_owner == "me"


def test_another_grant_with_a_token_of_the_same_name_is_left_alone(database: Database, grant: Grant) -> None:
    other = make_grant(database, fingerprint="parent", rotated_at=clock.now() - HOUR)
    assert taken(database, grant)
    with database.read() as session:
        assert session.get_one(Grant, other).lease_owner is None


def test_of_many_that_want_it_at_once_one_gets_it(database: Database, grant: Grant) -> None:
    with ThreadPoolExecutor(16) as pool:
        got = list(pool.map(lambda _n: taken(database, grant, new_owner()), range(16)))
    assert sum(got) == 1


def test_threads_that_want_the_same_grant_go_in_one_after_the_other() -> None:
    inside, most = [0], [0]

    def go_in(_n: int) -> None:
        with alone("one"):
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            threading.Event().wait(0.005)
            inside[0] -= 1

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(go_in, range(16)))
    assert most == [1]


def test_another_grant_does_not_wait() -> None:
    with alone("one"), ThreadPoolExecutor(1) as pool:

        def go_in() -> bool:
            with alone("two"):
                return True

        assert pool.submit(go_in).result(5)


def test_a_grant_that_nobody_wants_any_more_leaves_no_lock_behind() -> None:
    with alone("once"):
        assert "once" in flights._locks
    gc.collect()
    assert "once" not in flights._locks


def test_no_two_flights_have_the_same_name() -> None:
    names = {new_owner() for _flight in range(100)}
    assert len(names) == 100
    assert all(name.startswith(f"{os.getpid()}-") for name in names)


def test_a_change_tells_whether_it_found_its_row(database: Database, grant: Grant) -> None:
    mine = update(Grant).where(Grant.id == grant.id)
    assert changed(database, mine.where(Grant.fingerprint == "parent").values(failures=7))
    assert not changed(database, mine.where(Grant.fingerprint == "another").values(failures=8))
    with database.read() as session:
        assert session.get_one(Grant, grant.id).failures == 7
