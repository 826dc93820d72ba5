"""What asks for issues and incidents finds them in an index, however long their history."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock
from core.accounts.roles import CurrentOperator
from core.application import Application
from core.exact.errors import ExactError, FailureKind
from core.registrations import incident_rows
from core.registrations.failures import record_failure
from core.registrations.incidents import open_incident, sweep
from core.registrations.issue_views import issues_of, silenced_by_status
from core.registrations.overview import overview
from core.registrations.settle import settle
from core.seed import seed
from core.storage.database import Database
from core.storage.models import Registration
from tests.factories import make_connected
from tests.support.plans import plan_of
from tests.support.statements import statements

READS_ALL = re.compile(
    r"SCAN (issues|registrations|incidents)\b(?! USING)|Seq Scan on (issues|registrations)"
)


def _assert_indexed(database: Database, seen: list[tuple[str, object]], table: str) -> None:
    asked = [(statement, given) for statement, given in seen if f"FROM {table}" in statement]
    assert asked
    for statement, given in asked:
        plan = plan_of(database, statement, given)
        assert not READS_ALL.search(plan), f"{statement}\n{plan}"


def test_settling_a_registration_reads_its_own_rows_alone(
    app: Application, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "core.seed._MANY", 10
    )  # the indexes are made again: SQLite prefers the latest of equals
    seed(app, 30, 2)
    with statements(database) as seen, database.transaction() as session:
        row = session.scalars(select(Registration).limit(1)).one()
        settle(session, app.settings, row, clock.now())
    _assert_indexed(database, [one for one in seen if "issues" in one[0]], "issues")
    # An index that begins with "linked" leads to nearly every administration there is.
    plans = [plan_of(database, *one) for one in seen if "FROM administrations" in one[0]]
    assert plans
    assert all("uq_administrations_registration" in plan for plan in plans), plans


def test_the_page_and_the_overview_read_no_whole_history(
    seeded: Application, database: Database, admin: CurrentOperator
) -> None:
    with statements(database) as seen:
        issues_of(seeded, admin, 1)
        overview(seeded, admin)
        with database.read() as session:
            silenced_by_status(session, clock.now())
    _assert_indexed(database, [one for one in seen if "issues" in one[0]], "issues")
    plans = [plan_of(database, *one) for one in seen if "FROM issues" in one[0]]
    assert not any("ix_issues_open" in plan for plan in plans), plans
    assert not any(
        READS_ALL.search(plan_of(database, *one)) for one in seen if "FROM registrations" in one[0]
    )


def test_an_incident_finds_whom_it_concerns(seeded: Application, database: Database) -> None:
    for _number in range(3):
        record_failure(seeded, make_connected(database), ExactError(FailureKind.OUTAGE))
    with database.read() as session:
        incident = open_incident(session, "nl")
        assert incident is not None
    with statements(database) as seen:
        sweep(seeded)
        with Session(database.engine) as session:
            window = clock.now() - timedelta(minutes=10)
            incident_rows.beginnings(session, "nl", "outage", window)
            session.scalars(incident_rows.strays(seeded.settings, incident)).all()
            session.scalars(incident_rows.affected(incident)).all()
    _assert_indexed(database, [one for one in seen if "issues" in one[0]], "issues")
