"""Rows to start a test from. What a test is about, it states; the rest has a plain default."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select

from core import clock
from core.accounts.roles import CurrentOperator, Role
from core.alarms.outbox import AlarmKind, announce
from core.registrations.issues import IssueKind, Problem, issue_columns
from core.registrations.names import name_key
from core.registrations.settle import settle
from core.settings import Settings
from core.storage.database import Database
from core.storage.models import Administration, Alarm, Grant, Incident, Issue, Operator, Registration

_numbers = itertools.count(1)


def make_operator(
    database: Database,
    name: str = "Alice",
    role: Role = Role.SUPPORT,
    *,
    email: str | None = None,
    password_hash: str | None = None,
    language: str | None = "en",
    active: bool = True,
) -> CurrentOperator:
    """An operator's row, and the operator as use cases are told. Without a password nobody can sign in as them."""
    address = email or f"{name.lower().replace(' ', '.')}.{next(_numbers)}@clickker.test"
    with database.transaction() as session:
        row = Operator(
            email=address,
            name=name,
            role=role.value,
            language=language,
            password_hash=password_hash,
            active=active,
            created_at=clock.now(),
        )
        session.add(row)
        session.flush()
        return CurrentOperator(row.id, address, name, role, language)


def make_registration(
    database: Database,
    name: str | None = None,
    *,
    environment: str = "nl",
    **facts: Any,
) -> int:
    """A submitted registration; ``facts`` are columns of ``Registration``. Its status is derived from them."""
    now = clock.now()
    called = name or f"Customer {next(_numbers)} B.V."
    columns = {"submitted_at": now, "created_at": now, "updated_at": now, "status": ""} | facts
    with database.transaction() as session:
        row = Registration(name=called, name_key=name_key(called), environment=environment, **columns)
        session.add(row)
        session.flush()
        settle(session, Settings(), row, now)
        return row.id


def make_grant(database: Database, registration_id: int | None = None, **facts: Any) -> str:
    """A live grant without tokens, for one registration if given; ``facts`` are columns of ``Grant``."""
    now = clock.now()
    columns = {
        "environment": "nl",
        "client_id": "client",
        "exact_user_id": f"user-{next(_numbers)}",
        "user_name": "jan.jansen",
        "full_name": "Jan Jansen",
        "live": True,
        "created_at": now,
        "rotated_at": now,
        "last_success_at": now,
    } | facts
    with database.transaction() as session:
        grant = Grant(**columns)
        session.add(grant)
        session.flush()
        if registration_id is not None:
            row = session.get_one(Registration, registration_id)
            row.grant_id = grant.id
            settle(session, Settings(), row, now)
        return grant.id


def make_administration(
    database: Database,
    registration_id: int,
    name: str | None = None,
    *,
    linked: bool = True,
    **facts: Any,
) -> int:
    """An administration as seen at Exact, linked unless said otherwise; returns its division code."""
    now = clock.now()
    number = next(_numbers)
    called = name or f"Administration {number}"
    columns: dict[str, Any] = {"code": 100_000 + number, "seen_at": now, "linked": linked} | facts
    if linked:
        columns.setdefault("linked_at", now)
    with database.transaction() as session:
        row = session.get_one(Registration, registration_id)
        session.add(
            Administration(
                registration_id=row.id,
                environment=row.environment,
                name=called,
                name_key=name_key(called),
                **columns,
            )
        )
        session.flush()
        settle(session, Settings(), row, now)
        return int(columns["code"])


def make_connected(
    database: Database,
    name: str | None = None,
    *,
    administrations: int = 1,
    at: datetime | None = None,
    **facts: Any,
) -> int:
    """A registration with a live grant, linked administrations and a success ``at`` (now, unless given)."""
    moment = at or clock.now()
    registration_id = make_registration(
        database,
        name,
        **({"completed_at": moment, "last_success_at": moment, "last_checked_at": moment} | facts),
    )
    make_grant(database, registration_id, rotated_at=moment, last_success_at=moment)
    for _number in range(administrations):
        make_administration(database, registration_id)
    # A keeper that happens to run beside the test has no business with it: there are no tokens.
    with database.transaction() as session:
        session.get_one(Registration, registration_id).next_check_at = clock.now() + timedelta(hours=20)
        # Building it step by step may have raised alarms of which the test knows nothing.
        session.execute(delete(Alarm).where(Alarm.registration_id == registration_id))
    return registration_id


def make_broken(database: Database, name: str | None = None, **facts: Any) -> int:
    """A registration that needs to be reconnected: its consent went unused for too long."""
    return make_connected(database, name, at=clock.now() - timedelta(days=31), **facts)


def make_alarm(database: Database, kind: AlarmKind, registration_id: int | None = None, **more: Any) -> int:
    """An alarm in the outbox, as the transaction of its fact leaves it."""
    with database.transaction() as session:
        registration = session.get_one(Registration, registration_id) if registration_id else None
        announce(session, kind, clock.now(), registration=registration, **more)
        session.flush()
        return session.scalars(select(func.max(Alarm.id))).one() or 0


def make_befallen(database: Database, registration_id: int, incident_id: int) -> None:
    """What settling writes about a registration that an incident befalls."""
    now = clock.now()
    found = Problem(IssueKind.OUTAGE, now, incident_id=incident_id)
    with database.transaction() as session:
        session.add(Issue(**issue_columns(registration_id, found, now)))


def make_incident(database: Database, environment: str = "nl", **facts: Any) -> int:
    """An open incident."""
    now = clock.now()
    columns = {"kind": "outage", "opened_at": now, "last_failure_at": now, "next_check_at": now} | facts
    with database.transaction() as session:
        row = Incident(environment=environment, **columns)
        session.add(row)
        session.flush()
        return row.id
