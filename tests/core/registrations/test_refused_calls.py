"""What Exact has refused and we can do without is not asked again that day: the errors of an hour are for customers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from core import clock
from core.accounts.roles import CurrentOperator
from core.application import Application
from core.registrations.administrations import read_administrations
from core.registrations.checks import check, check_now
from core.registrations.register import register
from core.registrations.timeline import CLICKKER
from core.registrations.views import RegistrationForm
from core.simulator.config import AllDivisions
from core.simulator.server import RunningSimulator
from core.storage.models import RefusedCall, Registration
from tests.factories import make_operator
from tests.support.connecting import TEST_USER, connect, consent
from tests.support.interleaving import another_process

ACCOUNTANT, BAKKER = "kantoor@vandijk-accountants.example", "info@bakkerbv.example"
ONE, TWO, THREE = 2001001, 2001002, 2001003


@pytest.fixture(autouse=True)
def _at_noon(simulator: RunningSimulator) -> Iterator[None]:
    now = clock.now()
    by = now.replace(hour=11, minute=0, second=0, microsecond=0) + timedelta(days=1) - now
    simulator.engine.advance(by)
    with clock.shifted(by):
        yield


@pytest.fixture
def alice(app: Application) -> CurrentOperator:
    return make_operator(app.database, "Alice")


@pytest.fixture
def customers(app: Application, alice: CurrentOperator, simulator: RunningSimulator) -> list[int]:
    """Three customers of one accountant, whose login they share."""
    return [
        connect(app, alice, simulator, f"Klant {code}", user=ACCOUNTANT, codes={code})
        for code in (ONE, TWO, THREE)
    ]


def refused(simulator: RunningSimulator, endpoint: str = "all_divisions") -> int:
    return sum(call.status in {400, 403, 404} for call in simulator.engine.calls(endpoint))


@pytest.mark.parametrize("answer", [AllDivisions.REFUSED, AllDivisions.MISSING])
def test_a_list_that_our_app_may_not_ask_for_is_asked_for_once_a_day(
    app: Application,
    alice: CurrentOperator,
    simulator: RunningSimulator,
    customers: list[int],
    answer: AllDivisions,
) -> None:
    simulator.engine.configure(all_divisions=answer)
    before = refused(simulator)
    for minutes in range(2):
        with clock.shifted(timedelta(minutes=minutes)):
            for number in customers:
                assert check(app, number, CLICKKER) is None
                check_now(app, alice, number)
                read_administrations(app, alice, number)
    connect(app, alice, simulator, "Bakker B.V.", user=BAKKER)
    assert refused(simulator) - before == 1
    with app.database.read() as session:
        assert set(session.scalars(select(Registration.status))) == {"connected"}
        assert set(session.scalars(select(Registration.last_failure_at))) == {None}


def test_it_is_asked_for_again_the_next_day_and_what_has_passed_is_forgotten(
    app: Application, simulator: RunningSimulator, customers: list[int]
) -> None:
    simulator.engine.configure(all_divisions=AllDivisions.REFUSED)
    for day in range(3):
        simulator.engine.advance(timedelta(hours=25) if day else timedelta(0))
        with clock.shifted(timedelta(hours=25 * day)):
            for number in customers:
                assert check(app, number, CLICKKER) is None
        assert refused(simulator) == day + 1
    with app.database.read() as session:
        assert session.scalar(select(func.count()).select_from(RefusedCall)) == 1
    simulator.engine.configure(all_divisions=AllDivisions.REACHABLE)
    simulator.engine.advance(timedelta(hours=25))
    with clock.shifted(timedelta(hours=75)):
        assert check(app, customers[0], CLICKKER) is None
    assert simulator.engine.calls("all_divisions")[-1].status == 200


def test_every_process_knows_of_it(
    app: Application, simulator: RunningSimulator, customers: list[int]
) -> None:
    simulator.engine.configure(all_divisions=AllDivisions.REFUSED)
    assert check(app, customers[0], CLICKKER) is None
    with another_process(app) as other:
        assert check(other, customers[1], CLICKKER) is None
    assert refused(simulator) == 1


def test_what_one_exact_user_may_not_see_others_are_asked_for(
    app: Application, alice: CurrentOperator, simulator: RunningSimulator, customers: list[int]
) -> None:
    simulator.engine.add_fault("outside_scope", None, endpoint="all_divisions", user=ACCOUNTANT)
    for number in customers:
        assert check(app, number, CLICKKER) is None
    assert refused(simulator) == 1
    other = connect(app, alice, simulator, "Test B.V.", user=TEST_USER, codes={1001001})
    assert check(app, other, CLICKKER) is None
    assert simulator.engine.calls("all_divisions")[-1].status == 200


@pytest.mark.parametrize("fault", ["unavailable", "drop", "rate_limited_bare"])
def test_what_is_no_refusal_is_not_remembered(
    app: Application, simulator: RunningSimulator, customers: list[int], fault: str
) -> None:
    simulator.engine.add_fault(fault, 1, endpoint="all_divisions")
    check(app, customers[0], CLICKKER)
    begin = len(simulator.engine.calls("all_divisions"))
    with clock.shifted(timedelta(minutes=11)):
        check(app, customers[1], CLICKKER)
    assert len(simulator.engine.calls("all_divisions")) > begin


def test_an_open_administration_beyond_the_consent_does_not_use_up_the_errors_of_the_others(
    app: Application, simulator: RunningSimulator, customers: list[int]
) -> None:
    """CurrentDivision follows the user's clicks, and Exact may look at the number in the address of the list."""
    simulator.engine.configure(validate_url_division=True)
    simulator.engine.set_scope("nl", ACCOUNTANT, [ONE, TWO, THREE])
    simulator.engine.set_current_division("nl", ACCOUNTANT, outsider(simulator))
    for minutes in range(4):
        with clock.shifted(timedelta(minutes=minutes)):
            for number in customers:
                assert check(app, number, CLICKKER) is None
    assert refused(simulator, "divisions") == 0


