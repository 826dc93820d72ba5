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
from core.registrations.registration import registration
from core.seed import seed
from core.storage.database import Database
from core.storage.models import Registration
from core.storage.search import SEARCH_INDEXES
from tests.factories import make_administration, make_registration
from tests.support.plans import plan_of
from tests.support.statements import statements

BAD = re.compile(
    r"TEMP B-TREE|SCAN (registrations|administrations|operators)\b(?! USING)|Seq Scan|\bSort\b|Incremental Sort"
)
# What a part of a name finds first is sorted where it is read, up to the limit of a count.
BOUNDED = ("LIMIT ? OFFSET ?) AS anon_1 ORDER BY", "SCAN anon_1\nUSE TEMP B-TREE FOR ORDER BY")
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
        plan = plan_of(database, statement, parameters)
        if BOUNDED[0] in statement:
            plan = plan.removesuffix(BOUNDED[1])
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
    plans = [plan_of(database, statement, parameters) for statement, parameters in list(seen)]
    assert sum("uq_administrations_linked" in plan for plan in plans) == 1


def test_what_one_registration_has_linked_is_not_looked_for_among_all_that_are_linked(
    app: Application, database: Database, admin: CurrentOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The indexes are made again: SQLite prefers the latest of equals.
    monkeypatch.setattr("core.seed._MANY", 10)
    seed(app, 30, 2)
    with database.read() as session:
        number = session.scalar(
            select(Registration.id).where(
                Registration.administrations_linked > 0, Registration.grant_id.is_not(None)
            )
        )
    with statements(database) as seen:
        shown = registration(app, admin, number or 0)
    assert shown.check is not None
    plans = [plan_of(database, statement, parameters) for statement, parameters in list(seen)]
    if database.is_sqlite:
        assert not any("(linked=?" in plan for plan in plans), plans


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


@pytest.mark.usefixtures("small")
def test_the_last_of_the_alphabet_is_sorted_and_not_walked_up_to(
    app: Application, database: Database, admin: CurrentOperator
) -> None:
    for number in range(60):
        make_registration(database, f"Aalders {number:02}")
        make_registration(database, f"Zonneveld {number:02}")
    with statements(database) as seen:
        page = list_registrations(app, admin, RegistrationQuery(search="onneveld", page=2))
    assert [row.name for row in page.rows] == [f"Zonneveld {number:02}" for number in range(10, 20)]
    assert page.more
    if database.is_sqlite:
        plans = [plan_of(database, statement, parameters) for statement, parameters in list(seen)]
        assert not any("SCAN registrations USING" in plan for plan in plans), plans


def _assert_served_on_sqlite(database: Database, show: Callable[[], Page[Any]]) -> None:
    if database.is_sqlite:
        _assert_served(database, show)
    else:
        assert show().more


def _plans_of_searches(database: Database, show: Callable[[], Page[Any]]) -> str:
    """As the database itself chooses, at rows enough that it does not read them all."""
    with statements(database) as seen:
        assert len(show().rows) == 1
    return "\n".join(
        plan_of(database, statement, parameters, without=()) for statement, parameters in list(seen)
    )


def _through_search(database: Database, table: str, plan: str) -> bool:
    if database.is_sqlite:
        return f"SCAN {table}_search VIRTUAL TABLE" in plan
    return f"Bitmap Index Scan on ix_{table}_search" in plan and f"Seq Scan on {table}" not in plan


def test_a_search_goes_through_its_index_as_soon_as_rows_are_there(
    app: Application, database: Database, admin: CurrentOperator
) -> None:
    seed(app, 2_000, 3)
    number = make_registration(database, "Xylofoonhuis Ommen", reference="Zaak-0815")
    make_administration(database, number, "Xylofoonhuis Ommen Verhuur", code=987_654)
    for search in ("foonhu", "k-0815"):
        plan = _plans_of_searches(
            database,
            lambda search=search: list_registrations(app, admin, RegistrationQuery(search=search)),  # type: ignore[misc]
        )
        assert _through_search(database, "registrations", plan), plan
    for query in (AdministrationQuery(search="ommen verhuur"), AdministrationQuery(search="987654")):
        plan = _plans_of_searches(database, lambda query=query: list_administrations(app, admin, query))  # type: ignore[misc]
        assert _through_search(database, "administrations", plan), plan


def test_a_search_that_reads_every_name_would_be_seen(
    app: Application, database: Database, admin: CurrentOperator
) -> None:
    if database.is_sqlite:
        assert not _through_search(database, "registrations", "SCAN registrations")
        return
    seed(app, 2_000, 1)
    make_registration(database, "Xylofoonhuis Ommen")
    with database.transaction() as session:
        for name in SEARCH_INDEXES:
            session.execute(text(f"DROP INDEX {name}"))
    plan = _plans_of_searches(
        database, lambda: list_registrations(app, admin, RegistrationQuery(search="foonhu"))
    )
    assert not _through_search(database, "registrations", plan)
