"""Issues are opened, kept up to date and resolved with the status they explain."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from core import clock
from core.accounts.roles import CurrentOperator
from core.application import Application
from core.errors import InvalidInput, NotFound
from core.exact.errors import ExactError, FailureKind
from core.registrations.asking import parts
from core.registrations.facts import MASS_KINDS
from core.registrations.failures import record_failure
from core.registrations.issue_views import issues_of, snooze
from core.registrations.issues import IssueKind, problems
from core.registrations.overview import overview
from core.registrations.register import delete, set_active
from core.registrations.settle import settle, settle_due
from core.registrations.status import (
    OUTAGE_KINDS,
    PAUSED_WITHOUT_CONSENT,
    Facts,
    IncidentFact,
    Status,
    Trouble,
    derive,
)
from core.registrations.timeline import timeline
from core.registrations.wording import ISSUES, REASONS, issue_words
from core.storage.models import Administration, Alarm, Grant, Issue, Registration
from tests.factories import make_administration, make_connected, make_operator

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
OF_THE_END = {IssueKind.REFUSED, IssueKind.LAPSED}
OF_ADMINISTRATIONS = {
    IssueKind.NOT_PERMITTED,
    IssueKind.ARCHIVED,
    IssueKind.BLOCKED,
    IssueKind.INACTIVE,
    IssueKind.FAILING,
}


# --- The pure function ---

moments = st.none() | st.integers(-40 * 24, 20 * 24).map(lambda hours: NOW + timedelta(hours=hours))
past = st.none() | st.integers(-40 * 24, 0).map(lambda hours: NOW + timedelta(hours=hours))


@st.composite
def any_facts(draw: st.DrawFn) -> Facts:
    """Any facts that rows can tell: as many troubles as failing administrations."""
    linked = draw(st.integers(0, 4))
    failing = draw(st.integers(0, linked))
    kind = draw(st.none() | st.sampled_from(FailureKind))
    incident = draw(st.none() | st.booleans())
    return Facts(
        active=draw(st.booleans()),
        submitted=draw(st.booleans()),
        disconnected=draw(st.booleans()),
        consented=draw(st.booleans()),
        completed=draw(st.booleans()),
        dead=draw(st.booleans()),
        undecided=draw(st.booleans()),
        lapses_at=draw(moments),
        last_success_at=draw(past),
        last_failure_at=draw(past) if kind else None,
        last_failure_kind=kind,
        last_checked_at=draw(past),
        incident=IncidentFact(1, incident) if incident is not None and kind in MASS_KINDS else None,
        linked=linked,
        failing=failing,
        troubles=tuple(
            Trouble(code, draw(st.sampled_from(sorted(OF_ADMINISTRATIONS)))) for code in range(1, failing + 1)
        ),
    )


@given(any_facts())
def test_status_and_issues_agree(facts: Facts) -> None:
    derived, found = derive(facts, NOW), problems(facts, NOW)
    status = derived.status
    kinds = {problem.kind for problem in found}
    assert len({(problem.kind, problem.code) for problem in found}) == len(found), "each thing once"
    if status in {Status.DISCONNECTED, Status.DRAFT, Status.WAITING_FOR_CONSENT}:
        assert not kinds
    if status is Status.PAUSED:  # only the end of its consent is told
        assert kinds <= OF_THE_END | {IssueKind.LAPSES_SOON}
    why = parts(derived.reason)[0]
    if why == PAUSED_WITHOUT_CONSENT:
        assert len(kinds & OF_THE_END) == 1
    if status is Status.CONNECTED:
        assert kinds <= {IssueKind.LAPSES_SOON}
    if status is Status.RECONNECT_NEEDED:
        assert len(kinds & OF_THE_END) == 1
        assert IssueKind.LAPSES_SOON not in kinds
    elif why in {"refused", "lapsed"}:  # a new consent is here already, by another login
        assert len(kinds & OF_THE_END) == 1
    elif status is not Status.CHOOSE_ADMINISTRATIONS and why != PAUSED_WITHOUT_CONSENT:
        assert not kinds & OF_THE_END
    if status is Status.EXACT_OUTAGE:
        assert IssueKind.OUTAGE in kinds
    if status is Status.PARTLY_CONNECTED:
        assert len(found) >= facts.failing > 0
        assert kinds <= OF_ADMINISTRATIONS | {IssueKind.LAPSES_SOON}
    if status is Status.ATTENTION:
        assert kinds - {IssueKind.LAPSES_SOON}


@given(any_facts())
def test_issues_hold_until_the_moment_that_the_status_names(facts: Facts) -> None:
    def shape(at: datetime) -> set[tuple[str, int, int]]:
        return {(problem.kind, problem.code, problem.level) for problem in problems(facts, at)}

    until = derive(facts, NOW).until
    just_before = NOW + 60 * DAY if until is None else until - timedelta(seconds=1)
    assert shape(just_before) == shape(NOW)


@given(any_facts())
def test_nothing_is_first_seen_after_it_was_last_seen(facts: Facts) -> None:
    for problem in problems(facts, NOW):
        assert problem.seen is None or problem.kind in OF_ADMINISTRATIONS or problem.seen >= problem.since


def test_every_issue_has_words() -> None:
    assert set(ISSUES) == set(IssueKind)
    assert all(issue_words(kind, 7) for kind in IssueKind)
    assert "7 days" in issue_words("lapses_soon", 7)
    assert {"incident", "incident_client", "incident_refused", "incident_not_sent"} <= set(REASONS)


# --- Kept with the rows ---


@pytest.fixture
def alice(app: Application) -> CurrentOperator:
    return make_operator(app.database)


def issues(app: Application, number: int, *, past: bool = False) -> list[Issue]:
    with app.database.read() as session:
        query = select(Issue).where(Issue.registration_id == number, Issue.resolved_at.is_not(None) == past)
        return list(session.scalars(query.order_by(Issue.id)))


def kinds(app: Application, number: int, *, past: bool = False) -> list[str]:
    return [row.kind for row in issues(app, number, past=past)]


def alarms(app: Application, number: int) -> list[tuple[str, dict[str, Any]]]:
    with app.database.read() as session:
        rows = session.scalars(select(Alarm).where(Alarm.registration_id == number).order_by(Alarm.id))
        return [(row.kind, row.details) for row in rows]


def told(app: Application, by: CurrentOperator, number: int) -> list[str]:
    return [e.kind for e in timeline(app, by, number) if e.kind in {"status", "reason"} or "issue" in e.kind]


def change(app: Application, number: int, **facts: object) -> None:
    """Write facts of a registration and settle it, as use cases do."""
    with app.database.transaction() as session:
        row = session.get_one(Registration, number)
        for name, value in facts.items():
            setattr(row, name, value)
        settle(session, app.settings, row, clock.now())


def succeed(app: Application, number: int) -> None:
    with app.database.transaction() as session:
        row = session.get_one(Registration, number)
        grant = session.get_one(Grant, row.grant_id)
        now = clock.now()
        grant.rotated_at = grant.last_success_at = row.last_success_at = row.last_checked_at = now
        grant.refusals, grant.refused_since = 0, None
        settle(session, app.settings, row, now)


def refuse(app: Application, number: int, times: int, over: timedelta) -> None:
    """What the token layer writes after ``times`` refusals, and the check that met the last of them."""
    with app.database.transaction() as session:
        grant = session.get_one(Grant, session.get_one(Registration, number).grant_id)
        grant.refusals, grant.refused_since = times, clock.now() - over
        grant.last_failure_at, grant.last_failure_kind = clock.now(), FailureKind.REFUSED.value
    record_failure(app, number, ExactError(FailureKind.REFUSED, exact_message="Old refresh token used."))


def test_a_refusal_is_confirmed_and_then_reconnect_is_needed(
    app: Application, alice: CurrentOperator
) -> None:
    number = make_connected(app.database)
    before = len(told(app, alice, number))
    refuse(app, number, 1, timedelta(0))
    assert kinds(app, number) == ["refusal_confirming"]
    assert issues(app, number)[0].message == "Old refresh token used."
    refuse(app, number, 2, timedelta(minutes=30))
    assert kinds(app, number) == ["refusal_confirming"]
    assert alarms(app, number) == []
    refuse(app, number, 3, timedelta(hours=2))
    assert kinds(app, number) == ["refused"]
    assert kinds(app, number, past=True) == ["refusal_confirming"]
    assert alarms(app, number) == [("reconnect_needed", {"reason": "refused"})]
    assert told(app, alice, number)[: -before or None] == ["status", "status"]


def test_history_survives_the_repair(app: Application, alice: CurrentOperator) -> None:
    number = make_connected(app.database)
    refuse(app, number, 3, timedelta(hours=3))
    with clock.shifted(timedelta(hours=1)):
        succeed(app, number)
    assert kinds(app, number) == []
    row = issues(app, number, past=True)[-1]
    assert row.kind == "refused"
    assert row.resolved_at is not None
    assert row.resolved_at > row.last_seen_at >= row.first_seen_at
    assert row.resolved_by == "clickker"
    assert [kind for kind, _details in alarms(app, number)] == ["reconnect_needed", "recovered"]


def test_good_news_is_for_who_heard_the_bad(app: Application) -> None:
    number = make_connected(app.database)
    record_failure(app, number, ExactError(FailureKind.OUTAGE))
    succeed(app, number)
    assert kinds(app, number, past=True) == ["outage"]
    assert alarms(app, number) == []


def test_an_issue_is_touched_while_it_lasts(app: Application) -> None:
    number = make_connected(app.database)
    record_failure(app, number, ExactError(FailureKind.OUTAGE))
    with clock.shifted(timedelta(minutes=5)):
        record_failure(app, number, ExactError(FailureKind.UNKNOWN))
    (row,) = issues(app, number)
    assert timedelta(minutes=4) < row.last_seen_at - row.first_seen_at < timedelta(minutes=6)


def test_settling_alone_is_no_sighting(app: Application) -> None:
    number = make_connected(app.database, administrations=2)
    make_administration(app.database, number, permitted=False)
    record_failure(app, number, ExactError(FailureKind.OUTAGE))
    before = [(row.kind, row.last_seen_at) for row in issues(app, number)]
    with clock.shifted(timedelta(days=1)):
        change(app, number, note="called them")
    assert [(row.kind, row.last_seen_at) for row in issues(app, number)] == before


def test_a_consent_that_runs_out_is_told_at_14_7_and_3_days_and_when_it_lapses(
    app: Application, alice: CurrentOperator
) -> None:
    number = make_connected(app.database)
    for days, level in ((15, 0), (16, 14), (22, 14), (23, 7), (26, 7), (27, 3), (29, 3)):
        with clock.shifted(timedelta(days=days, seconds=1)):
            while settle_due(app):
                pass
            found = [row.level for row in issues(app, number) if row.kind == "lapses_soon"]
            assert found == ([level] if level else []), days
    with clock.shifted(timedelta(days=30, seconds=1)):
        while settle_due(app):
            pass
    assert kinds(app, number) == ["lapsed"]
    assert [details["days"] for kind, details in alarms(app, number) if kind == "lapses_soon"] == [14, 7, 3]
    assert alarms(app, number)[-1] == ("reconnect_needed", {"reason": "lapsed"})
    assert told(app, alice, number)[:4] == ["status", "issue_opened", "issue_opened", "issue_opened"]


def test_a_consent_that_is_used_in_time_is_good_news_without_a_change_of_status(app: Application) -> None:
    number = make_connected(app.database)
    with clock.shifted(timedelta(days=17)):
        change(app, number, last_success_at=clock.now())
        assert kinds(app, number) == ["lapses_soon"]
        succeed(app, number)
    assert kinds(app, number) == []
    assert [kind for kind, _details in alarms(app, number)] == ["lapses_soon", "recovered"]


def test_what_is_wrong_with_one_administration_is_named(app: Application, alice: CurrentOperator) -> None:
    number = make_connected(app.database)
    make_administration(app.database, number, "Dicht", exact_status=2)
    make_administration(app.database, number, "Traag", blocking_status=3)
    make_administration(app.database, number, "Stil", exact_status=0)
    closed = make_administration(app.database, number, "Weg", permitted=False)
    with app.database.transaction() as session:
        row = session.scalars(select(Administration).where(Administration.name == "Stil")).one()
        row.exact_status, row.last_failure_kind, row.last_failure_message = 1, "forbidden", "Forbidden"
    change(app, number)
    found = {(row.kind, row.code == closed) for row in issues(app, number)}
    assert found == {("archived", False), ("blocked", False), ("failing", False), ("not_permitted", True)}
    assert {row.message for row in issues(app, number)} == {"", "Forbidden"}
    opened = [e for e in timeline(app, alice, number) if e.kind == "issue_opened"]
    assert [entry.sentence for entry in opened][-1].endswith("(Traag)")


def test_one_line_of_the_timeline_tells_of_status_and_issue(app: Application, alice: CurrentOperator) -> None:
    number = make_connected(app.database)
    before = len(told(app, alice, number))
    record_failure(app, number, ExactError(FailureKind.OUTAGE))
    record_failure(app, number, ExactError(FailureKind.OUTAGE))
    assert len(told(app, alice, number)) == before + 1
    record_failure(app, number, ExactError(FailureKind.RATE_LIMITED))
    record_failure(app, number, ExactError(FailureKind.FORBIDDEN))
    assert told(app, alice, number)[: -before or None] == ["reason", "status", "status"]
    assert timeline(app, alice, number)[0].sentence.startswith("Still Attention, for another reason: ")


def test_nothing_is_wrong_with_what_is_paused(app: Application, alice: CurrentOperator) -> None:
    number = make_connected(app.database)
    record_failure(app, number, ExactError(FailureKind.OUTAGE))
    set_active(app, alice, number, False)
    assert kinds(app, number) == []
    set_active(app, alice, number, True)
    assert kinds(app, number) == ["outage"]
    assert kinds(app, number, past=True) == ["outage"]


def test_every_kind_of_failure_is_an_issue(app: Application) -> None:
    for kind in FailureKind:
        number = make_connected(app.database)
        with clock.shifted(timedelta(hours=len(kind.value) + 13 * list(FailureKind).index(kind))):
            record_failure(app, number, ExactError(kind))
        assert len(kinds(app, number)) == 1, kind
        assert (kinds(app, number) == ["outage"]) == (kind in OUTAGE_KINDS)


# --- Silenced ---


def tomorrow(days: int = 1) -> date:
    return (clock.now() + timedelta(days=days)).astimezone(ZoneInfo("Europe/Amsterdam")).date()


def test_a_silenced_issue_needs_nobody_now_but_the_status_stays(
    app: Application, alice: CurrentOperator
) -> None:
    number, other = make_connected(app.database), make_connected(app.database)
    record_failure(app, number, ExactError(FailureKind.FORBIDDEN))
    record_failure(app, other, ExactError(FailureKind.FORBIDDEN))
    assert {row.id for row in overview(app, alice).attention} == {number, other}
    snooze(app, alice, issues_of(app, alice, number).open[0].id, tomorrow(3))
    shown = overview(app, alice)
    assert [row.id for row in shown.attention] == [other]
    assert (shown.attention_count, shown.snoozed_count) == (1, 1)
    assert shown.counts[Status.ATTENTION] == 2
    (issue,) = issues_of(app, alice, number).open
    assert (issue.snoozed_by, issue.snoozed_until is not None) == (alice.name, True)
    assert timeline(app, alice, number)[0].sentence.startswith("Silenced until ")
    with clock.shifted(timedelta(days=4)):
        later = overview(app, alice)
        assert (later.snoozed_count, {row.id for row in later.attention}) == (0, {number, other})
        assert issues_of(app, alice, number).open[0].snoozed_until is None


def test_one_of_two_silenced_is_not_silence(app: Application, alice: CurrentOperator) -> None:
    number = make_connected(app.database)
    for _n in range(2):
        make_administration(app.database, number, permitted=False)
    first, second = issues_of(app, alice, number).open
    snooze(app, alice, first.id, tomorrow())
    assert overview(app, alice).snoozed_count == 0
    snooze(app, alice, second.id, tomorrow())
    assert overview(app, alice).snoozed_count == 1
    make_administration(app.database, number, permitted=False)
    assert [row.id for row in overview(app, alice).attention] == [number]


def test_a_step_further_wakes_what_was_silenced(app: Application, alice: CurrentOperator) -> None:
    number = make_connected(app.database)
    with clock.shifted(timedelta(days=17)):
        settle_due(app)
        issue = next(row for row in issues_of(app, alice, number).open if row.kind == "lapses_soon")
        snooze(app, alice, issue.id, tomorrow(12))
    with clock.shifted(timedelta(days=23, minutes=1)):
        settle_due(app)
        issue = next(row for row in issues_of(app, alice, number).open if row.kind == "lapses_soon")
        assert issue.snoozed_until is None


@pytest.mark.parametrize("days", [-1, 0, 61])
def test_silence_is_for_days_to_come(app: Application, alice: CurrentOperator, days: int) -> None:
    number = make_connected(app.database)
    record_failure(app, number, ExactError(FailureKind.FORBIDDEN))
    with pytest.raises(InvalidInput, match="tomorrow"):
        snooze(app, alice, issues_of(app, alice, number).open[0].id, tomorrow(days))


def test_what_is_resolved_cannot_be_silenced(app: Application, alice: CurrentOperator) -> None:
    number = make_connected(app.database)
    record_failure(app, number, ExactError(FailureKind.FORBIDDEN))
    (issue,) = issues_of(app, alice, number).open
    succeed(app, number)
    with pytest.raises(NotFound):
        snooze(app, alice, issue.id, tomorrow())
    assert [row.id for row in issues_of(app, alice, number).past] == [issue.id]


def test_the_issues_of_a_deleted_registration_go_with_it(app: Application, alice: CurrentOperator) -> None:
    number = make_connected(app.database)
    record_failure(app, number, ExactError(FailureKind.FORBIDDEN))
    delete(app, alice, number)
    assert issues(app, number) == []
