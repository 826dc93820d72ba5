"""Nothing grows for ever, and nothing that is of use goes: rows of every table grow old, and the keeper comes by."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Select, func, insert, inspect, select, text

from core import clock
from core.alarms.outbox import AlarmKind
from core.application import Application
from core.keeping import housekeeping
from core.keeping.housekeeping import LEFT, RULES, long_timelines, old_entries
from core.keeping.keeper import Keeper
from core.storage.database import Database
from core.storage.models import (
    Alarm,
    Base,
    CallBudget,
    Consent,
    CustomerLink,
    Delivery,
    Incident,
    Invitation,
    Issue,
    Knock,
    OperatorSession,
    ProviderVisit,
    RefusedCall,
    SecondStep,
    SignInFailure,
    SignInTicket,
    TimelineEntry,
    UnsavedWork,
)
from core.storage.models_keeping import ReadPage
from core.tokens.records import Spend
from tests.factories import make_incident, make_operator, make_registration

YEARS = timedelta(days=3 * 365)
SEARCH = {"registrations_search", "administrations_search", "audit_search"}
"""SQLite's own, in step with their table by triggers."""


@pytest.fixture
def number(app: Application) -> int:
    return make_registration(app.database)


def rows_of(number: int, operator: int, at: datetime) -> dict[type[Base], dict[str, Any]]:
    """A row of each table that is pruned, as it was at ``at`` when it was of no more use."""
    who = {"operator_id": operator}
    open_until = {"created_at": at, "expires_at": at, **who}
    return {
        Consent: {"id": f"c{at}", "registration_id": number, "environment": "nl", "outcome": "", **open_until},
        CustomerLink: {"registration_id": number, "token_hash": f"l{at}", "created_at": at, "expires_at": at},
        Invitation: {"purpose": "invite", "token_hash": f"i{at}", **open_until},
        Issue: {"registration_id": number, "kind": "stale", "first_seen_at": at, "last_seen_at": at, "resolved_at": at},
        Alarm: {"kind": "test", "details": {}, "created_at": at, "planned_at": at, "settled_at": at},
        Incident: {
            "environment": "nl", "kind": "outage", "opened_at": at, "last_failure_at": at, "closed_at": at,
            "next_check_at": at,
        },
        CallBudget: {
            "environment": "nl", "code": int(at.timestamp()), "minute_ends_at": at, "minute_left": 1,
            "day_ends_at": at, "day_left": 1, "minute_limit": 1, "day_limit": 1, "error_moments": [],
        },
        UnsavedWork: {"registration_id": number, "place": "ticks", "content": {}, "kept_at": at, **who},
        RefusedCall: {"environment": "nl", "client_id": f"app {at}", "resource": "r", "login": "", "until": at},
        ReadPage: {
            "reading_id": f"r{at.timestamp()}", "number": 0, "registration_id": number, "grant_id": "g",
            "resource": "r", "following": "", "count": 0, "rows": [], "whole": True, "read_at": at,
        },
        OperatorSession: {"token_hash": f"s{at}", "last_active_at": at, **open_until},
        SignInTicket: {"token_hash": f"t{at}", "browser_hash": "b", "target": "/", "expires_at": at, **who},
        ProviderVisit: {"browser_hash": f"v{at}", "purpose": "sign_in", "target": "/", "expires_at": at},
        SecondStep: {"browser_hash": f"w{at}", "expires_at": at, **who},
        SignInFailure: {"account_hash": "a", "address": "1.2.3.4", "at": at},
        Knock: {"key_hash": f"k{at.timestamp()}", "free_at": at.timestamp()},
    }  # fmt: skip


def fill(app: Application, number: int, at: datetime) -> None:
    operator = make_operator(app.database)
    with app.database.transaction() as session:
        for table, columns in rows_of(number, operator.id, at).items():
            session.execute(insert(table).values(columns))


def counts(app: Application) -> dict[str, int]:
    with app.database.read() as session:
        tables = [rule.table for rule in RULES]
        return {
            table.__tablename__: session.scalar(select(func.count()).select_from(table)) or 0
            for table in tables
        }


def test_every_table_is_pruned_or_need_not_be(database: Database) -> None:
    tables = set(inspect(database.engine).get_table_names())
    own = {name for name in tables if not any(name.startswith(search) for search in SEARCH)}
    ruled = {rule.table.__tablename__ for rule in RULES} | {"timeline"}
    assert ruled | set(LEFT) == own
    assert not ruled & set(LEFT)
    assert all(rule.why for rule in RULES)


def test_what_is_old_goes_and_what_is_young_stays(app: Application, number: int) -> None:
    fill(app, number, clock.now() - YEARS)
    fill(app, number, clock.now() + timedelta(minutes=5))
    Keeper(app).turn()
    assert counts(app) == dict.fromkeys(counts(app), 1)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.table.__tablename__)
def test_each_goes_at_its_time_and_not_before(app: Application, number: int, rule: Any) -> None:
    fill(app, number, clock.now() - rule.after + timedelta(hours=1))
    with app.database.read() as session:
        assert session.execute(rule.due(clock.now())).all() == []
        assert len(session.execute(rule.due(clock.now() + timedelta(hours=2))).all()) == 1


def test_more_than_a_batch_goes_in_one_turn_and_not_in_one_transaction(
    app: Application, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "BATCH", 3)
    old = clock.now() - YEARS
    with app.database.transaction() as session:
        for hours in range(10):
            columns = rows_of(number, 0, old + timedelta(hours=hours))
            session.execute(insert(CustomerLink).values(columns[CustomerLink]))
            session.execute(insert(CallBudget).values(columns[CallBudget]))
    Keeper(app).turn()
    assert counts(app)["customer_links"] == counts(app)["call_budgets"] == 0


