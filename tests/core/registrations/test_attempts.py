"""An attempt at consent: whose it is, for how long, and what is compared before a decision."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from core import clock
from core.accounts.operators import disable
from core.accounts.roles import CurrentOperator, Role
from core.application import Application
from core.errors import NotAllowed, NotFound
from core.exact.errors import ExactError, FailureKind
from core.exact.oauth import TokenPair
from core.registrations.administrations import save_administrations
from core.registrations.callback import complete_consent
from core.registrations.consent import Begun, begin_consent, create_consent
from core.registrations.customer_links import begin_customer_consent, create_customer_link, open_customer_link
from core.registrations.decisions import (
    Comparison,
    accept_candidate,
    compare_candidate,
    reject_candidate,
)
from core.registrations.failures import record_failure
from core.registrations.outcomes import Outcome
from core.registrations.register import register
from core.registrations.registration import registration
from core.registrations.status import Status
from core.registrations.timeline import timeline
from core.registrations.views import RegistrationForm
from core.simulator.server import RunningSimulator
from core.storage.models import Consent, CustomerLink
from tests.factories import make_operator

TEST_USER, BAKKER = "test@testbv.example", "info@bakkerbv.example"
ACCOUNTANT = "kantoor@vandijk-accountants.example"
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""What differs on PostgreSQL, who waits for whom, is tested with the consents themselves."""


@pytest.fixture
def alice(app: Application) -> CurrentOperator:
    return make_operator(app.database, "Alice", Role.ADMIN)


@pytest.fixture
def exact(app: Application, simulator: RunningSimulator) -> RunningSimulator:
    return simulator


@pytest.fixture
def number(app: Application, alice: CurrentOperator, exact: RunningSimulator) -> int:
    return register(app, alice, None, RegistrationForm(name="Test B.V.", environment="nl"))


def back(
    app: Application,
    begun: Begun,
    by: CurrentOperator | None,
    exact: RunningSimulator,
    *,
    user: str = TEST_USER,
    browser: str | None = None,
) -> Outcome:
    [state] = parse_qs(urlsplit(begun.authorize_url).query)["state"]
    query = [("code", exact.engine.grant_code("nl", user)), ("state", state)]
    return complete_consent(app, query, browser or begun.browser_token, by.id if by else None).outcome


def consents(
    app: Application, by: CurrentOperator, exact: RunningSimulator, number: int, user: str
) -> Outcome:
    return back(app, begin_consent(app, by, create_consent(app, by, number)), by, exact, user=user)


