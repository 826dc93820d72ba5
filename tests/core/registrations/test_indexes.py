"""Every filter and every sort of the lists is served by an index, on both databases."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, text

from core.accounts.roles import CurrentOperator
from core.application import Application
from core.registrations.administrations import view_administrations
from core.registrations.listing import (
    ADMINISTRATION_SORTS,
    REGISTRATION_SORTS,
    WITHOUT_OWNER,
    AdministrationQuery,
    RegistrationQuery,
    list_administrations,
    list_registrations,
)
from core.registrations.query import Page
from core.storage.database import Database
from core.storage.models import Registration
from tests.support.statements import statements


def _plan(database: Database, statement: str, parameters: Any) -> str:
    with database.engine.connect() as connection:
        if database.is_sqlite:
            rows = connection.exec_driver_sql("EXPLAIN QUERY PLAN " + statement, parameters)
            return "\n".join(row[3] for row in rows)
        # With a few hundred rows PostgreSQL reads them all: what is asked is whether it could do without.
        for what in ("seqscan", "bitmapscan", "sort"):
            connection.execute(text(f"SET LOCAL enable_{what} = off"))
        return "\n".join(row[0] for row in connection.exec_driver_sql("EXPLAIN " + statement, parameters))


BAD = re.compile(
    r"TEMP B-TREE|SCAN (registrations|administrations|operators)\b(?! USING)|Seq Scan|\bSort\b|Incremental Sort"
)
SERVED: tuple[tuple[dict[str, Any], str], ...] = (
    # Through which everything goes, PostgreSQL may well filter while it walks: no column to look up.
    ({"status": "connected"}, ""),
    ({"environment": "nl"}, ""),
    ({"active": True}, ""),
    ({"status": "exact_outage"}, "status"),
    ({"environment": "be"}, "environment"),
    ({"owner_id": 2}, "owner_id"),
    ({"owner_id": WITHOUT_OWNER}, "owner_id"),
    ({"active": False}, "active"),
    ({"search": "va"}, "name_key"),
)


def _assert_served(database: Database, show: Callable[[], Page[Any]], *filtered: str) -> None:
    """No statement reads a whole table or sorts, and the columns ``filtered`` are looked up in an index."""
    with statements(database) as seen:
        show()
    assert len(seen) >= 2
    for statement, parameters in list(seen):
        plan = _plan(database, statement, parameters)
        assert not BAD.search(plan), f"{statement}\n{plan}"
        looked_up = r"\([^)]*{}[=<>]" if database.is_sqlite else r"Index Cond: .*\b{}\b"
        for column in filtered:
            if re.search(rf"WHERE.*\b{column} (=|IS|BETWEEN)", statement, re.DOTALL):
                assert re.search(looked_up.format(column), plan), f"{statement}\n{plan}"


def test_who_has_linked_an_administration_is_looked_up(seeded: Application, database: Database) -> None:
    with database.read() as session, statements(database) as seen:
        row = session.scalars(select(Registration).where(Registration.administrations_linked > 0)).first()
        assert row is not None
        view_administrations(session, row)
    plans = [_plan(database, statement, parameters) for statement, parameters in list(seen)]
    assert sum("uq_administrations_linked" in plan for plan in plans) == 1


@pytest.mark.parametrize("descending", [False, True], ids=["up", "down"])
def test_every_sort_and_filter_is_served_by_an_index(
    seeded: Application, database: Database, admin: CurrentOperator, descending: bool
) -> None:
    for sort in REGISTRATION_SORTS:
        query = RegistrationQuery(sort=sort, descending=descending, page=2)
        _assert_served(database, lambda query=query: list_registrations(seeded, admin, query))  # type: ignore[misc]
    for sort in ADMINISTRATION_SORTS:
        other = AdministrationQuery(sort=sort, descending=descending, page=2)
        _assert_served(database, lambda query=other: list_administrations(seeded, admin, query))  # type: ignore[misc]
    for given, column in SERVED:
        columns = [column] if column else []
        query = RegistrationQuery(**given, descending=descending)
        _assert_served(database, lambda query=query: list_registrations(seeded, admin, query), *columns)  # type: ignore[misc]
        other = AdministrationQuery(**given, descending=descending)
        _assert_served(database, lambda query=other: list_administrations(seeded, admin, query), *columns)  # type: ignore[misc]


def test_a_missing_index_would_be_seen(
    seeded: Application, database: Database, admin: CurrentOperator
) -> None:
    with database.transaction() as session:
        for name in ("ix_administrations_country", "ix_administrations_status"):
            session.execute(text(f"DROP INDEX {name}"))
    for query, columns in (
        (AdministrationQuery(sort="country"), ()),
        (AdministrationQuery(status="draft"), ("status",)),
    ):
        with pytest.raises(AssertionError):
            _assert_served(database, lambda query=query: list_administrations(seeded, admin, query), *columns)  # type: ignore[misc]


@pytest.mark.usefixtures("small")
def test_of_many_matches_sqlite_sorts_none_but_walks_along_the_index_of_the_sort(
    seeded: Application, database: Database, admin: CurrentOperator
) -> None:
    for query in (
        AdministrationQuery(status="connected", sort="last_success_at"),
        AdministrationQuery(search="b.v", sort="code", environment="nl"),
        AdministrationQuery(status="connected", environment="nl"),
    ):
        _assert_served_on_sqlite(database, lambda query=query: list_administrations(seeded, admin, query))  # type: ignore[misc]


def _assert_served_on_sqlite(database: Database, show: Callable[[], Page[Any]]) -> None:
    if database.is_sqlite:
        _assert_served(database, show)
    else:
        assert show().more


def test_a_search_on_sqlite_goes_through_the_trigrams(
    seeded: Application, database: Database, admin: CurrentOperator
) -> None:
    with statements(database) as seen:
        assert list_administrations(
            seeded, admin, AdministrationQuery(search="holding", status="connected")
        ).rows
    plans = [_plan(database, statement, parameters) for statement, parameters in list(seen)]
    if database.is_sqlite:
        assert any(plan.startswith("SCAN administrations_search VIRTUAL TABLE") for plan in plans)
    else:
        assert any("~~ '%holding%'" in plan for plan in plans)
