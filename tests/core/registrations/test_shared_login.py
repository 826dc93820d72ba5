"""One login at Exact, several registrations: what befalls the login shows at each of them, at once."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from core import clock
from core.accounts.roles import CurrentOperator, Role
from core.application import Application
from core.exact.errors import ExactError, FailureKind
from core.registrations.administrations import save_administrations
from core.registrations.callback import complete_consent
from core.registrations.checks import check_now
from core.registrations.consent import begin_consent, create_consent
from core.registrations.decisions import accept_candidate, reject_candidate
from core.registrations.failures import record_failure
from core.registrations.outcomes import Outcome
from core.registrations.register import delete, disconnect, register, set_active
from core.registrations.registration import registration
from core.registrations.settle import settle_due
from core.registrations.status import Status
from core.registrations.timeline import timeline
from core.registrations.views import RegistrationForm
from core.simulator.server import RunningSimulator
from core.storage.models import Grant, Registration
from core.tokens.rotation import access_token
from tests.factories import make_operator

ACCOUNTANT, BAKKER = "kantoor@vandijk-accountants.example", "info@bakkerbv.example"
DAY = timedelta(days=1)
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""Each begins with three consents; what differs on PostgreSQL, who waits for whom, has tests of its own."""


@pytest.fixture
def alice(app: Application) -> CurrentOperator:
    return make_operator(app.database, "Alice", Role.ADMIN)


@pytest.fixture
def exact(app: Application, simulator: RunningSimulator) -> RunningSimulator:
    return simulator


def consents(
    app: Application, by: CurrentOperator, exact: RunningSimulator, number: int, user: str = ACCOUNTANT
) -> Outcome:
    begun = begin_consent(app, by, create_consent(app, by, number))
    [state] = parse_qs(urlsplit(begun.authorize_url).query)["state"]
    query = [("code", exact.engine.grant_code("nl", user)), ("state", state)]
    return complete_consent(app, query, begun.browser_token, by.id).outcome


@pytest.fixture
def three(app: Application, alice: CurrentOperator, exact: RunningSimulator) -> tuple[int, int, int]:
    """Three customers of one accountant."""
    numbers = []
    for index in range(3):
        number = register(app, alice, None, RegistrationForm(name=f"Klant {index}", environment="nl"))
        assert consents(app, alice, exact, number) is Outcome.GRANTED
        save_administrations(app, alice, number, [2001001 + index])
        numbers.append(number)
    first, second, third = numbers
    return first, second, third


def statuses(app: Application, by: CurrentOperator, numbers: tuple[int, ...]) -> list[Status]:
    return [registration(app, by, number).status for number in numbers]


def grants(app: Application) -> list[str]:
    with app.database.read() as session:
        return list(session.scalars(select(Grant.id)))


def refused_for_good(app: Application, number: int) -> None:
    """The last of three refusals over two hours, met by the check of one of them."""
    with app.database.transaction() as session:
        grant = session.get_one(Grant, session.get_one(Registration, number).grant_id)
        grant.refusals, grant.refused_since = 3, clock.now() - timedelta(hours=2)
        grant.last_failure_at, grant.last_failure_kind = clock.now(), FailureKind.REFUSED.value
    record_failure(app, number, ExactError(FailureKind.REFUSED, exact_message="Old refresh token used."))


def test_a_login_that_is_dead_is_red_everywhere_and_green_again_by_one_reconnect(
    app: Application, alice: CurrentOperator, exact: RunningSimulator, three: tuple[int, int, int]
) -> None:
    refused_for_good(app, three[1])
    assert statuses(app, alice, three) == [Status.RECONNECT_NEEDED] * 3
    assert consents(app, alice, exact, three[0]) is Outcome.GRANTED
    assert statuses(app, alice, three)[0] is Status.CONNECTED
    assert Status.RECONNECT_NEEDED not in statuses(app, alice, three)
    for number in three:
        check_now(app, alice, number)
    assert statuses(app, alice, three) == [Status.CONNECTED] * 3


def test_the_news_of_a_reconnect_is_told_to_the_one_and_shared_with_the_others(
    app: Application, alice: CurrentOperator, three: tuple[int, int, int]
) -> None:
    told = [{entry.kind for entry in timeline(app, alice, number)} for number in three]
    assert ["grant_shared" in kinds for kinds in told] == [False, True, True]
    assert all("consent_granted" in kinds for kinds in told)


def test_a_refresh_by_one_moves_the_lapse_of_all(
    app: Application, alice: CurrentOperator, three: tuple[int, int, int]
) -> None:
    with clock.shifted(16 * DAY + timedelta(minutes=1)):
        settle_due(app)
        assert any(registration(app, alice, number).status is Status.ATTENTION for number in three)
        check_now(app, alice, three[0])  # refreshes the tokens that all of them use
        expected = clock.now() + 30 * DAY
        with app.database.read() as session:
            lapses = session.scalars(select(Registration.lapses_at)).all()
    assert len(set(lapses)) == 1
    assert lapses[0] is not None
    assert abs(lapses[0] - expected) < timedelta(minutes=1)


