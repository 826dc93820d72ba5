"""Figures are kept by many at once, and nobody waits for another who waits for them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from core.storage import counters
from core.storage.database import Database


def kept(database: Database) -> dict[str, int]:
    with database.read() as session:
        return counters.read_all(session)


def test_two_that_change_the_same_figures_in_another_order_do_not_block_each_other(
    database: Database,
) -> None:
    with database.transaction() as session:
        counters.add(session, "first", 1)
        counters.add(session, "second", 1)
    barrier = Barrier(2)

    def change(names: tuple[str, str]) -> None:
        with database.transaction() as session:
            counters.add(session, names[0], 1)
            barrier.wait(20)
            counters.add(session, names[1], 1)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(change, [("first", "second"), ("second", "first")]))
    assert kept(database) == {"first": 3, "second": 3}


def test_what_is_pending_is_read_and_counted_once(database: Database) -> None:
    with database.transaction() as session:
        counters.add(session, "first", 2)
        assert counters.read_all(session) == {"first": 2}
        counters.add(session, "first", -1)
    assert kept(database) == {"first": 1}


def test_a_transaction_that_fails_counts_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError), database.transaction() as session:
        counters.add(session, "first", 2)
        raise RuntimeError
    assert kept(database) == {}
