"""Many made-up registrations at once: to see how the tables behave when they are full.

Rows go in by the thousand instead of through the use cases, so what those keep in step (status, counters, search,
copies) is derived here by the same pure functions; a test settles every row again and finds nothing to change.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core import clock
from core.accounts.roles import Role
from core.application import Application
from core.registrations.issues import issue_columns, problems
from core.registrations.names import name_key
from core.registrations.status import Derived, Facts, derive
from core.seed_names import OWNERS, administration_name, company_name
from core.seed_stories import FAILING, Story, consent_columns, grant_columns, registration_columns, stories
from core.settings import Settings
from core.storage import bulk, counters
from core.storage.models import Administration, Consent, Grant, Issue, Operator, Registration

_CHUNK = 2_000
_MANY = 5_000
_FIRST_CODE = 1_000_000
_ENVIRONMENTS = ("nl", "be", "de", "fr", "uk", "es", "us")
_SHARES = (80, 11, 5, 1, 1, 1, 1)
_COUNTRIES = {"uk": ("GB", "GBP"), "us": ("US", "USD")}


@dataclass
class _Numbers:
    """Where the next rows begin."""

    registration: int
    administration: int
    code: int
    issue: int
    owed: int = 0
    """Administrations that an earlier registration had no consent for: the next one that has takes them too."""

    @classmethod
    def after(cls, session: Session) -> _Numbers:
        """After the rows that are there."""
        highest = [
            session.scalar(select(func.max(column))) or 0
            for column in (Registration.id, Administration.id, Administration.code, Issue.id)
        ]
        return cls(highest[0] + 1, highest[1] + 1, max(highest[2] + 1, _FIRST_CODE), highest[3] + 1)


def seed(app: Application, registrations: int, administrations_each: int) -> None:
    """Add ``registrations`` with ``administrations_each`` on average, all or none; twice adds as many again.

    Names and states are the same at every run on an empty database; moments are counted back from now.
    """
    with app.database.transaction() as session, ExitStack() as stack:
        if registrations >= _MANY:
            stack.enter_context(bulk.indexes_later(session, Registration, Administration))
        _add(session, app.settings, registrations, administrations_each)
    with app.database.transaction() as session:
        bulk.learn(session, Registration, Administration, Issue)


def _add(session: Session, settings: Settings, registrations: int, each: int) -> None:
    numbers = _Numbers.after(session)
    chosen = stories(random.Random(numbers.registration))  # noqa: S311 - no secret hangs on it
    batch = _Batch(settings, _owners(session), numbers, each)
    for left in range(registrations, 0, -1):
        batch.add(next(chosen))
        if left % _CHUNK == 1:
            batch.write(session)
    for model in (Registration, Administration, Issue):
        bulk.go_on_after(session, model)


class _Batch:
    """Rows on their way in, with the figures they add to the counters."""

    def __init__(
        self, settings: Settings, owners: Sequence[tuple[int, str]], numbers: _Numbers, each: int
    ) -> None:
        self._settings = settings
        self._owners = owners
        self._numbers = numbers
        self._each = each
        self._now = clock.now()
        self._random = random.Random(numbers.registration)  # noqa: S311
        self._registrations: list[dict[str, Any]] = []
        self._administrations: list[dict[str, Any]] = []
        self._grants: list[dict[str, Any]] = []
        self._consents: list[dict[str, Any]] = []
        self._issues: list[dict[str, Any]] = []
        self._counts: Counter[str] = Counter()

    def add(self, story: Story) -> None:
        numbers = self._numbers
        numbers.owed += self._each
        held = numbers.owed if story.consented else 0
        numbers.owed -= held
        linked = held if story.linked else 0
        failing = min(linked, 1) if story.failing else 0
        facts = story.facts(self._now, self._settings, linked, failing, numbers.code)
        derived = derive(facts, self._now)
        row = self._registration(story, derived, linked)
        self._add_issues(row["id"], facts)
        row["next_check_at"] = None
        if story.consented:
            grant = grant_columns(story, row, self._now)
            row["grant_id"] = grant["id"]
            row["next_check_at"] = self._next_check(row)
            self._grants.append(grant)
        if story.denied:
            self._consents.append(consent_columns(row, self._now))
        self._registrations.append(row)
        self._add_administrations(row, story, held, failing)
        self._counts[f"status:{derived.status}"] += 1
        self._counts["administrations"] += linked

    def write(self, session: Session) -> None:
        """Insert the rows and add their figures, in the one transaction of ``session``."""
        bulk.insert_rows(session, Grant, self._grants)
        bulk.insert_rows(session, Registration, self._registrations)
        bulk.insert_rows(session, Consent, self._consents)
        bulk.insert_rows(session, Administration, self._administrations)
        bulk.insert_rows(session, Issue, self._issues)
        for name, delta in sorted(self._counts.items()):
            counters.add(session, name, delta)
        for kept in (self._grants, self._registrations, self._consents, self._administrations, self._issues):
            kept.clear()
        self._counts.clear()

    def _next_check(self, row: dict[str, Any]) -> datetime | None:
        """Spread over the day, where there is anything to check; what is well is checked in a day at the latest."""
        if not row["active"] or row["disconnected_at"] is not None or row["submitted_at"] is None:
            return None
        drawn = self._now + timedelta(hours=self._random.uniform(1, self._settings.check_hours))
        last = row["last_checked_at"] or self._now
        soonest = self._now + timedelta(hours=1)
        return max(soonest, min(drawn, last + timedelta(hours=self._settings.check_hours)))

    def _add_issues(self, number: int, facts: Facts) -> None:
        for problem in problems(facts, self._now):
            columns = issue_columns(number, problem, self._now)
            self._issues.append({"id": self._numbers.issue} | columns)
            self._numbers.issue += 1

    def _registration(self, story: Story, derived: Derived, linked: int) -> dict[str, Any]:
        number = self._numbers.registration
        self._numbers.registration += 1
        name = company_name(number - 1)
        owner_id, owner_key = self._owners[self._random.randrange(len(self._owners))]
        return registration_columns(story, derived, self._now, self._settings) | {
            "id": number,
            "name": name,
            "name_key": _key(name),
            "environment": self._random.choices(_ENVIRONMENTS, _SHARES)[0],
            "reference": f"K{100_000 + number}",
            "reference_key": f"k{100_000 + number}",
            "owner_id": owner_id,
            "owner_key": owner_key,
            "administrations_linked": linked,
            "grant_id": None,
        }

    def _add_administrations(self, row: dict[str, Any], story: Story, held: int, failing: int) -> None:
        country, currency = _COUNTRIES.get(row["environment"], (row["environment"].upper(), "EUR"))
        shared = {
            "registration_id": row["id"],
            "environment": row["environment"],
            "country": country,
            "currency": currency,
            "linked": story.linked,
            "linked_at": row["completed_at"],
            "last_success_at": row["last_success_at"],
            "seen_at": row["created_at"],
            "status": row["status"],
            "owner_id": row["owner_id"],
            "active": row["active"],
            "owner_key": row["owner_key"],
            "registration_key": row["name_key"],
            "customer_name": row["name"],
            "vat_number": "",
            "exact_status": 1,
            "blocking_status": 0,
            "permitted": True,
        }
        for index in range(held):
            self._administrations.append(shared | self._one(row["id"] - 1, index, index < failing))

    def _one(self, company: int, index: int, failing: bool) -> dict[str, Any]:
        numbers = self._numbers
        name = administration_name(company, index)
        columns = {
            "id": numbers.administration,
            "code": numbers.code,
            "name": name,
            "name_key": _key(name),
            "last_failure_kind": FAILING if failing else None,
        }
        numbers.administration += 1
        numbers.code += 1
        return columns


def _key(name: str) -> str:
    """``name_key``, which works word by word, and the words are few."""
    return " ".join(_word_key(word) for word in name.split())


@cache
def _word_key(word: str) -> str:
    return name_key(word)


def _owners(session: Session) -> list[tuple[int, str]]:
    """Those who may own a registration, made when there are none: without a password nobody signs in as them."""
    known = {
        email: (number, key)
        for number, email, key in session.execute(select(Operator.id, Operator.email, Operator.name))
    }
    for name in OWNERS:
        email = f"{name_key(name).replace(' ', '.')}@clickker.example"
        if email not in known:
            row = Operator(
                email=email, name=name, role=Role.ACCOUNT_MANAGER, active=True, created_at=clock.now()
            )
            session.add(row)
            session.flush()
            known[email] = (row.id, name)
    return [(number, name_key(name)) for email, (number, name) in known.items() if email.endswith(".example")]
