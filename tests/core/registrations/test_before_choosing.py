"""Before administrations are chosen: choosing is asked for only where it can be done, and is what helps."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core import clock
from core.keeping.keeper import Keeper
from core.registrations.outcomes import Outcome
from core.registrations.registration import registration
from core.registrations.status import Status
from core.settings import Settings
from core.storage.models import Alarm, Issue
from tests.support.connecting import TEST_USER
from tests.support.recount import differences
from tests.support.visits import Desk

BAKKER = "info@bakkerbv.example"
HOUR = timedelta(hours=1)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"quiet_hour": -1})


def keeper_turns(desk: Desk, hours: float) -> None:
    with clock.shifted(hours * HOUR):
        Keeper(desk.app).turn()
        assert differences(desk.app.database, desk.app.settings, clock.now()) == []


def consented(desk: Desk, user: str = TEST_USER) -> int:
    number = desk.registered()
    assert desk.visit(number, user).back().outcome is Outcome.GRANTED
    return number


def status(desk: Desk, number: int) -> Status:
    return registration(desk.app, desk.by, number).status


def alarms(desk: Desk) -> list[str]:
    with desk.app.database.read() as session:
        return [alarm.kind for alarm in session.query(Alarm)]


def open_issues(desk: Desk, number: int) -> set[str]:
    with desk.app.database.read() as session:
        rows = session.query(Issue).filter_by(registration_id=number, resolved_at=None)
        return {row.kind for row in rows}


def test_a_consent_that_is_withdrawn_before_anything_was_chosen_asks_for_a_new_one(desk: Desk) -> None:
    number = consented(desk)
    assert status(desk, number) is Status.CHOOSE_ADMINISTRATIONS
    desk.simulator.engine.revoke("nl", TEST_USER)
    keeper_turns(desk, 0.3)
    assert status(desk, number) is Status.ATTENTION
    for hours in (1, 3, 8):
        keeper_turns(desk, hours)
    assert status(desk, number) is Status.RECONNECT_NEEDED
    assert "refused" in open_issues(desk, number)
    assert alarms(desk) == ["reconnect_needed"]


def test_one_that_lapsed_does_too(desk: Desk) -> None:
    number = consented(desk)
    desk.simulator.engine.add_fault("unavailable", times=None)
    keeper_turns(desk, 24 * 31)
    assert status(desk, number) is Status.RECONNECT_NEEDED
    assert desk.row(number).status_reason == "lapsed"
    assert "lapsed" in open_issues(desk, number)
    assert alarms(desk).count("reconnect_needed") == 1


def test_after_connecting_again_there_is_something_to_choose(desk: Desk) -> None:
    number = consented(desk)
    desk.simulator.engine.revoke("nl", TEST_USER)
    for hours in (0.3, 1, 3, 8):
        keeper_turns(desk, hours)
    with clock.shifted(9 * HOUR):
        assert desk.visit(number).back().outcome is Outcome.GRANTED
        assert status(desk, number) is Status.CHOOSE_ADMINISTRATIONS
        assert open_issues(desk, number) == set()


@pytest.mark.parametrize("read", [True, False], ids=["list read", "list not read"])
def test_while_exact_is_down_one_may_choose_from_a_list_that_was_read(desk: Desk, read: bool) -> None:
    if read:
        number = consented(desk)
        desk.simulator.engine.add_fault("unavailable", times=None)
        keeper_turns(desk, 0.1)
    else:
        desk.simulator.engine.add_fault("unavailable", times=None, endpoint="divisions")
        number = consented(desk)
    assert open_issues(desk, number) == {"outage"}
    assert status(desk, number) is (Status.CHOOSE_ADMINISTRATIONS if read else Status.EXACT_OUTAGE)
    desk.me_is_back()
    keeper_turns(desk, 4)
    assert status(desk, number) is Status.CHOOSE_ADMINISTRATIONS
    assert open_issues(desk, number) == set()


def test_a_user_who_may_not_show_us_the_list_is_no_choice(desk: Desk) -> None:
    desk.simulator.engine.add_fault("scope_violated", times=None, endpoint="divisions")
    number = consented(desk)
    assert status(desk, number) is Status.ATTENTION
    assert desk.row(number).status_reason == "failure_forbidden"


def test_of_two_logins_one_is_chosen_first(desk: Desk) -> None:
    number = consented(desk)
    assert desk.visit(number, BAKKER).back().outcome is Outcome.NEEDS_DECISION
    assert status(desk, number) is Status.ATTENTION
    assert desk.row(number).status_reason == "undecided"
