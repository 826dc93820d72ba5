"""The facts as they are gathered from the rows: what counts as failing, whose failure it is, which incident's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from core import clock
from core.application import Application
from core.exact.errors import FailureKind
from core.registrations.facts import MASS_KINDS, TROUBLES_KEPT, gather
from core.registrations.issues import IssueKind
from core.registrations.status import Facts, Trouble
from core.storage.models import Administration, Grant, Incident, Registration
from tests.factories import make_administration, make_connected, make_grant, make_incident, make_registration

MINUTE = timedelta(minutes=1)
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""Plain questions, the same on both; on PostgreSQL the keeper's tests ask them too."""


def facts(app: Application, number: int) -> Facts:
    with app.database.read() as session:
        row = session.get_one(Registration, number)
        grant = session.get(Grant, row.grant_id) if row.grant_id else None
        return gather(session, app.settings, row, grant)


def change(app: Application, number: int, **columns: Any) -> None:
    with app.database.transaction() as session:
        row = session.get_one(Registration, number)
        for name, value in columns.items():
            setattr(row, name, value)


def change_grant(app: Application, number: int, **columns: Any) -> None:
    with app.database.transaction() as session:
        grant = session.get_one(Grant, session.get_one(Registration, number).grant_id)
        for name, value in columns.items():
            setattr(grant, name, value)


def test_a_healthy_registration(app: Application) -> None:
    number = make_connected(app.database, administrations=2)
    found = facts(app, number)
    assert (found.active, found.submitted, found.disconnected, found.consented) == (True, True, False, True)
    assert (found.completed, found.dead, found.undecided, found.incident) == (True, False, False, None)
    assert (found.linked, found.failing, found.troubles) == (2, 0, ())
    assert found.lapses_at is not None
    assert abs(found.lapses_at - clock.now() - timedelta(days=30)) < MINUTE
    assert (found.last_failure_at, found.last_failure_kind, found.last_failure_message) == (None, None, "")
    assert found.fresh == timedelta(days=8)


@pytest.mark.parametrize(
    ("columns", "fact", "value"),
    [
        ({"active": False}, "active", False),
        ({"submitted_at": None}, "submitted", False),
        ({"disconnected_at": clock.now()}, "disconnected", True),
        ({"completed_at": None}, "completed", False),
        ({"grant_id": None}, "consented", False),
        ({"grant_id": None}, "lapses_at", None),
    ],
)
def test_a_column_is_a_fact(app: Application, columns: dict[str, Any], fact: str, value: object) -> None:
    number = make_connected(app.database)
    change(app, number, **columns)
    assert getattr(facts(app, number), fact) == value


def test_a_login_that_waits_is_undecided_and_a_dead_one_is_dead(app: Application) -> None:
    number = make_connected(app.database)
    change(app, number, candidate_grant_id=make_grant(app.database))
    assert facts(app, number).undecided
    now = clock.now()
    change_grant(app, number, refusals=3, refused_since=now - timedelta(hours=2), last_failure_at=now)
    assert facts(app, number).dead


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ({"permitted": False, "exact_status": 2, "blocking_status": 3}, IssueKind.NOT_PERMITTED),
        ({"exact_status": 2, "blocking_status": 3}, IssueKind.ARCHIVED),
        ({"exact_status": 0, "blocking_status": 3}, IssueKind.BLOCKED),
        ({"blocking_status": 1}, IssueKind.BLOCKED),
        ({"exact_status": 0}, IssueKind.INACTIVE),
        ({"exact_status": 0, "last_failure_kind": "forbidden"}, IssueKind.INACTIVE),
        ({"exact_status": 3}, IssueKind.INACTIVE),
    ],
)
def test_the_first_thing_that_stands_in_the_way_is_told(
    app: Application, row: dict[str, Any], kind: IssueKind
) -> None:
    number = make_connected(app.database)
    code = make_administration(app.database, number, **row)
    found = facts(app, number)
    assert (found.linked, found.failing) == (2, 1)
    assert found.troubles == (Trouble(code, kind),)
    assert found.troubles[0].passing is (kind is IssueKind.BLOCKED), "Exact ends its backups by itself"


@pytest.mark.parametrize(
    ("kind", "words", "passing"),
    [
        ("forbidden", "Reason: DivisionBlocked", True),
        ("forbidden", "Forbidden - WrongDivision", False),
        ("forbidden", None, False),
        ("rate_limited", None, True),
        ("outage", None, True),
    ],
)
def test_what_exact_answered_tells_whether_it_passes(
    app: Application, kind: str, words: str | None, passing: bool
) -> None:
    number = make_connected(app.database)
    make_administration(app.database, number, last_failure_kind=kind, last_failure_message=words)
    assert [trouble.passing for trouble in facts(app, number).troubles] == [passing]


def test_what_exact_answered_is_told_with_its_words_and_its_moment(app: Application) -> None:
    number, at = make_connected(app.database), clock.now() - 5 * MINUTE
    code = make_administration(
        app.database,
        number,
        last_failure_kind="forbidden",
        last_failure_at=at,
        last_failure_message="Forbidden",
        last_success_at=clock.now(),
    )
    assert facts(app, number).troubles == (Trouble(code, IssueKind.FAILING, "Forbidden", at),)