@pytest.mark.parametrize("let_go", [disconnect, delete])
def test_the_tokens_stay_until_the_last_of_them_lets_go(
    app: Application, alice: CurrentOperator, three: tuple[int, int, int], let_go: object
) -> None:
    assert callable(let_go)
    [grant_id] = grants(app)
    let_go(app, alice, three[0])
    let_go(app, alice, three[1])
    assert grants(app) == [grant_id]
    assert access_token(app, grant_id)
    assert statuses(app, alice, three[2:]) == [Status.CONNECTED]
    let_go(app, alice, three[2])
    assert grants(app) == []


def test_one_that_is_paused_lets_the_others_go_on(
    app: Application, alice: CurrentOperator, three: tuple[int, int, int]
) -> None:
    set_active(app, alice, three[0], False)
    assert statuses(app, alice, three) == [Status.PAUSED, Status.CONNECTED, Status.CONNECTED]
    refused_for_good(app, three[1])
    assert statuses(app, alice, three) == [Status.PAUSED, Status.RECONNECT_NEEDED, Status.RECONNECT_NEEDED]


def test_another_login_that_is_accepted_takes_one_and_leaves_the_others(
    app: Application, alice: CurrentOperator, exact: RunningSimulator, three: tuple[int, int, int]
) -> None:
    [shared] = grants(app)
    assert consents(app, alice, exact, three[0], BAKKER) is Outcome.NEEDS_DECISION
    accept_candidate(app, alice, three[0])
    assert len(grants(app)) == 2
    assert shared in grants(app)
    views = [registration(app, alice, number) for number in three]
    assert [view.grant.full_name if view.grant else "" for view in views] == [
        "Bram Bakker", "Anneke van Dijk", "Anneke van Dijk"
    ]  # fmt: skip
    assert statuses(app, alice, three[1:]) == [Status.CONNECTED] * 2


def test_another_login_that_is_turned_down_leaves_no_tokens_unless_somebody_uses_them(
    app: Application, alice: CurrentOperator, exact: RunningSimulator, three: tuple[int, int, int]
) -> None:
    before = grants(app)
    assert consents(app, alice, exact, three[0], BAKKER) is Outcome.NEEDS_DECISION
    assert statuses(app, alice, three[:1]) == [Status.ATTENTION]
    reject_candidate(app, alice, three[0])
    assert grants(app) == before
    assert statuses(app, alice, three[:1]) == [Status.CONNECTED]

    own = register(app, alice, None, RegistrationForm(name="Bakker B.V.", environment="nl"))
    assert consents(app, alice, exact, own, BAKKER) is Outcome.GRANTED
    save_administrations(app, alice, own, [1002001])
    assert consents(app, alice, exact, three[0], BAKKER) is Outcome.NEEDS_DECISION
    reject_candidate(app, alice, three[0])
    assert len(grants(app)) == 2
    check_now(app, alice, own)
    assert statuses(app, alice, (own,)) == [Status.CONNECTED]


def test_two_that_wait_for_the_same_other_login_keep_it_until_both_have_decided(
    app: Application, alice: CurrentOperator, exact: RunningSimulator, three: tuple[int, int, int]
) -> None:
    for number in three[:2]:
        assert consents(app, alice, exact, number, BAKKER) is Outcome.NEEDS_DECISION
    assert len(grants(app)) == 2
    reject_candidate(app, alice, three[0])
    assert len(grants(app)) == 2
    accept_candidate(app, alice, three[1])
    assert len(grants(app)) == 2
    view = registration(app, alice, three[1])
    assert view.grant is not None
    assert view.grant.full_name == "Bram Bakker"


def test_a_consent_of_the_login_that_waited_as_another_decides_it(
    app: Application, alice: CurrentOperator, exact: RunningSimulator, three: tuple[int, int, int]
) -> None:
    """An older decision is not left open once the login in force consents again."""
    assert consents(app, alice, exact, three[0], BAKKER) is Outcome.NEEDS_DECISION
    assert consents(app, alice, exact, three[0], ACCOUNTANT) is Outcome.GRANTED
    assert statuses(app, alice, three) == [Status.CONNECTED] * 3
    assert len(grants(app)) == 1


def test_a_reconnect_forgets_the_failure_and_the_disconnection(
    app: Application, alice: CurrentOperator, exact: RunningSimulator, three: tuple[int, int, int]
) -> None:
    record_failure(app, three[0], ExactError(FailureKind.FORBIDDEN))
    assert statuses(app, alice, three[:1]) == [Status.ATTENTION]
    assert consents(app, alice, exact, three[0]) is Outcome.GRANTED
    assert statuses(app, alice, three[:1]) == [Status.CONNECTED]
    disconnect(app, alice, three[0])
    assert consents(app, alice, exact, three[0]) is Outcome.GRANTED
    assert statuses(app, alice, three[:1]) == [Status.CHOOSE_ADMINISTRATIONS]
    save_administrations(app, alice, three[0], [2001001])
    assert statuses(app, alice, three) == [Status.CONNECTED] * 3
