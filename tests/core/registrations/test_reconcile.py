"""What the Exact user sees, what is permitted and what is linked: differences have names."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest

from core import clock
from core.accounts.roles import CurrentOperator
from core.application import Application
from core.exact.client import ExactClient
from core.registrations.administrations import read_administrations, save_administrations
from core.registrations.callback import complete_consent
from core.registrations.consent import begin_consent, create_consent
from core.registrations.reconcile import REMARKS, Drift, Side, reconcile
from core.registrations.reconciliation import reconciliation
from core.registrations.register import register
from core.registrations.registration import registration
from core.registrations.status import Status
from core.registrations.views import RegistrationForm
from core.simulator.config import AllDivisions
from core.simulator.server import RunningSimulator
from tests.factories import make_operator
from tests.support.exact import exact_apps

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ACCOUNTANT = "kantoor@vandijk-accountants.example"
ONE, TWO = 1002001, 2001001
WELL = Side(
    code=1,
    name="Bakker B.V.",
    user_sees=True,
    permitted=True,
    linked=True,
    exact_status=1,
    blocking_status=0,
    last_success_at=NOW,
    last_failure_at=None,
    last_failure_kind=None,
    found_at=NOW - 9 * DAY,
    linked_at=NOW - 9 * DAY,
)
OTHER = replace(WELL, code=2, linked=False, linked_at=None, last_success_at=None)

CASES = [
    ("all is well", WELL, Drift.NONE),
    ("never linked", OTHER, Drift.NONE),
    ("never permitted", replace(OTHER, permitted=False, found_at=None), Drift.NONE),
    ("consent narrowed", replace(WELL, permitted=False), Drift.NOT_PERMITTED),
    ("Exact does not tell", replace(WELL, permitted=False, user_sees=None), Drift.NOT_PERMITTED),
    ("the user lost it", replace(WELL, permitted=False, user_sees=False), Drift.NOT_SEEN),
    ("archived", replace(WELL, exact_status=2), Drift.ARCHIVED),
    ("inactive", replace(WELL, exact_status=0), Drift.INACTIVE),
    ("a backup is busy", replace(WELL, blocking_status=1), Drift.BLOCKED),
    ("the probe fails", replace(WELL, last_failure_kind="forbidden"), Drift.FAILING),
    ("appeared since", replace(OTHER, found_at=NOW), Drift.NEW),
    ("appeared since, archived", replace(OTHER, found_at=NOW, exact_status=2), Drift.NONE),
    ("what is not linked may be archived", replace(OTHER, exact_status=2), Drift.NONE),
]


@pytest.mark.parametrize(("case", "side", "expected"), CASES, ids=[case[0] for case in CASES])
def test_every_difference_has_a_name(case: str, side: Side, expected: Drift) -> None:
    anchor = replace(WELL, code=99)
    found = {line.side.code: line.drift for line in reconcile([anchor, side]).lines}
    assert found[side.code] is expected, case


def test_every_drift_is_reached_and_has_words() -> None:
    assert {expected for _case, _side, expected in CASES} == set(Drift) == set(REMARKS)


def test_the_first_reading_is_not_news() -> None:
    assert (
        reconcile([replace(OTHER, found_at=NOW), replace(OTHER, code=3, found_at=NOW + DAY)]).drifting == ()
    )


def test_who_chose_later_has_seen_it() -> None:
    new = replace(OTHER, found_at=NOW - DAY)
    assert [line.drift for line in reconcile([WELL, new]).drifting] == [Drift.NEW]
    assert reconcile([WELL, replace(WELL, code=3, linked_at=NOW), new]).drifting == ()


def test_differences_come_first_the_worst_on_top() -> None:
    lost, archived = replace(WELL, code=3, permitted=False), replace(WELL, code=4, exact_status=2)
    lines = reconcile([OTHER, WELL, archived, lost]).lines
    assert [line.side.code for line in lines] == [3, 4, 1, 2]


# --- Read from Exact ---


@pytest.fixture
def alice(app: Application) -> CurrentOperator:
    return make_operator(app.database)


def connected(
    app: Application,
    by: CurrentOperator,
    exact: RunningSimulator,
    divisions: Collection[int] | Literal["all"],
) -> int:
    number = register(app, by, None, RegistrationForm(name="Bakker B.V.", environment="nl"))
    begun = begin_consent(app, by, create_consent(app, by, number))
    state = begun.authorize_url.split("state=")[1].split("&")[0]
    code = exact.engine.grant_code("nl", ACCOUNTANT, divisions)
    complete_consent(app, [("code", code), ("state", state)], begun.browser_token, by.id)
    save_administrations(app, by, number, [ONE])
    return number


def drifts(app: Application, by: CurrentOperator, number: int) -> dict[int, Drift]:
    return {line.side.code: line.drift for line in reconciliation(app, by, number).drifting}


def side(app: Application, by: CurrentOperator, number: int, code: int) -> Side | None:
    sides = [line.side for line in reconciliation(app, by, number).lines]
    return next((side for side in sides if side.code == code), None)


def test_what_the_user_sees_beyond_our_consent_is_known_but_cannot_be_linked(
    app: Application, alice: CurrentOperator, simulator: RunningSimulator
) -> None:
    number = connected(app, alice, simulator, [ONE])
    beyond = side(app, alice, number, TWO)
    assert beyond is not None
    assert (beyond.user_sees, beyond.permitted, beyond.found_at) == (True, False, None)
    assert [a.code for a in registration(app, alice, number).administrations] == [ONE]
    assert drifts(app, alice, number) == {}


def test_a_narrowed_consent_is_told_from_a_lost_right(
    app: Application, alice: CurrentOperator, simulator: RunningSimulator
) -> None:
    number = connected(app, alice, simulator, [ONE, TWO])
    simulator.engine.set_scope("nl", ACCOUNTANT, [TWO])
    read_administrations(app, alice, number)
    assert drifts(app, alice, number) == {ONE: Drift.NOT_PERMITTED}
    assert registration(app, alice, number).status is Status.ATTENTION


def test_an_administration_that_is_permitted_later_is_new(
    app: Application, alice: CurrentOperator, simulator: RunningSimulator
) -> None:
    number = connected(app, alice, simulator, [ONE])
    with clock.shifted(timedelta(minutes=1)):
        simulator.engine.set_scope("nl", ACCOUNTANT, [ONE, TWO])
        read_administrations(app, alice, number)
        assert drifts(app, alice, number) == {TWO: Drift.NEW}
        assert registration(app, alice, number).status is Status.CONNECTED


def test_an_archived_one_is_named_even_when_it_is_no_longer_permitted(
    app: Application, alice: CurrentOperator, simulator: RunningSimulator
) -> None:
    number = connected(app, alice, simulator, [ONE, TWO])
    simulator.engine.set_division("nl", ONE, status=2)
    read_administrations(app, alice, number)
    assert drifts(app, alice, number) == {ONE: Drift.ARCHIVED}


@pytest.mark.parametrize("answer", [AllDivisions.REFUSED, AllDivisions.MISSING, AllDivisions.PERMITTED])
def test_where_exact_does_not_tell_nothing_is_claimed_and_nothing_fails(
    app: Application, alice: CurrentOperator, simulator: RunningSimulator, answer: AllDivisions
) -> None:
    simulator.engine.configure(all_divisions=answer)
    number = connected(app, alice, simulator, [ONE, TWO])
    assert registration(app, alice, number).status is Status.CONNECTED
    simulator.engine.set_scope("nl", ACCOUNTANT, [TWO])
    read_administrations(app, alice, number)
    lost = side(app, alice, number, ONE)
    assert lost is not None
    assert lost.user_sees is None
    assert drifts(app, alice, number) == {ONE: Drift.NOT_PERMITTED}


def test_a_setting_says_which_list_is_asked(
    app: Application, alice: CurrentOperator, simulator: RunningSimulator
) -> None:
    connected(app, alice, simulator, [ONE, TWO])
    asked = len(simulator.engine.calls("all_divisions"))
    assert asked > 0
    token = "no token"
    for choice, endpoint in (("", ""), ("hrm/Divisions", "hrm_divisions")):
        changed = app.settings.model_copy(update={"user_list": choice, "exact": exact_apps(simulator)})
        client = ExactClient(changed)
        assert client.user_divisions("nl", token, ONE) is None
        client.close()
        assert len(simulator.engine.calls("all_divisions")) == asked
        assert bool(endpoint) == bool(simulator.engine.calls("hrm_divisions"))


def test_archived_means_the_same_in_both_lists(
    app: Application, alice: CurrentOperator, simulator: RunningSimulator
) -> None:
    simulator.engine.set_division("nl", 1001002, status=2)
    client = ExactClient(app.settings.model_copy(update={"user_list": "hrm/Divisions"}))
    code = simulator.engine.grant_code("nl", "test@testbv.example")
    token = client.exchange("nl", code, "v" * 43).access_token
    found = client.user_divisions("nl", token, 1001001)
    client.close()
    assert found is not None
    assert {division.code: division.status for division in found}[1001002] == 2
    assert {division.code: division.status for division in found}[1001001] == 1