def outsider(simulator: RunningSimulator) -> int:
    """An administration that the accountant reaches, and that is not permitted to us."""
    everything = [division.code for division in simulator.engine.divisions("nl", ACCOUNTANT)]
    return next(code for code in everything if code not in {ONE, TWO, THREE})


def test_an_open_administration_that_refuses_us_does_not_stop_the_others(
    app: Application,
    alice: CurrentOperator,
    simulator: RunningSimulator,
    customers: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Calls without an administration are booked on the one that is open: its own errors must not use those up."""
    simulator.engine.set_current_division("nl", ACCOUNTANT, ONE)
    for number in customers:
        check(app, number, CLICKKER)
    # Its own check is refused; the list, asked for at the same address, is not.
    real = app.exact.probe

    def probe(environment: str, token: str, division: int, meter: object = None) -> None:
        if division == ONE:
            simulator.engine.add_fault("wrong_division", 1, endpoint="divisions", division=ONE)
        real(environment, token, division, meter)  # type: ignore[arg-type]

    monkeypatch.setattr(app.exact, "probe", probe)
    for minutes in range(8):
        with clock.shifted(timedelta(minutes=minutes)):
            check(app, customers[0], "Alice")
    with clock.shifted(timedelta(minutes=9)):
        assert check(app, customers[1], CLICKKER) is None
        assert check(app, customers[2], CLICKKER) is None


def test_a_token_that_ends_at_the_list_we_can_do_without_ends_the_check(
    app: Application, alice: CurrentOperator, simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The customer withdraws while that list is asked for: it is no success, and soon red."""
    number = register(app, alice, None, RegistrationForm(name="Bakker B.V.", environment="nl"))
    consent(app, alice, simulator, number, user=BAKKER)
    asked = app.exact.user_divisions

    def withdrawn(*values: Any, **named: Any) -> object:
        simulator.engine.revoke("nl", BAKKER)
        return asked(*values, **named)

    monkeypatch.setattr(app.exact, "user_divisions", withdrawn)
    with clock.shifted(timedelta(minutes=1)):
        error = check(app, number, CLICKKER)
    assert error is not None
    assert error.status == 401
    with app.database.read() as session:
        row = session.get_one(Registration, number)
        assert row.last_failure_at is not None
        assert row.next_check_at is not None
        assert row.next_check_at - row.last_failure_at < timedelta(hours=1)


def test_where_exact_does_not_say_whether_the_token_still_holds_the_check_is_no_success(
    app: Application, alice: CurrentOperator, simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = connect(app, alice, simulator, "Bakker B.V.", user=BAKKER)
    simulator.engine.add_fault("unauthorized", None, endpoint="all_divisions")
    asked = app.exact.user_divisions

    def away(*values: Any, **named: Any) -> object:
        simulator.engine.add_fault("unavailable", None, endpoint="me")
        return asked(*values, **named)

    monkeypatch.setattr(app.exact, "user_divisions", away)
    with clock.shifted(timedelta(minutes=1)):
        error = check(app, number, CLICKKER)
    assert error is not None
    assert error.status == 503


def test_a_list_that_answers_no_token_is_a_list_that_is_refused(
    app: Application, alice: CurrentOperator, simulator: RunningSimulator
) -> None:
    simulator.engine.add_fault("unauthorized", None, endpoint="all_divisions")
    number = connect(app, alice, simulator, "Bakker B.V.", user=BAKKER)
    for minutes in range(3):
        with clock.shifted(timedelta(minutes=minutes)):
            assert check(app, number, CLICKKER) is None
    assert len(simulator.engine.calls("all_divisions")) == 1
    with app.database.read() as session:
        assert session.get_one(Registration, number).status == "connected"
