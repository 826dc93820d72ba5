"""The list of the audit log: what filters let through, in which order, and by which index."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from core import clock
from core.accounts.roles import Action, CurrentOperator, Role
from core.accounts.sso import Purpose
from core.application import Application
from core.audit import listing
from core.audit.event_words import EVENTS, SUBJECTS, subject_words
from core.audit.events import Event
from core.audit.listing import (
    AuditQuery,
    iterate_entries,
    latest_verification,
    list_entries,
    people,
)
from core.audit.record import record, record_alone
from core.audit.verifying import verify
from core.errors import NotAllowed
from core.i18n import language
from core.storage.database import Database
from tests.factories import make_operator
from tests.support.plans import plan_of
from tests.support.statements import statements

BAD = re.compile(r"TEMP B-TREE|SCAN (audit_entries|operators)\b(?! USING)|Seq Scan on audit|\bSort\b")


@pytest.fixture
def admin(database: Database) -> CurrentOperator:
    return make_operator(database, "Alice", Role.ADMIN)


@pytest.fixture
def filled(app: Application, database: Database, admin: CurrentOperator) -> Application:
    """Sixty entries of several kinds, and one of yesterday."""
    with clock.shifted(timedelta(days=-1)):
        record_alone(app, Event.SIGN_OUT, None, on="operator 9 Bob", address="10.0.0.9")
    with database.transaction() as session:
        for number in range(58):
            record(session, Event.SIGN_IN, admin, on=f"operator {number} Alice")
        record(
            session, Event.REGISTRATION_DELETED, admin, on="registration 7 Xylofoonhuis", outcome="refused"
        )
        record(
            session,
            Event.CONSENT_GRANTED,
            None,
            on="registration 8 Bäkker",
            address="10.1.1.1",
            actor="customer",
        )
    return app


def found(app: Application, by: CurrentOperator, **asked: Any) -> list[int]:
    listed = [row.sequence for row in list_entries(app, by, AuditQuery(**asked)).rows]
    assert listed == [row.sequence for row in iterate_entries(app, by, AuditQuery(**asked))][: len(listed)]
    return listed


def test_the_latest_come_first_fifty_a_page(filled: Application, admin: CurrentOperator) -> None:
    page = list_entries(filled, admin, AuditQuery())
    assert (page.count, page.pages, page.rows[0].sequence, len(page.rows)) == (60 + 1, 2, 61, 50)
    assert list_entries(filled, admin, AuditQuery(page=9)).rows[-1].sequence == 1


def test_each_filter_lets_through_what_it_names(
    filled: Application, admin: CurrentOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "CHUNK", 2)
    today = clock.now().date()
    assert found(filled, admin, search="fOOnhu") == [60]
    assert found(filled, admin, search="bakker") == [61]
    assert found(filled, admin, search="registration") == [61, 60]
    assert found(filled, admin, search="registration", outcome="refused") == [60]
    assert found(filled, admin, search='"%_') == []
    assert found(filled, admin, who="customer") == [61]
    assert found(filled, admin, who="visitor") == [1]
    assert len(found(filled, admin, who=str(admin.id))) == 50
    assert found(filled, admin, event="sign_out") == [1]
    assert found(filled, admin, outcome="refused") == [60]
    assert found(filled, admin, last=today - timedelta(days=1)) == [1]
    assert 1 not in [row.sequence for row in iterate_entries(filled, admin, AuditQuery(first=today))]
    assert found(filled, admin, first=date(2100, 1, 1)) == []
    assert found(filled, admin, last=date.max)[0] == 61


def test_everything_is_read_in_pieces(
    filled: Application, admin: CurrentOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "CHUNK", 7)
    assert [row.sequence for row in iterate_entries(filled, admin, AuditQuery())] == list(range(61, 0, -1))


def test_only_an_admin_sees_it(app: Application, database: Database) -> None:
    for role in (Role.SUPPORT, Role.ACCOUNT_MANAGER):
        bob = make_operator(database, "Bob", role)
        for ask in (list_entries, iterate_entries):
            with pytest.raises(NotAllowed):
                ask(app, bob, AuditQuery())
        with pytest.raises(NotAllowed):
            people(app, bob)


def test_it_tells_who_verified_it_last(app: Application, admin: CurrentOperator) -> None:
    assert latest_verification(app, admin) is None
    verify(app, admin)
    last = latest_verification(app, admin)
    assert last is not None
    assert (last.actor_name, last.outcome, last.detail) == ("Alice", "done", "0")


QUERIES: list[dict[str, Any]] = [
    {},
    {"page": 2},
    {"who": "1"},
    {"who": "customer"},
    {"event": "sign_out"},
    {"outcome": "refused"},
    {"first": date(2026, 1, 1), "last": date(2026, 2, 1)},
    {"event": "sign_in", "first": date(2026, 1, 1)},
]


def _plans(database: Database, show: Callable[[], object], **how: Any) -> str:
    with statements(database) as seen:
        show()
    assert len(seen) >= 2
    return "\n".join(plan_of(database, statement, parameters, **how) for statement, parameters in list(seen))


@pytest.mark.parametrize("asked", QUERIES, ids=[" ".join(asked) or "everything" for asked in QUERIES])
def test_every_filter_is_served_by_an_index(
    filled: Application, database: Database, admin: CurrentOperator, asked: dict[str, Any]
) -> None:
    plan = _plans(database, lambda: list_entries(filled, admin, AuditQuery(**asked)))
    assert not BAD.search(plan), plan


def test_a_search_goes_through_the_trigrams(
    filled: Application, database: Database, admin: CurrentOperator
) -> None:
    def show() -> object:
        return list_entries(filled, admin, AuditQuery(search="xylofoon"))

    if database.is_sqlite:
        plan = _plans(database, show)
        assert "VIRTUAL TABLE" in plan
        assert "TEMP B-TREE" not in plan
        assert "SCAN audit_entries" not in plan
        return
    with database.transaction() as session:  # rows enough that reading them all is dear
        for number in range(3_000):
            record(session, Event.SIGN_IN, admin, on=f"operator {number} Somebody of that name")
    with database.engine.begin() as connection:
        connection.execute(text("ANALYZE audit_entries"))
    plan = _plans(database, show, without=())
    assert "ix_audit_entries_search" in plan, plan


def test_a_missing_index_would_be_seen(
    filled: Application, database: Database, admin: CurrentOperator
) -> None:
    with database.transaction() as session:
        session.execute(text("DROP INDEX ix_audit_entries_at"))
    plan = _plans(database, lambda: list_entries(filled, admin, AuditQuery()))
    assert BAD.search(plan), plan


def test_every_event_has_its_words() -> None:
    assert {event.value for event in Event} <= set(EVENTS)


def test_what_was_done_to_is_worded_in_the_language_of_the_reader() -> None:
    with language("nl"):
        assert subject_words("registration 7 Bakker") == "Registratie 7 Bakker"
        assert subject_words("manage_operators") == "Medewerkers beheren"
        assert subject_words("something else") == "something else"


def test_every_action_and_every_purpose_has_its_words() -> None:
    assert {action.value for action in Action} | {purpose.value for purpose in Purpose} <= set(SUBJECTS)
