"""A check asks who, which administrations, and each linked one; and writes down what it heard, no more."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import pytest

from core import clock
from core.accounts.roles import CurrentOperator
from core.application import Application
from core.exact.errors import ExactError, FailureKind
from core.registrations import rounds
from core.registrations.budget import holds_back
from core.registrations.checks import check, check_now
from core.registrations.registration import registration
from core.registrations.status import Status
from core.registrations.timeline import CLICKKER, timeline
from core.simulator.limits import next_day
from core.simulator.server import RunningSimulator
from core.storage.models import Administration, CallBudget, Grant, Registration
from core.tokens.rotation import access_token
from tests.factories import make_operator
from tests.support.connecting import TEST_USER, connect

FIRST, SECOND = 1001001, 1001002


@pytest.fixture
def alice(app: Application) -> CurrentOperator:
    return make_operator(app.database, "Alice")


@pytest.fixture
def number(app: Application, alice: CurrentOperator, simulator: RunningSimulator) -> int:
    return connect(app, alice, simulator, codes={FIRST, SECOND})


def row(app: Application, number: int) -> Registration:
    with app.database.read() as session:
        return session.get_one(Registration, number)


def administration(app: Application, number: int, code: int) -> Administration:
    with app.database.read() as session:
        found = session.query(Administration).filter_by(registration_id=number, code=code).one()
        session.expunge(found)
        return found


def test_it_asks_who_which_and_each_one(app: Application, number: int, simulator: RunningSimulator) -> None:
    before = len(simulator.engine.calls())
    with clock.shifted(timedelta(minutes=1)):
        now = clock.now()
        assert check(app, number, CLICKKER) is None
    asked = Counter((call.endpoint, call.division) for call in simulator.engine.calls()[before:])
    assert sum(count for (endpoint, _division), count in asked.items() if endpoint == "me") == 1
    assert asked["divisions", SECOND] == 1
    found = row(app, number)
    assert found.last_success_at is not None
    assert found.last_success_at >= now
    assert found.next_check_at is not None
    assert timedelta(hours=18) <= found.next_check_at - now <= timedelta(hours=23, minutes=1)
    assert administration(app, number, FIRST).last_success_at == found.last_success_at


def test_a_daily_check_that_finds_nothing_new_is_no_event(
    app: Application, alice: CurrentOperator, number: int
) -> None:
    before = len(timeline(app, alice, number))
    check(app, number, CLICKKER)
    assert len(timeline(app, alice, number)) == before
    check_now(app, alice, number)
    assert timeline(app, alice, number)[0].kind == "checked"
    assert len(timeline(app, alice, number)) == before + 1


def test_a_token_that_exact_refuses_is_replaced_by_the_one_that_another_process_has_fetched(
    app: Application, number: int, simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = iter(["superseded"])
    monkeypatch.setattr(
        rounds, "access_token", lambda app, grant_id: next(given, "") or access_token(app, grant_id)
    )
    assert check(app, number, CLICKKER) is None
    assert [call.status for call in simulator.engine.calls("me")][-2:] == [401, 200]


def test_a_young_token_that_exact_refuses_says_from_when_there_is_another(
    app: Application, number: int, simulator: RunningSimulator
) -> None:
    simulator.engine.add_fault("unauthorized", None, endpoint="me")
    error = check(app, number, CLICKKER)
    assert error is not None
    assert error.kind is FailureKind.NOT_AUTHENTICATED
    with app.database.read() as session:
        grant = session.get_one(Grant, row(app, number).grant_id)
    assert grant.rotated_at is not None
    assert error.retry_at == row(app, number).next_check_at == grant.rotated_at + timedelta(seconds=570)
    assert row(app, number).status == Status.ATTENTION
    assert len([call for call in simulator.engine.calls("me") if call.status == 401]) == 1


def test_one_administration_that_refuses_is_its_own_failure(
    app: Application, number: int, simulator: RunningSimulator
) -> None:
    simulator.engine.add_fault("wrong_division", None, endpoint="divisions", division=SECOND)
    assert check(app, number, CLICKKER) is None
    refused = administration(app, number, SECOND)
    assert refused.last_failure_kind == FailureKind.FORBIDDEN
    assert "WrongDivision" in (refused.last_failure_message or "")
    assert row(app, number).status == Status.PARTLY_CONNECTED
    simulator.engine.clear_faults()
    assert check(app, number, CLICKKER) is None
    assert row(app, number).status == Status.CONNECTED
    assert administration(app, number, SECOND).last_failure_at is not None


def test_an_outage_in_the_middle_keeps_what_was_heard_before(
    app: Application, number: int, simulator: RunningSimulator
) -> None:
    simulator.engine.add_fault("unavailable", None, endpoint="divisions", division=SECOND)
    with clock.shifted(timedelta(minutes=1)):
        now = clock.now()
        error = check(app, number, CLICKKER)
    assert error is not None
    assert error.kind is FailureKind.OUTAGE
    assert row(app, number).status == Status.EXACT_OUTAGE
    assert administration(app, number, SECOND).last_failure_kind is None
    assert (administration(app, number, FIRST).last_success_at or now) >= now


def test_somebody_elses_answer_is_never_green(app: Application, number: int) -> None:
    with app.database.transaction() as session:
        session.get_one(Grant, row(app, number).grant_id).exact_user_id = "somebody-else"
    error = check(app, number, CLICKKER)
    assert error is not None
    assert row(app, number).status == Status.ATTENTION
    assert "another user" in (row(app, number).last_failure_message or "")


def test_each_failed_check_waits_twice_as_long_as_the_one_before(
    app: Application, number: int, simulator: RunningSimulator
) -> None:
    simulator.engine.add_fault("unavailable", None, endpoint="me")
    waits = []
    at = timedelta(seconds=1)
    for _round in range(7):
        with clock.shifted(at):
            check(app, number, CLICKKER)
            found = row(app, number)
            assert found.next_check_at is not None
            assert found.last_checked_at is not None
            waits.append(round((found.next_check_at - found.last_checked_at).total_seconds() / 60))
        at += timedelta(minutes=waits[-1])
    assert waits == [10, 20, 40, 80, 160, 240, 240]


def held_back(app: Application, number: int) -> ExactError:
    error = check(app, number, CLICKKER)
    assert error is not None
    assert holds_back(error)
    return error


def test_a_full_budget_is_nobodys_failure_and_says_until_when(
    app: Application, number: int, alice: CurrentOperator, simulator: RunningSimulator
) -> None:
    home = simulator.engine.calls("divisions")[0].division
    with app.database.transaction() as session:
        budget = session.get_one(CallBudget, ("nl", home))
        budget.day_left = 0
    error = held_back(app, number)
    assert error.retry_at == next_day(clock.now()) == row(app, number).next_check_at
    assert row(app, number).last_failure_at is None
    assert row(app, number).status == Status.CONNECTED
    with pytest.raises(ExactError, match="only so often"):
        check_now(app, alice, number)


def test_what_the_budget_leaves_out_comes_first_in_the_next_round(
    app: Application, number: int, simulator: RunningSimulator
) -> None:
    with app.database.transaction() as session:
        check_until = clock.now() + timedelta(minutes=3)
        blocked = session.get(CallBudget, ("nl", SECOND))
        if blocked is None:
            moment = clock.now()
            blocked = CallBudget(
                environment="nl", code=SECOND, minute_ends_at=moment, minute_left=0, minute_limit=60,
                day_ends_at=moment, day_left=0, day_limit=60, error_moments=[],
            )  # fmt: skip
            session.add(blocked)
        blocked.blocked_until = check_until
    assert check(app, number, CLICKKER) is None
    assert row(app, number).next_check_at == check_until
    before = len(simulator.engine.calls())
    with clock.shifted(timedelta(minutes=3, seconds=1)):
        assert check(app, number, CLICKKER) is None
    probes = [c.division for c in simulator.engine.calls()[before:] if c.endpoint == "divisions"][1:]
    assert probes == [SECOND, FIRST]


def test_with_two_hundred_administrations_no_one_is_asked_too_often(
    app: Application, alice: CurrentOperator, simulator: RunningSimulator
) -> None:
    for index in range(200):
        simulator.engine.add_division("nl", TEST_USER, f"Filiaal {index}")
    # Exact says so too: what its headers say would overrule our setting.
    simulator.engine.configure(calls_per_minute=20)
    few = app.settings.model_copy(update={"calls_per_minute": 20})
    thrifty = Application(few, app.database, app.vault, app.exact)
    number = connect(thrifty, alice, simulator)
    simulator.engine.configure(me_counts=True)
    for _round in range(2):
        check(thrifty, number, CLICKKER)
    per_minute: Counter[tuple[int, datetime]] = Counter()
    for call in simulator.engine.calls():
        if call.endpoint in {"me", "divisions", "all_divisions"}:
            per_minute[call.division, call.at.replace(second=0, microsecond=0)] += 1
    assert max(per_minute.values()) <= 20
    assert not [call for call in simulator.engine.calls() if call.status == 429]
    view = registration(app, alice, number)
    assert view.status is Status.CONNECTED
    assert len(view.linked) >= 200


def test_a_429_waits_for_its_reset(app: Application, number: int, simulator: RunningSimulator) -> None:
    simulator.engine.add_fault("rate_limited_daily", 1, endpoint="divisions")
    error = check(app, number, CLICKKER)
    assert error is not None
    assert error.retry_at == next_day(clock.now()) == row(app, number).next_check_at
    asked = len(simulator.engine.calls())
    held_back(app, number)
    assert len(simulator.engine.calls()) == asked


def test_of_errors_four_an_hour_are_risked(
    app: Application, number: int, simulator: RunningSimulator
) -> None:
    simulator.engine.add_fault("wrong_division", None, endpoint="divisions", division=SECOND)
    for minutes in range(10):
        with clock.shifted(timedelta(minutes=minutes)):
            check(app, number, "Alice")
    assert len([call for call in simulator.engine.calls() if call.status == 403]) == 4
