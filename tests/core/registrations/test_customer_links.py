"""The customer's link: it works once, whoever opens it and however often, and only a consent uses it up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import func, select

from core import clock
from core.accounts.roles import CurrentOperator
from core.application import Application
from core.errors import NotFound
from core.exact.oauth import TokenPair
from core.exact.transport import Keeper
from core.registrations.callback import complete_consent
from core.registrations.consent import Begun
from core.registrations.customer_links import (
    begin_customer_consent,
    create_customer_link,
    open_customer_link,
    revoke_customer_link,
)
from core.registrations.outcomes import ConsentResult, Outcome
from core.registrations.register import disconnect, register
from core.registrations.registration import registration
from core.registrations.status import Status
from core.registrations.views import RegistrationForm
from core.simulator.server import RunningSimulator
from core.storage.models import Grant
from tests.factories import make_operator

TEST_USER = "test@testbv.example"
BAKKER = "info@bakkerbv.example"
Exchange = Callable[[str, str, str, Keeper | None], TokenPair]


@pytest.fixture
def exact(app: Application, simulator: RunningSimulator) -> RunningSimulator:
    return simulator


@dataclass(frozen=True)
class Office:
    """Alice has registered Test B.V. and made a link for it."""

    alice: CurrentOperator
    number: int
    token: str
    """What stands behind the last slash of the link."""


@pytest.fixture
def office(app: Application, exact: RunningSimulator) -> Office:
    alice = make_operator(app.database, "Alice")
    number = register(app, alice, None, RegistrationForm(name="Test B.V.", environment="nl"))
    return Office(alice, number, create_customer_link(app, alice, number).rsplit("/", 1)[1])


@pytest.fixture
def token(office: Office) -> str:
    return office.token


def come_back(app: Application, attempt: Begun, **answer: str) -> ConsentResult:
    """The browser returns from Exact with this answer."""
    state = parse_qs(urlsplit(attempt.authorize_url).query)["state"][0]
    return complete_consent(app, [*answer.items(), ("state", state)], attempt.browser_token, None)


def code_of(exact: RunningSimulator, user: str = TEST_USER) -> str:
    return exact.engine.grant_code("nl", user, "all")


def grants(app: Application) -> int:
    with app.database.read() as session:
        return session.scalar(select(func.count()).select_from(Grant)) or 0


def while_exact_answers(
    app: Application, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], object]
) -> None:
    """Do ``meanwhile`` once a code has reached Exact and before its tokens are back."""
    exchange: Exchange = app.exact.exchange

    def slow(environment: str, code: str, verifier: str, keeper: Keeper | None) -> TokenPair:
        monkeypatch.setattr(app.exact, "exchange", exchange)
        meanwhile()
        return exchange(environment, code, verifier, keeper)

    monkeypatch.setattr(app.exact, "exchange", slow)


def test_a_customer_gives_consent_by_link(
    app: Application, office: Office, exact: RunningSimulator, token: str
) -> None:
    page = open_customer_link(app, token)
    assert (page.registration_name, page.asked_by) == ("Test B.V.", "Alice")
    result = come_back(app, begin_customer_consent(app, token), code=code_of(exact))
    assert (result.outcome, result.customer) == (Outcome.GRANTED, True)
    assert registration(app, office.alice, office.number).status is Status.CHOOSE_ADMINISTRATIONS
    with pytest.raises(NotFound, match="has been used"):
        open_customer_link(app, token)


def test_a_customer_who_refused_may_use_the_link_again(
    app: Application, exact: RunningSimulator, token: str
) -> None:
    result = come_back(app, begin_customer_consent(app, token), error="access_denied")
    assert (result.outcome, result.customer) == (Outcome.REFUSED, True)
    assert "link" in result.next_step
    assert open_customer_link(app, token)
    result = come_back(app, begin_customer_consent(app, token), code=code_of(exact))
    assert result.outcome is Outcome.GRANTED


@pytest.mark.parametrize("fault", ["unavailable", "truncated_json", "drop"])
def test_an_exchange_that_failed_gives_the_link_back(
    app: Application, exact: RunningSimulator, token: str, fault: str
) -> None:
    exact.engine.add_fault(fault, endpoint="token")
    assert not come_back(app, begin_customer_consent(app, token), code=code_of(exact)).outcome.arrived
    result = come_back(app, begin_customer_consent(app, token), code=code_of(exact))
    assert result.outcome is Outcome.GRANTED


def test_a_withdrawn_an_expired_and_an_unknown_link_are_told_apart(
    app: Application, office: Office, exact: RunningSimulator, token: str
) -> None:
    with clock.shifted(timedelta(days=7, seconds=1)), pytest.raises(NotFound, match="expired"):
        open_customer_link(app, token)
    attempt = begin_customer_consent(app, token)
    revoke_customer_link(app, office.alice, office.number)
    with pytest.raises(NotFound, match="withdrawn"):
        open_customer_link(app, token)
    assert come_back(app, attempt, code=code_of(exact)).outcome is Outcome.WITHDRAWN
    with pytest.raises(NotFound, match="not known"):
        open_customer_link(app, "x" * 5000)


# --- Once, and no more -----------------------------------------------------------------------------------


def test_of_browsers_that_return_at_the_same_moment_one_counts(
    app: Application, exact: RunningSimulator, token: str
) -> None:
    browsers = 8
    returns = [
        (begin_customer_consent(app, token), code_of(exact, user))
        for user in (TEST_USER, BAKKER) * (browsers // 2)
    ]
    together = threading.Barrier(browsers)

    def come(one: tuple[Begun, str]) -> Outcome:
        together.wait()
        return come_back(app, one[0], code=one[1]).outcome

    with ThreadPoolExecutor(browsers) as pool:
        outcomes = list(pool.map(come, returns))

    assert outcomes.count(Outcome.GRANTED) == 1
    assert outcomes.count(Outcome.LINK_USED) == browsers - 1
    assert len(exact.engine.calls("token")) == 1
    assert grants(app) == 1


def test_a_second_browser_is_told_while_the_first_is_with_exact(
    app: Application, exact: RunningSimulator, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (begin_customer_consent(app, token) for _browser in range(2))
    told: list[ConsentResult] = []
    codes = [code_of(exact), code_of(exact, BAKKER)]
    while_exact_answers(app, monkeypatch, lambda: told.append(come_back(app, second, code=codes[1])))

    assert come_back(app, first, code=codes[0]).outcome is Outcome.GRANTED

    assert told[0].outcome is Outcome.LINK_USED
    assert "another" in told[0].sentence
    assert "Nobody" in told[0].who
    assert len(exact.engine.calls("token")) == 1
    assert grants(app) == 1


def test_a_browser_that_returns_later_is_told_the_same(
    app: Application, exact: RunningSimulator, token: str
) -> None:
    first, second = (begin_customer_consent(app, token) for _browser in range(2))
    assert come_back(app, first, code=code_of(exact)).outcome is Outcome.GRANTED
    assert come_back(app, second, code=code_of(exact)).outcome is Outcome.LINK_USED
    assert len(exact.engine.calls("token")) == 1


def test_the_link_does_not_open_while_its_consent_is_with_exact(
    app: Application, exact: RunningSimulator, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = begin_customer_consent(app, token)

    def look() -> None:
        with pytest.raises(NotFound, match="at this moment"):
            open_customer_link(app, token)

    while_exact_answers(app, monkeypatch, look)
    assert come_back(app, attempt, code=code_of(exact)).outcome is Outcome.GRANTED


def test_a_link_withdrawn_while_exact_fails_stays_withdrawn(
    app: Application, office: Office, exact: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = begin_customer_consent(app, office.token)
    while_exact_answers(app, monkeypatch, lambda: revoke_customer_link(app, office.alice, office.number))
    exact.engine.add_fault("unavailable", endpoint="token")
    assert not come_back(app, attempt, code=code_of(exact)).outcome.arrived
    with pytest.raises(NotFound, match="withdrawn"):
        open_customer_link(app, office.token)


def test_disconnecting_while_exact_answers_withdraws_the_link(
    app: Application, office: Office, exact: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = begin_customer_consent(app, office.token)
    while_exact_answers(app, monkeypatch, lambda: disconnect(app, office.alice, office.number))
    assert come_back(app, attempt, code=code_of(exact)).outcome is Outcome.WITHDRAWN
    with pytest.raises(NotFound, match="withdrawn"):
        open_customer_link(app, office.token)
    assert grants(app) == 0


def test_a_consent_that_never_came_back_from_exact_gives_the_link_back(
    app: Application, exact: RunningSimulator, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process died in the middle; and should it have slept only, what it brings is let go."""
    lost = begin_customer_consent(app, token)
    later: list[Outcome] = []

    def much_later() -> None:
        with clock.shifted(timedelta(minutes=5)):
            later.append(
                come_back(app, begin_customer_consent(app, token), code=code_of(exact, BAKKER)).outcome
            )

    while_exact_answers(app, monkeypatch, much_later)
    assert come_back(app, lost, code=code_of(exact)).outcome is Outcome.WITHDRAWN
    assert later == [Outcome.GRANTED]
    assert grants(app) == 1