def later(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


# --- Whose, and for how long -------------------------------------------------------------------------------


def test_an_attempt_holds_for_ten_minutes_from_the_moment_of_leaving(
    app: Application, alice: CurrentOperator, exact: RunningSimulator, number: int
) -> None:
    consent = create_consent(app, alice, number)
    with clock.shifted(later(580)):
        begun = begin_consent(app, alice, consent)
    with clock.shifted(later(580 + 601)):
        assert back(app, begun, alice, exact) is Outcome.EXPIRED_STATE
    with clock.shifted(later(580 + 580)):
        assert back(app, begun, alice, exact) is Outcome.GRANTED


def test_an_attempt_that_is_over_is_not_begun_and_pressing_again_opens_another(
    app: Application, alice: CurrentOperator, number: int
) -> None:
    first = create_consent(app, alice, number)
    with clock.shifted(later(590)):
        assert create_consent(app, alice, number) == first
    with clock.shifted(later(700)):
        assert begin_consent(app, alice, first), "the second press made it last longer"
    with clock.shifted(later(1400)):
        with pytest.raises(NotFound):
            begin_consent(app, alice, first)
        assert create_consent(app, alice, number) != first


def test_an_attempt_is_its_operators_its_registrations_and_used_once(
    app: Application, alice: CurrentOperator, exact: RunningSimulator, number: int
) -> None:
    bob = make_operator(app.database, "Bob")
    other = register(app, alice, None, RegistrationForm(name="Other", environment="nl"))
    mine = create_consent(app, alice, number)
    assert len({mine, create_consent(app, bob, number), create_consent(app, alice, other)}) == 3
    with pytest.raises(NotFound):
        begin_consent(app, bob, mine)
    begun = begin_consent(app, alice, mine)
    assert back(app, begun, bob, exact) is Outcome.OTHER_OPERATOR
    assert back(app, begun, alice, exact, browser="another") is Outcome.OTHER_BROWSER
    assert back(app, begun, None, exact) is Outcome.GRANTED, "whose session ended meanwhile"
    assert back(app, begun, alice, exact) is Outcome.REUSED_STATE
    with pytest.raises(NotFound):
        begin_consent(app, alice, mine)
    assert create_consent(app, alice, number) != mine


def test_leaving_again_keeps_the_browser_and_the_state_of_before(
    app: Application, alice: CurrentOperator, exact: RunningSimulator, number: int
) -> None:
    consent = create_consent(app, alice, number)
    first = begin_consent(app, alice, consent)
    second = begin_consent(app, alice, consent, first.browser_token)
    assert second.browser_token == first.browser_token
    assert back(app, first, alice, exact) is Outcome.GRANTED
    assert back(app, second, alice, exact) is Outcome.GRANTED


def test_an_attempt_of_somebody_disabled_since_is_refused(
    app: Application, alice: CurrentOperator, exact: RunningSimulator, number: int
) -> None:
    bob = make_operator(app.database, "Bob")
    begun = begin_consent(app, bob, create_consent(app, bob, number))
    disable(app, alice, bob.id)
    assert back(app, begun, None, exact) is Outcome.OTHER_OPERATOR
    assert registration(app, alice, number).status is Status.WAITING_FOR_CONSENT


def test_the_verifier_is_gone_once_its_code_is_spent(
    app: Application, alice: CurrentOperator, exact: RunningSimulator, number: int
) -> None:
    consent = create_consent(app, alice, number)
    begun = begin_consent(app, alice, consent)
    back(app, begun, alice, exact)
    with app.database.read() as session:
        row = session.get_one(Consent, consent)
        assert (row.outcome, row.verifier, row.used_at is None) == (Outcome.GRANTED, None, False)


# --- A customer's link --------------------------------------------------------------------------------------


@pytest.fixture
def token(app: Application, alice: CurrentOperator, number: int) -> str:
    return create_customer_link(app, alice, number).rsplit("/", 1)[1]


def link(app: Application) -> CustomerLink:
    with app.database.read() as session:
        return session.query(CustomerLink).one()


def test_a_link_holds_for_seven_days(app: Application, token: str) -> None:
    with clock.shifted(timedelta(days=7) - later(30)):
        assert open_customer_link(app, token)
    with clock.shifted(timedelta(days=7) + later(1)), pytest.raises(NotFound, match="expired"):
        open_customer_link(app, token)


def test_that_a_link_was_opened_is_told_once(
    app: Application, alice: CurrentOperator, number: int, token: str
) -> None:
    open_customer_link(app, token)
    first = link(app).opened_at
    with clock.shifted(later(60)):
        open_customer_link(app, token)
    assert link(app).opened_at == first is not None
    assert [entry.kind for entry in timeline(app, alice, number)].count("link_opened") == 1
    assert link(app).used_at is None, "looking uses nothing up"


def test_a_link_is_held_for_as_long_as_exact_gets_and_then_given_back(
    app: Application, exact: RunningSimulator, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """120 s for the tokens, 60 s for who it is, and 30 s to spare."""
    attempt, code = begin_customer_consent(app, token), exact.engine.grant_code("nl", TEST_USER)
    exchange: Callable[..., TokenPair] = app.exact.exchange

    def slow(*given: object) -> TokenPair:
        with clock.shifted(later(190)), pytest.raises(NotFound, match="at this moment"):
            open_customer_link(app, token)
        with clock.shifted(later(211)):
            assert open_customer_link(app, token)
        assert link(app).used_at is None
        return exchange(*given)

    monkeypatch.setattr(app.exact, "exchange", slow)
    [state] = parse_qs(urlsplit(attempt.authorize_url).query)["state"]
    result = complete_consent(app, [("code", code), ("state", state)], attempt.browser_token, None)
    assert result.outcome is Outcome.WITHDRAWN, "it came to itself after all, and was given up"


# --- A decision ---------------------------------------------------------------------------------------------


@pytest.fixture
def undecided(app: Application, alice: CurrentOperator, exact: RunningSimulator, number: int) -> int:
    """Connected as Tessa, with two administrations; Bakker's accountant, who sees others, has consented since."""
    assert consents(app, alice, exact, number, BAKKER) is Outcome.GRANTED
    save_administrations(app, alice, number, [1002001])
    assert consents(app, alice, exact, number, ACCOUNTANT) is Outcome.NEEDS_DECISION
    return number


def test_before_a_decision_it_is_told_what_would_be_lost_kept_and_new(
    app: Application, alice: CurrentOperator, exact: RunningSimulator, undecided: int
) -> None:
    compared = compare_candidate(app, alice, undecided)
    assert (compared.lost, compared.kept) == ((), ("Bakker B.V.",))
    assert "Van Dijk Accountants B.V." in compared.new
    assert "Bakker B.V." not in compared.new
    assert consents(app, alice, exact, undecided, TEST_USER) is Outcome.NEEDS_DECISION
    compared = compare_candidate(app, alice, undecided)
    assert isinstance(compared, Comparison)
    assert (compared.lost, compared.kept) == (("Bakker B.V.",), ())
    assert set(compared.new) >= {"Test B.V.", "Test Webshop B.V."}


def test_the_other_login_is_read_once_it_is_accepted_and_an_old_failure_is_over(
    app: Application, alice: CurrentOperator, undecided: int
) -> None:
    record_failure(app, undecided, ExactError(FailureKind.FORBIDDEN))
    accept_candidate(app, alice, undecided)
    view = registration(app, alice, undecided)
    assert view.status is Status.CONNECTED
    assert view.candidate is None
    assert "Van Dijk Accountants B.V." in {a.name for a in view.administrations}
    assert timeline(app, alice, undecided)[0].at >= timeline(app, alice, undecided)[-1].at
    for decide in (accept_candidate, reject_candidate):
        with pytest.raises(NotFound, match="nothing left"):
            decide(app, alice, undecided)


def test_a_login_that_is_turned_down_changes_nothing(
    app: Application, alice: CurrentOperator, undecided: int
) -> None:
    reject_candidate(app, alice, undecided)
    view = registration(app, alice, undecided)
    told = next(e for e in timeline(app, alice, undecided) if e.kind == "candidate_rejected")
    assert "Anneke van Dijk" in told.sentence
    assert view.status is Status.CONNECTED
    assert view.candidate is None
    assert view.grant is not None
    assert view.grant.full_name == "Bram Bakker"


def test_deciding_is_for_who_registers(app: Application, alice: CurrentOperator, undecided: int) -> None:
    manager = make_operator(app.database, "Mo", Role.ACCOUNT_MANAGER)
    for act in (compare_candidate, accept_candidate, reject_candidate):
        with pytest.raises(NotAllowed):
            act(app, manager, undecided)
    assert registration(app, alice, undecided).candidate is not None
