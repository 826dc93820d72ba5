"""Made-up registrations by the thousand, to measure with: facts first, and every status derived from them."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Table, func, insert, select, text
from sqlalchemy.orm import Session

from core import clock
from core.accounts.roles import Role
from core.application import Application
from core.registrations.names import name_key
from core.registrations.status import Derived, Facts, derive
from core.storage import counters
from core.storage.models import Administration, Grant, Operator, Registration, TimelineEntry
from core.tokens.facts import lapses_at

CHUNK = 500
"""Registrations a transaction: with ten administrations each, some thousands of rows."""
OWNERS = ("Sanne Smit", "Omar Aydin", "Femke Postma", "Pieter Claes", "Lena Brandt")
ENVIRONMENTS = ("nl", "nl", "nl", "nl", "nl", "be", "be", "be", "de", "de")
_FIRST = (
    "Van der Berg", "De Vries", "Jansen", "Bakker", "Visser", "Smit", "Meijer", "De Groot", "Mulder", "Bos",
    "Peeters", "Janssens", "Maes", "Jacobs", "Mertens", "Willems", "Claes", "Goossens", "Wouters", "Dubois",
    "Müller", "Schmidt", "Schneider", "Fischer", "Weber", "Meyer", "Wagner", "Becker", "Schulz", "Hoffmann",
)  # fmt: skip
_TRADE = (
    "Bouw", "Transport", "Techniek", "Advies", "Groothandel", "Horeca", "Zorg", "Installaties", "Metaal", "Tuinen",
    "Logistiek", "Software", "Vastgoed", "Schilders", "Drukwerk", "Textiel", "Voeding", "Elektro", "Maritiem",
)  # fmt: skip
_FORM = {"nl": "B.V.", "be": "NV", "de": "GmbH"}


@dataclass(frozen=True)
class _Kind:
    """The facts of one in twenty registrations."""

    active: bool = True
    consented: bool = True
    success: float | None = 1.0
    """Days since."""
    failure: str | None = None
    disconnected: bool = False


# Out of twenty: thirteen in order, the rest one of each trouble, as a healthy support desk would see it.
_KINDS = (
    *[_Kind()] * 13,
    _Kind(active=False, success=20),
    _Kind(consented=False, success=None),
    _Kind(success=19),
    _Kind(success=3, failure="outage"),
    _Kind(success=3, failure="forbidden"),
    _Kind(disconnected=True, consented=False, success=40),
    _Kind(success=31),
)


def seed(app: Application, registrations: int, administrations: int) -> None:
    """Add so many registrations, each with so many linked administrations. They hold no tokens."""
    now = clock.now()
    with app.database.transaction() as session:
        owners = _owners(session, now)
        first = (session.scalar(select(func.max(Registration.id))) or 0) + 1
    for start in range(first, first + registrations, CHUNK):
        numbers = range(start, min(start + CHUNK, first + registrations))
        with app.database.transaction() as session:
            _plant(session, app, numbers, administrations, owners=owners, now=now)
    if not app.database.is_sqlite:
        with app.database.transaction() as session:
            # The numbers were given, so PostgreSQL's own count stands still and would hand them out again.
            session.execute(
                text(
                    "SELECT setval(pg_get_serial_sequence('registrations', 'id'), (SELECT max(id) FROM registrations))"
                )
            )


def _owners(session: Session, now: datetime) -> list[int]:
    found = list(session.scalars(select(Operator.id).where(Operator.role == Role.ACCOUNT_MANAGER.value)))
    if found:
        return found
    rows = [
        Operator(
            email=f"{name_key(name).replace(' ', '.')}@seeded.example",
            name=name,
            role=Role.ACCOUNT_MANAGER.value,
            created_at=now,
        )
        for name in OWNERS
    ]
    session.add_all(rows)
    session.flush()
    return [row.id for row in rows]


def _plant(
    session: Session, app: Application, numbers: range, each: int, *, owners: list[int], now: datetime
) -> None:
    grants: list[dict[str, Any]] = []
    registrations: list[dict[str, Any]] = []
    administrations: list[dict[str, Any]] = []
    figures: Counter[str] = Counter()
    for number in numbers:
        kind = _KINDS[number % len(_KINDS)]
        facts = _facts(app, kind, each, now)
        derived = derive(facts, now)
        grant = _grant(number, facts) if kind.consented else None
        grants += [grant] if grant else []
        row = _registration(number, facts, derived, grant, owners[number % len(owners)])
        registrations.append(row)
        administrations += _administrations(row, facts.linked, facts.last_success_at, now)
        figures[f"status:{derived.status}"] += 1
        figures["administrations"] += facts.linked
    timeline = [_entry(row) for row in registrations]
    for table, rows in (
        (Grant.__table__, grants),
        (Registration.__table__, registrations),
        (Administration.__table__, administrations),
        (TimelineEntry.__table__, timeline),
    ):
        if rows and isinstance(table, Table):
            session.execute(insert(table), rows)
    for name, value in figures.items():
        counters.add(session, name, value)


def _facts(app: Application, kind: _Kind, each: int, now: datetime) -> Facts:
    success = None if kind.success is None else now - timedelta(days=kind.success)
    return Facts(
        active=kind.active,
        disconnected=kind.disconnected,
        consented=kind.consented,
        completed=kind.consented and each > 0,
        lapses_at=lapses_at(success, app.settings) if success and kind.consented else None,
        last_success_at=success,
        last_failure_at=now - timedelta(hours=5) if kind.failure else None,
        last_failure_kind=kind.failure,
        linked=each if kind.consented else 0,
        fresh=app.settings.fresh,
    )


def _grant(number: int, facts: Facts) -> dict[str, Any]:
    person = f"{_FIRST[number % len(_FIRST)]} {number}"
    return {
        "id": str(uuid.UUID(int=(0xC11C << 112) + number)),
        "environment": ENVIRONMENTS[number % len(ENVIRONMENTS)],
        "client_id": "seeded",
        "exact_user_id": str(uuid.UUID(int=number)),
        "user_name": f"user{number}@seeded.example",
        "full_name": person,
        "email": f"user{number}@seeded.example",
        "live": True,
        "created_at": facts.last_success_at,
        "rotated_at": facts.last_success_at,
        "last_success_at": facts.last_success_at,
        "failures": 0,
        "refusals": 0,
        "version": 1,
    }


def _registration(
    number: int, facts: Facts, derived: Derived, grant: dict[str, Any] | None, owner: int
) -> dict[str, Any]:
    environment = ENVIRONMENTS[number % len(ENVIRONMENTS)]
    made = clock.now() - timedelta(days=40 + number % 700)
    name = f"{_FIRST[number % len(_FIRST)]} {_TRADE[number // 7 % len(_TRADE)]} {number} {_FORM[environment]}"
    return {
        "id": number,
        "name": name,
        "name_key": name_key(name),
        "environment": environment,
        "active": facts.active,
        "reference": f"K-{number:06d}",
        "owner_id": owner,
        "note": "",
        "created_at": made,
        "updated_at": made,
        "submitted_at": made,
        "grant_id": grant["id"] if grant else None,
        "completed_at": made if facts.completed else None,
        "disconnected_at": made if facts.disconnected else None,
        "last_checked_at": facts.last_failure_at or facts.last_success_at,
        "last_success_at": facts.last_success_at,
        "last_failure_at": facts.last_failure_at,
        "last_failure_kind": facts.last_failure_kind,
        "status": derived.status,
        "status_reason": derived.reason,
        "status_until": derived.until,
        "lapses_at": facts.lapses_at,
        "administrations_linked": facts.linked,
    }


def _administrations(
    registration: dict[str, Any], count: int, success: datetime | None, now: datetime
) -> Iterator[dict[str, Any]]:
    for index in range(count):
        name = f"{registration['name']} {_TRADE[index % len(_TRADE)]}"
        code = 10_000_000 + registration["id"] * 100 + index
        yield {
            "registration_id": registration["id"],
            "environment": registration["environment"],
            "code": code,
            "name": name,
            "name_key": name_key(name),
            "customer_name": registration["name"],
            "country": registration["environment"].upper(),
            "currency": "EUR",
            "vat_number": f"{registration['environment'].upper()}{code:09d}",
            "exact_status": 1,
            "blocking_status": 0,
            "permitted": True,
            "linked": True,
            "linked_at": registration["completed_at"],
            "last_success_at": success,
            "seen_at": now,
            "status": registration["status"],
            "owner_id": registration["owner_id"],
            "active": registration["active"],
        }


def _entry(registration: dict[str, Any]) -> dict[str, Any]:
    return {
        "registration_id": registration["id"],
        "at": registration["created_at"],
        "actor": "clickker",
        "kind": "registered",
        "details": {"name": registration["name"]},
    }