def test_only_what_is_linked_counts_and_of_this_registration(app: Application) -> None:
    number, other = make_connected(app.database), make_connected(app.database, administrations=3)
    make_administration(app.database, number, linked=False, permitted=False)
    make_administration(app.database, other, permitted=False)
    found = facts(app, number)
    assert (found.linked, found.failing, found.troubles) == (1, 0, ())
    assert (facts(app, other).linked, facts(app, other).failing) == (4, 1)


def test_of_very_many_troubles_the_first_fifty_by_code_are_told(app: Application) -> None:
    number = make_connected(app.database)
    with app.database.transaction() as session:
        now = clock.now()
        for code in range(200, 140, -1):
            session.add(
                Administration(
                    registration_id=number,
                    environment="nl",
                    code=code,
                    name=f"A {code}",
                    name_key=f"a {code}",
                    linked=True,
                    permitted=False,
                    seen_at=now,
                )
            )
    found = facts(app, number)
    assert (found.failing, TROUBLES_KEPT) == (60, 50)
    assert [trouble.code for trouble in found.troubles] == list(range(141, 191))


@pytest.mark.parametrize(
    ("own", "grants", "success", "which"),
    [
        (None, 0, None, "grant"),  # minutes ago; None: never
        (5, 3, None, "grant"),
        (3, 5, None, "own"),
        (5, 5, None, "grant"),
        (5, 3, 1, "own"),
        (5, 3, 3, "own"),
        (5, 3, 4, "grant"),
    ],
)
def test_the_later_of_two_failures_counts_unless_the_login_has_worked_since(
    app: Application, own: int | None, grants: int, success: int | None, which: str
) -> None:
    number, now = make_connected(app.database), clock.now()

    def ago(minutes: int | None) -> Any:
        return None if minutes is None else now - minutes * MINUTE

    if own is not None:
        change(app, number, last_failure_at=ago(own), last_failure_kind="outage", last_failure_message="ours")
    change_grant(
        app,
        number,
        last_failure_at=ago(grants),
        last_failure_kind="refused",
        last_failure_message="theirs",
        last_success_at=ago(success),
    )
    found = facts(app, number)
    expected = (ago(grants), "refused", "theirs") if which == "grant" else (ago(own), "outage", "ours")
    assert (found.last_failure_at, found.last_failure_kind, found.last_failure_message) == expected


def test_of_a_login_only_a_refusal_is_its_registrations(app: Application) -> None:
    number = make_connected(app.database)
    change_grant(app, number, last_failure_at=clock.now(), last_failure_kind="outage", last_success_at=None)
    assert facts(app, number).last_failure_kind is None
    change_grant(app, number, last_failure_kind="refused", last_failure_at=None)
    assert facts(app, number).last_failure_kind is None


@pytest.mark.parametrize(
    ("minutes", "belongs"), [(0, True), (-30, True), (9, True), (10, True), (11, False), (60, False)]
)
def test_a_failure_belongs_to_the_incident_that_opened_within_ten_minutes(
    app: Application, minutes: int, belongs: bool
) -> None:
    number, opened = make_connected(app.database), clock.now()
    incident = make_incident(app.database, opened_at=opened)
    change(app, number, last_failure_at=opened - minutes * MINUTE, last_failure_kind="outage")
    found = facts(app, number).incident
    assert (found.id if found else None) == (incident if belongs else None)


FAMILY_OF = {
    "outage": "outage",
    "unknown": "outage",
    "not_sent": "outage",
    "refused": "refusal",
    "not_authenticated": "refusal",
    "client": "client",
}


@pytest.mark.parametrize("kind", FailureKind)
@pytest.mark.parametrize("family", ["outage", "refusal", "client"])
def test_a_failure_belongs_to_an_incident_of_its_own_family(
    app: Application, kind: FailureKind, family: str
) -> None:
    number = make_connected(app.database)
    make_incident(app.database, kind=kind.value, family=family)
    change(app, number, last_failure_at=clock.now(), last_failure_kind=kind.value)
    found = facts(app, number).incident
    assert (found is not None) == (FAMILY_OF.get(kind.value) == family)
    if found is not None:
        assert (found.ours, found.refused) == (family == "client", family == "refusal")
        assert found.unreached == (kind is FailureKind.NOT_SENT)
    assert {each.value for each in MASS_KINDS} == set(FAMILY_OF)


def test_an_incident_is_of_its_environment_and_open(app: Application) -> None:
    here = make_connected(app.database)
    there = make_registration(app.database, environment="be")
    for each in (here, there):
        change(app, each, last_failure_at=clock.now(), last_failure_kind="client")
    number = make_incident(app.database, kind="client", family="client")
    found = facts(app, here).incident
    assert found is not None
    assert found.id == number
    assert facts(app, there).incident is None
    with app.database.transaction() as session:
        session.get_one(Incident, number).closed_at = clock.now()
    assert facts(app, here).incident is None
