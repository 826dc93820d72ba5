"""Tokens of which Exact has not said whose they are: asked seldom, each in its turn, and the others do not wait."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from core.accounts.roles import CurrentOperator
from core.exact.errors import ExactError
from core.keeping.chores import CHORES
from core.registrations.callback import complete_consent
from core.registrations.checks import check_now
from core.registrations.consent import begin_consent, create_consent
from core.registrations.outcomes import Outcome
from core.registrations.register import register
from core.registrations.registration import registration
from core.registrations.views import RegistrationForm
from core.storage.models import Grant
from tests.factories import make_operator
from tests.support.connecting import TEST_USER
from tests.support.worlds import World, world

ACCOUNTANT, BAKKER = "kantoor@vandijk-accountants.example", "info@bakkerbv.example"
[ASK_WHOSE] = [chore for chore in CHORES if chore.name == "owners of tokens"]


@pytest.fixture
def here(database_url: str, tmp_path: Path) -> Iterator[World]:
    with world(tmp_path, database_url) as made:
        made.wait_for(9)
        yield made


@pytest.fixture
def alice(here: World) -> CurrentOperator:
    return make_operator(here.app.database, "Alice")


def errors(here: World, user: str = "") -> int:
    return sum(
        call.status in {400, 401, 403, 404} for call in here.engine.calls("me") if user in {"", call.user}
    )


def most_within_an_hour(here: World, user: str) -> int:
    bad = [c.at for c in here.engine.calls("me") if c.status in {400, 401, 403, 404} and c.user == user]
    return max(sum(at <= other < at + timedelta(hours=1) for other in bad) for at in bad)


def keep_for(here: World, hours: float) -> None:
    """The keeper asks as often as it does, and time passes."""
    for _round in range(round(hours * 3600 / ASK_WHOSE.seconds)):
        ASK_WHOSE.do(here.app)
        here.advance(ASK_WHOSE.seconds)


def consent(here: World, alice: CurrentOperator, number: int, user: str = TEST_USER) -> Outcome:
    begun = begin_consent(here.app, alice, create_consent(here.app, alice, number))
    state = begun.authorize_url.partition("state=")[2].partition("&")[0]
    code = here.engine.grant_code("nl", user)
    return complete_consent(
        here.app, [("code", code), ("state", state)], begun.browser_token, alice.id
    ).outcome


def test_a_login_that_exact_will_not_name_is_asked_for_four_times_an_hour_at_most(here: World) -> None:
    here.connect(TEST_USER)
    here.engine.add_fault("scope_violated", None, endpoint="me")
    keep_for(here, 6)
    assert 0 < most_within_an_hour(here, TEST_USER) <= 4
    assert 4 <= errors(here) <= 12


def test_one_login_that_is_refused_does_not_stop_another(here: World) -> None:
    here.connect(TEST_USER)
    here.engine.add_fault("scope_violated", None, endpoint="me", user=TEST_USER)
    keep_for(here, 2)
    other = here.connect(BAKKER)
    ASK_WHOSE.do(here.app)
    with here.app.database.read() as session:
        assert session.get(Grant, other) is None


@pytest.mark.parametrize("fault", ["scope_violated", "unavailable", "unauthorized"])
def test_many_that_cannot_be_named_do_not_starve_the_one_that_can(here: World, fault: str) -> None:
    bad = [here.connect(TEST_USER) for _number in range(25)]
    here.engine.add_fault(fault, None, endpoint="me", user=TEST_USER)
    good = here.connect(BAKKER)
    for _round in range(3):
        ASK_WHOSE.do(here.app)
        here.advance(ASK_WHOSE.seconds)
    with here.app.database.read() as session:
        assert session.get(Grant, good) is None
        assert session.get(Grant, bad[0]) is not None


def test_one_that_cannot_even_be_opened_does_not_stop_the_rest(here: World) -> None:
    broken = here.connect(TEST_USER)
    token = here.row(broken).access_token
    assert token is not None
    here.change(broken, access_token=token[:-1] + bytes([token[-1] ^ 1]), created_at=here.now())
    good = here.connect(BAKKER)
    ASK_WHOSE.do(here.app)
    with here.app.database.read() as session:
        assert session.get(Grant, good) is None


def test_each_gets_its_turn(here: World) -> None:
    users = (TEST_USER, BAKKER, ACCOUNTANT)
    for _number in range(30):
        here.connect(users[_number % 3])
    here.engine.add_fault("unavailable", None, endpoint="me")
    for _round in range(2):
        ASK_WHOSE.do(here.app)
        here.advance(1)
    with here.app.database.read() as session:
        asked = Counter(grant.identify_failures for grant in session.query(Grant))
    assert set(asked) <= {1, 2}


def test_operators_who_press_again_and_again_are_told_from_when(here: World, alice: CurrentOperator) -> None:
    number = register(here.app, alice, None, RegistrationForm(name="Test B.V.", environment="nl"))
    here.engine.add_fault("scope_violated", None, endpoint="me")
    assert consent(here, alice, number) is Outcome.UNIDENTIFIED
    for _press in range(11):
        with pytest.raises(ExactError) as told:
            check_now(here.app, alice, number)
        here.advance(20)
    assert errors(here) <= 4
    assert "Try again from" in told.value.message
    until = told.value.retry_at
    assert until is not None
    here.engine.clear_faults()
    here.advance((until - here.now()).total_seconds() + 1)
    check_now(here.app, alice, number)
    found = registration(here.app, alice, number)
    assert found.grant is not None
    assert found.candidate is None


def test_customers_who_consent_again_and_again_cost_a_few_errors(here: World, alice: CurrentOperator) -> None:
    number = register(here.app, alice, None, RegistrationForm(name="Test B.V.", environment="nl"))
    here.engine.add_fault("scope_violated", None, endpoint="me")
    for _attempt in range(12):
        assert consent(here, alice, number) is Outcome.UNIDENTIFIED
        ASK_WHOSE.do(here.app)
        here.advance(120)
    assert most_within_an_hour(here, TEST_USER) <= 9
