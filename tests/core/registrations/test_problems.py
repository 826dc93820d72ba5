"""What is wrong, since when, and how far: the pure rule, by its exact answers and at its limits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.application import Application
from core.exact.errors import FailureKind
from core.registrations.issues import IssueKind, Problem, issue_columns, keep_issues, problems
from core.registrations.status import (
    PAUSED_WITHOUT_CONSENT,
    Derived,
    Facts,
    IncidentFact,
    Status,
    Trouble,
    derive,
    needs_consent,
)
from core.storage.models import Issue
from tests.factories import make_incident, make_registration

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def facts(**changed: object) -> Facts:
    """A healthy connection, but for what is named."""
    healthy: dict[str, object] = {
        "consented": True,
        "completed": True,
        "lapses_at": NOW + 20 * DAY,
        "last_success_at": NOW - DAY,
        "last_checked_at": NOW - HOUR,
        "linked": 2,
    }
    return Facts(**(healthy | changed))  # type: ignore[arg-type]


def failure(kind: FailureKind, **more: object) -> Facts:
    at = NOW - 2 * HOUR
    return facts(last_failure_at=at, last_failure_kind=kind, last_failure_message="Exact's words", **more)


def only(given: Facts, now: datetime = NOW) -> Problem:
    [problem] = problems(given, now)
    return problem


def test_nothing_is_wrong_with_what_is_well() -> None:
    assert problems(facts(), NOW) == ()


def test_a_refusal_for_good_is_told_with_exacts_words_and_hides_what_it_explains() -> None:
    dead = failure(FailureKind.REFUSED, dead=True, lapses_at=NOW - DAY)
    at = NOW - 2 * HOUR
    assert only(dead) == Problem(IssueKind.REFUSED, at, at, message="Exact's words")
    assert only(facts(dead=True)) == Problem(IssueKind.REFUSED, NOW, NOW)


def test_a_lapse_began_when_the_consent_lapsed() -> None:
    assert only(facts(lapses_at=NOW)) == Problem(IssueKind.LAPSED, NOW)
    assert only(facts(lapses_at=NOW - DAY, last_success_at=NOW - 30 * DAY)) == Problem(
        IssueKind.LAPSED, NOW - DAY
    )


@pytest.mark.parametrize(
    ("kind", "issue"),
    [
        (FailureKind.OUTAGE, IssueKind.OUTAGE),
        (FailureKind.UNKNOWN, IssueKind.OUTAGE),
        (FailureKind.NOT_SENT, IssueKind.OUTAGE),
        (FailureKind.REFUSED, IssueKind.REFUSAL_CONFIRMING),
        (FailureKind.NOT_AUTHENTICATED, IssueKind.NOT_AUTHENTICATED),
        (FailureKind.FORBIDDEN, IssueKind.FORBIDDEN),
        (FailureKind.CLIENT, IssueKind.CLIENT),
        (FailureKind.BAD_REQUEST, IssueKind.BAD_REQUEST),
        (FailureKind.OURS, IssueKind.OURS),
        (FailureKind.RATE_LIMITED, IssueKind.RATE_LIMITED),
        (FailureKind.TOO_EARLY, IssueKind.RATE_LIMITED),
    ],
)
def test_every_failure_is_its_own_issue_since_it_happened(kind: FailureKind, issue: IssueKind) -> None:
    at = NOW - 2 * HOUR
    assert only(failure(kind)) == Problem(issue, at, at, message="Exact's words")


def test_a_failure_in_an_incident_names_the_incident() -> None:
    given = failure(FailureKind.REFUSED, incident=IncidentFact(7, ours=False, refused=True))
    at = NOW - 2 * HOUR
    assert only(given) == Problem(
        IssueKind.REFUSAL_CONFIRMING, at, at, message="Exact's words", incident_id=7
    )


@pytest.mark.parametrize(
    ("incident", "status", "reason"),
    [
        (IncidentFact(7, ours=False), Status.EXACT_OUTAGE, "incident"),
        (IncidentFact(7, ours=False, unreached=True), Status.EXACT_OUTAGE, "incident_not_sent"),
        (IncidentFact(7, ours=True), Status.ATTENTION, "incident_client"),
        (IncidentFact(7, ours=False, refused=True), Status.ATTENTION, "incident_refused"),
    ],
)
def test_an_incident_says_whose_trouble_it_is(incident: IncidentFact, status: Status, reason: str) -> None:
    derived = derive(failure(FailureKind.OUTAGE, incident=incident), NOW)
    assert (derived.status, derived.reason) == (status, reason)


def test_old_news_is_wrong_from_the_moment_it_is_old() -> None:
    fresh = facts(last_success_at=NOW - 8 * DAY + timedelta(seconds=1))
    assert problems(fresh, NOW) == ()
    assert only(facts(last_success_at=NOW - 8 * DAY)) == Problem(IssueKind.STALE, NOW)
    assert only(facts(last_success_at=NOW - 9 * DAY)) == Problem(IssueKind.STALE, NOW - DAY)
    assert only(facts(last_success_at=None)) == Problem(IssueKind.STALE, NOW)


@pytest.mark.parametrize("not_chosen", [{"linked": 0}, {"completed": False}])
def test_old_news_of_nothing_is_no_news(not_chosen: dict[str, object]) -> None:
    assert problems(facts(last_success_at=None, **not_chosen), NOW) == ()


def test_a_failure_is_told_instead_of_old_news() -> None:
    given = failure(FailureKind.OUTAGE, last_success_at=NOW - 9 * DAY)
    assert [problem.kind for problem in problems(given, NOW)] == [IssueKind.OUTAGE]


@pytest.mark.parametrize(
    ("left", "level"),
    [
        (14 * DAY + HOUR, None),
        (14 * DAY, 14),
        (7 * DAY + HOUR, 14),
        (7 * DAY, 7),
        (3 * DAY + HOUR, 7),
        (3 * DAY, 3),
    ],
)
def test_a_coming_lapse_goes_in_steps_and_began_at_the_first(left: timedelta, level: int | None) -> None:
    given = facts(lapses_at=NOW + left)
    expected = () if level is None else (Problem(IssueKind.LAPSES_SOON, NOW + left - 14 * DAY, level=level),)
    assert problems(given, NOW) == expected
    assert problems(facts(lapses_at=None), NOW) == ()


def test_a_failure_and_a_coming_lapse_are_two_things() -> None:
    given = failure(FailureKind.OUTAGE, lapses_at=NOW + 3 * DAY)
    assert [problem.kind for problem in problems(given, NOW)] == [IssueKind.LAPSES_SOON, IssueKind.OUTAGE]


def test_another_login_waits_beside_whatever_else() -> None:
    assert only(facts(undecided=True)) == Problem(IssueKind.UNDECIDED, NOW)
    dead = facts(dead=True, undecided=True)
    assert [problem.kind for problem in problems(dead, NOW)] == [IssueKind.REFUSED, IssueKind.UNDECIDED]


def test_trouble_with_an_administration_began_when_exact_said_so_and_showed_at_the_last_check() -> None:
    given = facts(
        failing=2,
        troubles=(
            Trouble(11, IssueKind.FAILING, "Forbidden", NOW - 3 * HOUR),
            Trouble(12, IssueKind.ARCHIVED),
        ),
    )
    assert problems(given, NOW) == (
        Problem(IssueKind.FAILING, NOW - 3 * HOUR, NOW - HOUR, code=11, message="Forbidden"),
        Problem(IssueKind.ARCHIVED, NOW - HOUR, NOW - HOUR, code=12),
    )
    never_checked = facts(last_checked_at=None, troubles=(Trouble(12, IssueKind.ARCHIVED),))
    assert only(never_checked) == Problem(IssueKind.ARCHIVED, NOW, code=12)


@pytest.mark.parametrize("unwatched", [{"submitted": False}, {"consented": False}, {"disconnected": True}])
def test_nothing_is_expected_of_what_is_not_watched(unwatched: dict[str, object]) -> None:
    assert problems(facts(dead=True, undecided=True, **unwatched), NOW) == ()


def test_of_what_is_paused_only_the_consent_is_watched() -> None:
    paused: dict[str, object] = {"active": False, "undecided": True, "failing": 1}
    trouble = (Trouble(11, IssueKind.FAILING, "Forbidden", NOW),)
    assert problems(failure(FailureKind.OUTAGE, troubles=trouble, **paused), NOW) == ()
    assert problems(facts(last_success_at=None, **paused), NOW) == ()
    assert only(facts(dead=True, **paused)).kind == IssueKind.REFUSED
    assert only(facts(lapses_at=NOW, **paused)) == Problem(IssueKind.LAPSED, NOW)
    assert only(facts(lapses_at=NOW + 3 * DAY, **paused)).level == 3


@pytest.mark.parametrize(
    ("changed", "reason", "until"),
    [
        ({}, "paused", 6 * DAY),
        ({"lapses_at": None}, "paused", None),
        ({"consented": False}, "paused", None),
        ({"submitted": False}, "paused", None),
        ({"dead": True}, PAUSED_WITHOUT_CONSENT, None),
        ({"lapses_at": NOW}, PAUSED_WITHOUT_CONSENT, None),
        ({"dead": True, "consented": False}, "paused", None),
    ],
)
def test_what_is_paused_says_whether_its_consent_lives(
    changed: dict[str, object], reason: str, until: timedelta | None
) -> None:
    derived = derive(facts(active=False, **changed), NOW)
    assert derived == Derived(Status.PAUSED, reason, None if until is None else NOW + until)
    assert needs_consent(derived.status, derived.reason) is (reason == PAUSED_WITHOUT_CONSENT)


def test_only_a_new_consent_helps_what_is_red_and_nothing_else() -> None:
    assert {status for status in Status if needs_consent(status, "")} == {Status.RECONNECT_NEEDED}
    assert needs_consent(Status.ATTENTION, "refused+undecided"), "told once, whatever comes of asking"
    assert needs_consent(Status.WAITING_FOR_CONSENT, "lapsed+unidentified")
    assert not needs_consent(Status.WAITING_FOR_CONSENT, "waiting_for_consent+denied")


@pytest.mark.parametrize(
    ("problem", "first", "last"),
    [
        (Problem(IssueKind.OUTAGE, NOW - HOUR, NOW - HOUR), -HOUR, -HOUR),
        (Problem(IssueKind.FAILING, NOW - HOUR, NOW, code=3), -HOUR, 0 * HOUR),
        (Problem(IssueKind.LAPSED, NOW - HOUR), -HOUR, -HOUR),
        (Problem(IssueKind.FAILING, NOW - HOUR, NOW - DAY, code=3), -HOUR, -HOUR),
        (Problem(IssueKind.OUTAGE, NOW + HOUR, NOW + HOUR), 0 * HOUR, HOUR),
    ],
)
def test_the_row_of_an_issue_never_begins_in_the_future(
    problem: Problem, first: timedelta, last: timedelta
) -> None:
    row = issue_columns(5, problem, NOW)
    assert (row["registration_id"], row["kind"], row["code"]) == (5, problem.kind.value, problem.code)
    assert (row["first_seen_at"], row["last_seen_at"]) == (NOW + first, NOW + last)
    assert (row["resolved_at"], row["snoozed_until"]) == (None, None)


def test_what_goes_on_after_an_incident_is_an_issue_of_its_own(app: Application) -> None:
    """One of a kind is open at a time: the incident's makes room first."""
    number, incident = make_registration(app.database), make_incident(app.database)
    with app.database.transaction() as session:
        in_it = Problem(IssueKind.OUTAGE, NOW, NOW, message="503", incident_id=incident)
        assert [row.incident_id for row in keep_issues(session, number, (in_it,), NOW).opened] == [incident]
    later = NOW + HOUR
    with app.database.transaction() as session:
        own = Problem(IssueKind.OUTAGE, NOW, later, message="503 still")
        changes = keep_issues(session, number, (own,), later)
        assert [(row.incident_id, row.resolved_at, row.resolved_by) for row in changes.resolved] == [
            (incident, later, "clickker")
        ]
        assert [(row.incident_id, row.message, row.resolved_at) for row in changes.opened] == [
            (None, "503 still", None)
        ]
    with app.database.read() as session:
        assert session.query(Issue).filter_by(registration_id=number).count() == 2


def test_an_issue_that_becomes_part_of_an_incident_is_the_same_issue(app: Application) -> None:
    number, incident = make_registration(app.database), make_incident(app.database)
    with app.database.transaction() as session:
        keep_issues(session, number, (Problem(IssueKind.OUTAGE, NOW, NOW),), NOW)
        in_it = Problem(IssueKind.OUTAGE, NOW + HOUR, NOW + HOUR, message="503", incident_id=incident)
        changes = keep_issues(session, number, (in_it,), NOW + HOUR)
        assert (changes.opened, changes.deeper, changes.resolved) == ((), (), ())
        row = session.query(Issue).filter_by(registration_id=number).one()
        assert (row.incident_id, row.message) == (incident, "503")
        assert (row.first_seen_at, row.last_seen_at) == (NOW, NOW + HOUR)