def test_what_is_still_of_use_stays_however_old(app: Application, number: int) -> None:
    old = clock.now() - YEARS
    incident = make_incident(app.database, opened_at=old, last_failure_at=old)
    with app.database.transaction() as session:
        plain = {"registration_id": number, "details": {}, "created_at": old}
        issue = {"registration_id": number, "kind": "undecided", "first_seen_at": old, "last_seen_at": old}
        session.execute(insert(Issue).values(issue))
        session.execute(insert(Alarm).values(kind="test", **plain))
        session.execute(
            insert(Alarm).values(kind="reconnect_needed", planned_at=old, settled_at=old, **plain)
        )
        told = {"kind": "incident_opened", "incident_id": incident, "planned_at": old, "settled_at": old}
        session.execute(insert(Alarm).values(told | {"details": {}, "created_at": old}))
        blocked = rows_of(number, 0, old)[CallBudget] | {"blocked_until": clock.now() + timedelta(hours=1)}
        session.execute(insert(CallBudget).values(blocked))
    before = counts(app)
    housekeeping.tidy(app)  # and nothing else, which would see that the issue is none
    assert counts(app) == before


def alarm(app: Application, number: int, kind: AlarmKind, at: datetime) -> int:
    """One that was told to support, and everybody is done with it."""
    with app.database.transaction() as session:
        row = Alarm(
            kind=kind.value, registration_id=number, details={}, created_at=at, planned_at=at, settled_at=at
        )
        session.add(row)
        session.flush()
        session.add(Delivery(alarm_id=row.id, audience="support", recipient=1, sent_at=at, outcome="sent"))
        return row.id


def left(app: Application) -> list[int]:
    with app.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Delivery)) == session.scalar(
            select(func.count()).select_from(Alarm)
        )
        return list(session.scalars(select(Alarm.id).order_by(Alarm.id)))


def test_trouble_is_remembered_until_its_end_was_told_and_then_both_go(app: Application, number: int) -> None:
    old = clock.now() - YEARS
    trouble = alarm(app, number, AlarmKind.RECONNECT_NEEDED, old)
    Keeper(app).turn()
    assert left(app) == [trouble]
    mended = alarm(app, number, AlarmKind.RECOVERED, clock.now())
    Keeper(app).turn()
    assert left(app) == [mended]
    with clock.shifted(timedelta(days=401)):
        Keeper(app).turn()
    assert left(app) == []


def test_a_timeline_keeps_its_newest_entries_and_two_years(
    app: Application, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "NEWEST_ENTRIES", 5)
    other = make_registration(app.database)
    now = clock.now()
    with app.database.transaction() as session:
        session.execute(text("DELETE FROM timeline"))
        for days in range(3000, 0, -300):
            at = now - timedelta(days=days)
            session.execute(
                insert(TimelineEntry).values(
                    registration_id=number, at=at, actor="a", kind="checked", details={"days": days}
                )
            )
        for _n in range(4):
            session.execute(
                insert(TimelineEntry).values(
                    registration_id=other, at=now - YEARS, actor="a", kind="checked", details={}
                )
            )
    Keeper(app).turn()
    with app.database.read() as session:
        kept = session.execute(
            select(TimelineEntry.registration_id, TimelineEntry.details).order_by(TimelineEntry.id)
        ).all()
    assert [details["days"] for owner, details in kept if owner == number] == [1500, 1200, 900, 600, 300]
    assert len([owner for owner, _details in kept if owner == other]) == 4
    monkeypatch.setattr(housekeeping, "NEWEST_ENTRIES", 1)
    Keeper(app).turn()
    with app.database.read() as session:
        assert session.scalar(select(func.count()).where(TimelineEntry.registration_id == number)) == 2
        assert session.scalar(select(func.count()).where(TimelineEntry.registration_id == other)) == 1


def test_the_archive_forgets_after_seven_days_though_nothing_is_added(app: Application) -> None:
    app.journal.remember(Spend("nl", "grant", "parent"), ("child",), b"sealed", clock.now())
    Keeper(app).turn()
    assert app.journal.newest("grant") is not None
    with clock.shifted(timedelta(days=7, hours=1)):
        Keeper(app).turn()
    assert app.journal.newest("grant") is None


def plan(database: Database, query: Select[Any]) -> str:
    words = query.compile(database.engine, compile_kwargs={"literal_binds": True})
    with database.engine.connect() as connection:
        if database.is_sqlite:
            return "\n".join(row[3] for row in connection.execute(text(f"EXPLAIN QUERY PLAN {words}")))
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        connection.execute(text("SET LOCAL enable_bitmapscan = off"))
        return "\n".join(row[0] for row in connection.execute(text(f"EXPLAIN {words}")))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.table.__tablename__)
def test_what_is_old_is_found_by_an_index(database: Database, rule: Any) -> None:
    found = plan(database, rule.due(clock.now()).limit(500))
    table = rule.table.__tablename__
    lines = found.replace("scan using", "Scan using").splitlines()
    assert not any(
        line.strip().startswith(("SCAN " + table, "->  Seq Scan on " + table)) for line in lines
    ), found
    assert f"ix_{table}" in found, found


def test_long_timelines_are_found_by_an_index(database: Database) -> None:
    for query in (long_timelines(3).limit(500), old_entries(3, clock.now())):
        assert "ix_timeline_registration" in plan(database, query)
