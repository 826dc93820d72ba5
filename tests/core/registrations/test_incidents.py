"""Several that fail together are one incident: the verdict is Exact, and it closes by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import func, select

from core import clock
from core.accounts.roles import CurrentOperator
from core.application import Application
from core.exact.errors import ExactError, FailureKind
from core.registrations import incidents
from core.registrations.facts import MASS_KINDS
from core.registrations.failures import record_failure
from core.registrations.incident_rules import needed
from core.registrations.incidents import (
    LADDER,
    checks_are_held,
    due_canaries,
    note_success,
    open_incident,
    sweep,
)
from core.registrations.register import set_active
from core.registrations.settle import settle
from core.registrations.timeline import timeline
from core.settings import Settings
from core.storage.models import Alarm, Grant, Incident, Issue, Registration
from tests.core.registrations.test_settle import check_copies
from tests.factories import make_connected, make_grant, make_operator, make_registration

MINUTE = timedelta(minutes=1)


@pytest.fixture
def alice(app: Application) -> CurrentOperator:
    return make_operator(app.database)


def fail(app: Application, *numbers: int, kind: FailureKind = FailureKind.OUTAGE) -> None:
    for number in numbers:
        record_failure(app, number, ExactError(kind))


def succeed(app: Application, number: int) -> None:
    """What a good check writes."""
    with app.database.transaction() as session:
        row = session.get_one(Registration, number)
        row.last_checked_at = row.last_success_at = clock.now()
        settle(session, app.settings, row, clock.now())
        note_success(session, app.settings, row, clock.now())


def customers(app: Application, count: int, **facts: object) -> list[int]:
    return [make_connected(app.database, **facts) for _number in range(count)]  # type: ignore[arg-type]


def all_incidents(app: Application) -> list[Incident]:
    with app.database.read() as session:
        return list(session.scalars(select(Incident).order_by(Incident.id)))


def reason(app: Application, number: int) -> tuple[str, str]:
    with app.database.read() as session:
        row = session.get_one(Registration, number)
        return row.status, row.status_reason


def alarms(app: Application) -> list[str]:
    with app.database.read() as session:
        return list(session.scalars(select(Alarm.kind).order_by(Alarm.id)))


def canaries(app: Application) -> list[int]:
    with app.database.transaction() as session:
        return due_canaries(session, clock.now())


@contextmanager
def later(minutes: float) -> Iterator[None]:
    with clock.shifted(timedelta(minutes=minutes)):
        yield


def test_two_that_fail_are_two_customers(app: Application) -> None:
    first, second, third = customers(app, 3)
    fail(app, first, second, second, first)
    assert all_incidents(app) == []
    with later(11):
        fail(app, third)
    assert all_incidents(app) == []


def test_three_within_minutes_are_one_incident_and_exacts(app: Application, alice: CurrentOperator) -> None:
    numbers = customers(app, 4)
    fail(app, *numbers[:2])
    with later(9):
        fail(app, numbers[2])
        (incident,) = all_incidents(app)
        assert (incident.environment, incident.kind, incident.closed_at) == ("nl", "outage", None)
        assert incident.next_check_at - incident.opened_at == MINUTE
        assert {reason(app, number) for number in numbers[:3]} == {("exact_outage", "incident")}
        fail(app, numbers[3])
    assert reason(app, numbers[3]) == ("exact_outage", "incident")
    assert alarms(app) == ["incident_opened"]
    assert "it is Exact Online, not this customer" in timeline(app, alice, numbers[0])[0].sentence
    with app.database.read() as session:
        tagged = session.scalar(select(func.count()).where(Issue.incident_id == incident.id))
    assert tagged == 4


@pytest.mark.parametrize("kind", sorted(MASS_KINDS))
def test_what_fails_for_many_at_once_is_not_the_customers(app: Application, kind: FailureKind) -> None:
    numbers = customers(app, 3)
    fail(app, *numbers, kind=kind)
    expected = {
        FailureKind.CLIENT: ("attention", "incident_client"),
        FailureKind.REFUSED: ("attention", "incident_refused"),
        FailureKind.NOT_AUTHENTICATED: ("attention", "incident_refused"),
        FailureKind.NOT_SENT: ("exact_outage", "incident_not_sent"),
    }
    assert {reason(app, number) for number in numbers} == {expected.get(kind, ("exact_outage", "incident"))}
    assert all_incidents(app)[0].kind == kind


def test_what_one_customer_or_one_app_key_causes_is_no_incident(app: Application) -> None:
    for kind in set(FailureKind) - MASS_KINDS:
        fail(app, *customers(app, 3), kind=kind)
    assert all_incidents(app) == []


def test_registrations_of_one_login_count_once(app: Application) -> None:
    numbers = customers(app, 1)
    with app.database.read() as session:
        grant = session.get_one(Registration, numbers[0]).grant_id
    numbers += [make_registration(app.database, grant_id=grant, last_success_at=None) for _n in range(3)]
    fail(app, *numbers, *customers(app, 1))
    assert all_incidents(app) == []


def test_each_environment_has_its_own(app: Application) -> None:
    dutch, belgian = customers(app, 3), customers(app, 2, environment="be")
    fail(app, *dutch, *belgian)
    assert [row.environment for row in all_incidents(app)] == ["nl"]
    assert reason(app, belgian[0]) == ("exact_outage", "outage")
    with app.database.read() as session:
        assert checks_are_held(session, "nl")
        assert not checks_are_held(session, "be")


def test_dead_before_the_incident_stays_dead(app: Application) -> None:
    numbers = customers(app, 4)
    with app.database.transaction() as session:
        grant = session.get_one(Grant, session.get_one(Registration, numbers[3]).grant_id)
        grant.refusals, grant.refused_since = 3, clock.now() - timedelta(hours=3)
        grant.last_failure_at, grant.last_failure_kind = clock.now(), FailureKind.REFUSED.value
    fail(app, *numbers)
    assert reason(app, numbers[3]) == ("reconnect_needed", "refused")
    assert reason(app, numbers[0]) == ("exact_outage", "incident")


def test_rounds_of_canaries_come_later_each_time(app: Application) -> None:
    numbers = customers(app, 5)
    fail(app, *numbers)
    assert canaries(app) == []
    at, seen = timedelta(0), []
    for step in (*LADDER, LADDER[-1], LADDER[-1]):
        with clock.shifted(at + step - timedelta(seconds=5)):
            assert canaries(app) == [], step
        at += step
        with clock.shifted(at + timedelta(seconds=1)):
            found = canaries(app)
            assert canaries(app) == [], "a round is had once"
            fail(app, *found)
        assert len(set(found)) == 2
        seen += found
        at += timedelta(seconds=1)
    assert set(seen) == set(numbers), "everybody has a turn"
    assert all_incidents(app)[0].tries == 7


def test_canaries_are_of_different_logins(app: Application) -> None:
    numbers = customers(app, 3)
    with app.database.read() as session:
        grant = session.get_one(Registration, numbers[0]).grant_id
    same = [make_registration(app.database, grant_id=grant, last_checked_at=None) for _n in range(2)]
    fail(app, *numbers, *same)
    with later(1.1):
        found = canaries(app)
    with app.database.read() as session:
        assert len({session.get_one(Registration, number).grant_id for number in found}) == 2


def test_two_logins_that_answer_close_it(app: Application, alice: CurrentOperator) -> None:
    numbers = customers(app, 5)
    fail(app, *numbers)
    with later(1.1):
        first, second = canaries(app)
        succeed(app, first)
        assert all_incidents(app)[0].closed_at is None
        succeed(app, second)
        (incident,) = all_incidents(app)
        assert incident.closed_at is not None
        others = set(numbers) - {first, second}
        assert {reason(app, number) for number in others} == {("exact_outage", "outage")}
        assert reason(app, first) == ("connected", "connected")
        assert sweep(app) == 0
        assert len(all_incidents(app)) == 1, "the same failures open no second one"
        with app.database.read() as session:
            assert not checks_are_held(session, "nl")
        for number in others:
            succeed(app, number)
        check_copies(app)
    assert alarms(app) == ["incident_opened", "incident_closed"]
    with app.database.read() as session:
        left = session.scalars(select(Issue).where(Issue.resolved_at.is_(None))).all()
        assert left == []
        assert session.scalar(select(func.count()).where(Issue.incident_id == incident.id)) == 5


def accept(app: Application, number: int) -> None:
    """A good check, for which Exact gave a new key."""
    with app.database.transaction() as session:
        grant = session.get_one(Grant, session.get_one(Registration, number).grant_id)
        grant.last_success_at = grant.rotated_at = clock.now()
    succeed(app, number)


def test_refusals_are_the_customers_again_once_others_are_accepted(app: Application) -> None:
    numbers, others = customers(app, 4), customers(app, 3)
    fail(app, *numbers, kind=FailureKind.REFUSED)
    with later(1.1):
        found = canaries(app)
        assert len(found) == 2
        assert set(found) < set(others), "whoever is refused has a moment of their own"
        for number in found:
            succeed(app, number)
        assert all_incidents(app)[0].closed_at is None, "with an old key: that proves nothing"
        for number in found:
            accept(app, number)
        assert all_incidents(app)[0].closed_at is not None
        assert {reason(app, number) for number in numbers} == {("attention", "failure_refused")}
        assert sweep(app) == 0
    assert len(all_incidents(app)) == 1


def test_the_next_three_open_the_next_one(app: Application) -> None:
    numbers = customers(app, 6)
    fail(app, *numbers[:3])
    with later(1.1):
        for number in canaries(app):
            succeed(app, number)
    with later(2):
        fail(app, *numbers[3:5])
        assert len(all_incidents(app)) == 1
        fail(app, numbers[5])
    assert [row.closed_at is None for row in all_incidents(app)] == [False, True]


def test_it_closes_when_nobody_is_left(app: Application, alice: CurrentOperator) -> None:
    numbers = customers(app, 3)
    fail(app, *numbers)
    for number in numbers:
        set_active(app, alice, number, False)
    sweep(app)
    assert all_incidents(app)[0].closed_at is not None


def test_after_long_a_healthy_customer_may_end_it(app: Application) -> None:
    healthy, *numbers = customers(app, 4)
    fail(app, *numbers)
    at = 0.0
    for _round in range(len(LADDER) + 1):
        at += 15.1
        with later(at):
            found = canaries(app)
            fail(app, *(number for number in found if number != healthy))
            if healthy in found:
                succeed(app, healthy)
            assert (healthy in found) == (_round == len(LADDER))
    assert all_incidents(app)[0].closed_at is not None
    assert reason(app, numbers[0]) == ("exact_outage", "outage")


def test_a_single_healthy_one_is_enough_only_after_long(app: Application) -> None:
    healthy, *numbers = customers(app, 4)
    fail(app, *numbers, kind=FailureKind.REFUSED)
    at = 0.0
    for _round in range(len(LADDER) + 1):
        at += 15.1
        with later(at):
            assert canaries(app) == [healthy]
            accept(app, healthy)
            assert (all_incidents(app)[0].closed_at is not None) == (_round == len(LADDER))


def test_a_share_of_those_that_were_checked_must_fail(app: Application) -> None:
    """Of 40 that were checked in these minutes 1 in 10 is passing errors; 1 in 5 is not."""
    numbers = customers(app, 40)
    fail(app, *numbers[:7])
    assert all_incidents(app) == []
    assert sweep(app) == 0
    fail(app, numbers[7])
    assert len(all_incidents(app)) == 1
    assert {reason(app, number)[1] for number in numbers[:8]} == {"incident"}


def test_who_was_not_checked_in_these_minutes_does_not_make_an_outage_smaller(app: Application) -> None:
    customers(app, 40, last_checked_at=clock.now() - timedelta(minutes=11))
    customers(app, 20, environment="be")
    fail(app, *customers(app, 3))
    assert len(all_incidents(app)) == 1


@pytest.mark.parametrize(("checked", "failing"), [(0, 3), (15, 3), (16, 4), (83, 17), (1000, 200)])
def test_how_many_it_takes(checked: int, failing: int) -> None:
    assert needed(Settings(), checked) == failing


def test_the_kinds_are_counted_apart(app: Application) -> None:
    first, second, third, fourth, fifth = customers(app, 5)
    fail(app, first, second, kind=FailureKind.REFUSED)
    fail(app, third, fourth, kind=FailureKind.OUTAGE)
    assert all_incidents(app) == []
    fail(app, fifth, kind=FailureKind.UNKNOWN)
    assert [row.family for row in all_incidents(app)] == ["outage"]
    assert reason(app, first) == ("attention", "failure_refused")


def test_refusals_hold_nobody_up(app: Application) -> None:
    fail(app, *customers(app, 3), kind=FailureKind.REFUSED)
    fail(app, *customers(app, 3, environment="be"), kind=FailureKind.CLIENT)
    with app.database.read() as session:
        assert not checks_are_held(session, "nl")
        assert checks_are_held(session, "be")


def test_one_that_was_locked_follows_at_the_next_sweep(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = customers(app, 5)
    fail(app, *numbers[:2])
    monkeypatch.setattr(incidents, "BATCH", 1)
    fail(app, *numbers[2:])
    monkeypatch.undo()
    before = [reason(app, number)[1] for number in numbers]
    assert before.count("outage") == 2
    assert sweep(app) == 2
    assert {reason(app, number)[1] for number in numbers} == {"incident"}
    assert sweep(app) == 0
    check_copies(app)


def test_refusals_met_by_keeping_alive_alone_are_noticed(app: Application) -> None:
    numbers = customers(app, 3)
    for number in numbers:
        with app.database.transaction() as session:
            row = session.get_one(Registration, number)
            grant = session.get_one(Grant, row.grant_id)
            grant.refusals = 1
            grant.last_failure_at, grant.last_failure_kind = clock.now(), FailureKind.REFUSED.value
            settle(session, app.settings, row, clock.now())
    assert all_incidents(app) == []
    sweep(app)
    assert all_incidents(app)[0].kind == FailureKind.REFUSED
    assert reason(app, numbers[0]) == ("attention", "incident_refused")


def together(app: Application, numbers: list[int], act: Callable[[int], None]) -> None:
    """All at the same moment, as many threads as there are numbers."""
    barrier = Barrier(len(numbers))

    def one(number: int) -> None:
        barrier.wait(30)
        act(number)

    with ThreadPoolExecutor(len(numbers)) as pool:
        list(pool.map(one, numbers))


def test_many_that_fail_at_the_same_moment_open_one(app: Application) -> None:
    numbers = customers(app, 12)
    together(app, numbers, lambda number: fail(app, number))
    while sweep(app):
        pass
    assert len(all_incidents(app)) == 1
    assert {reason(app, number) for number in numbers} == {("exact_outage", "incident")}
    assert alarms(app) == ["incident_opened"]
    check_copies(app)


def test_one_is_opened_by_many_that_all_see_enough(app: Application) -> None:
    numbers = customers(app, 8)
    for number in numbers:
        with app.database.transaction() as session:
            row = session.get_one(Registration, number)
            row.last_failure_at, row.last_failure_kind = clock.now(), FailureKind.UNKNOWN.value
            settle(session, app.settings, row, clock.now())

    def note(number: int) -> None:
        with app.database.transaction() as session:
            row = session.get_one(Registration, number)
            incidents.note_failure(session, app.settings, row, FailureKind.UNKNOWN, clock.now())

    together(app, numbers, note)
    while sweep(app):
        pass
    assert len(all_incidents(app)) == 1
    assert alarms(app) == ["incident_opened"]
    assert {reason(app, number)[1] for number in numbers} == {"incident"}
    check_copies(app)


def test_it_is_closed_once_by_many_that_answer_at_the_same_moment(app: Application) -> None:
    numbers = customers(app, 8)
    fail(app, *numbers)
    with later(1.1):
        together(app, numbers, lambda number: succeed(app, number))
        while sweep(app):
            pass
        assert {reason(app, number)[0] for number in numbers} == {"connected"}
        check_copies(app)
    assert alarms(app) == ["incident_opened", "incident_closed"]


def test_the_token_layer_can_ask(app: Application) -> None:
    make_grant(app.database)
    with app.database.read() as session:
        assert open_incident(session, "nl") is None
    fail(app, *customers(app, 3))
    with app.database.read() as session:
        found = open_incident(session, "nl")
        assert found is not None
        assert found.kind == "outage"
