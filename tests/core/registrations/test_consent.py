"""Consent at Exact, against the simulator: every way it can end, and what is kept of it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Literal
from urllib.parse import parse_qs, urlsplit

import pytest

from core.accounts.roles import CurrentOperator, Role
from core.application import Application
from core.errors import Conflict, InvalidInput, NotAllowed, NotFound
from core.exact.errors import ExactError, FailureKind
from core.exact.oauth import TokenPair
from core.exact.transport import Keeper
from core.registrations.administrations import compare_name, save_administrations
from core.registrations.callback import complete_consent
from core.registrations.checks import check_now
from core.registrations.consent import Begun, begin_consent, create_consent
from core.registrations.customer_links import create_customer_link
from core.registrations.decisions import (
    accept_candidate,
    compare_consent,
)
from core.registrations.names import NameMatch
from core.registrations.outcomes import ConsentResult, Outcome
from core.registrations.register import delete, disconnect, register
from core.registrations.registration import registration
from core.registrations.status import Status
from core.registrations.timeline import timeline
from core.registrations.views import RegistrationForm
from core.simulator.server import RunningSimulator
from core.storage.models import Consent, Grant
from core.tokens.rotation import access_token
from tests.factories import make_operator

TEST_USER = "test@testbv.example"
BAKKER = "info@bakkerbv.example"
ACCOUNTANT = "kantoor@vandijk-accountants.example"
Divisions = Collection[int] | Literal["all"]
ALL: Divisions = "all"


@pytest.fixture
def alice(app: Application) -> CurrentOperator:
    return make_operator(app.database, "Alice")


@pytest.fixture
def exact(app: Application, simulator: RunningSimulator) -> RunningSimulator:
    return simulator


def registered(app: Application, by: CurrentOperator, name: str = "Test B.V.") -> int:
    return register(app, by, None, RegistrationForm(name=name, environment="nl"))


def begun(app: Application, by: CurrentOperator, number: int) -> Begun:
    return begin_consent(app, by, create_consent(app, by, number))


def state_of(attempt: Begun) -> str:
    return parse_qs(urlsplit(attempt.authorize_url).query)["state"][0]


def code_of(exact: RunningSimulator, user: str, divisions: Divisions = ALL) -> str:
    return exact.engine.grant_code("nl", user, divisions)


def connect(
    app: Application,
    by: CurrentOperator,
    exact: RunningSimulator,
    number: int,
    user: str = TEST_USER,
    *,
    divisions: Divisions = ALL,
) -> Outcome:
    return result_of(app, by, exact, number, user, divisions=divisions).outcome


def result_of(
    app: Application,
    by: CurrentOperator,
    exact: RunningSimulator,
    number: int,
    user: str = TEST_USER,
    *,
    divisions: Divisions = ALL,
) -> ConsentResult:
    attempt = begun(app, by, number)
    query = [("code", code_of(exact, user, divisions)), ("state", state_of(attempt))]
    return complete_consent(app, query, attempt.browser_token, by.id)


def test_consent_brings_user_and_administrations(
    app: Application, alice: CurrentOperator, exact: RunningSimulator
) -> None:
    number = registered(app, alice)
    assert connect(app, alice, exact, number) is Outcome.GRANTED
    view = registration(app, alice, number)
    assert view.status is Status.CHOOSE_ADMINISTRATIONS
    assert view.grant is not None
    assert view.grant.full_name == "Tessa Test"
    assert {a.name for a in view.administrations} >= {"Test B.V.", "Test Webshop B.V."}
    assert compare_name(view).match is NameMatch.SAME
    save_administrations(app, alice, number, [1001001, 1001002])
    view = registration(app, alice, number)
    assert view.status is Status.CONNECTED
    assert {a.code for a in view.linked} == {1001001, 1001002}


def test_the_authorize_address_asks_for_a_login_and_carries_no_secret(
    app: Application, alice: CurrentOperator, exact: RunningSimulator
) -> None:
    attempt = begun(app, alice, registered(app, alice))
    query = parse_qs(urlsplit(attempt.authorize_url).query)
    assert query["force_login"] == ["1"]
    assert query["redirect_uri"] == ["http://localhost:8501/exact/callback"]
    assert "client_secret" not in query
    assert attempt.browser_token not in repr(attempt)


def test_a_double_click_makes_one_attempt(
    app: Application, alice: CurrentOperator, exact: RunningSimulator
) -> None:
    number = registered(app, alice)
    assert create_consent(app, alice, number) == create_consent(app, alice, number)
    assert [e.kind for e in timeline(app, alice, number)].count("consent_started") == 1


def test_a_mismatching_name_is_pointed_out(
    app: Application, alice: CurrentOperator, exact: RunningSimulator
) -> None:
    number = registered(app, alice, "Garage Pietersen")
    connect(app, alice, exact, number)
    assert compare_name(registration(app, alice, number)).match is NameMatch.DIFFERENT


def test_seventy_administrations_come_over_two_pages(
    app: Application, alice: CurrentOperator, exact: RunningSimulator
) -> None:
    number = registered(app, alice, "Van Dijk")
    connect(app, alice, exact, number, ACCOUNTANT)
    assert len(registration(app, alice, number).administrations) > 60


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ([("error", "access_denied")], Outcome.REFUSED),
        ([("error", "server_error")], Outcome.PROVIDER_ERROR),
        ([("error", "<script>")], Outcome.PROVIDER_ERROR),
        ([], Outcome.MISSING_CODE),
        ([("code", "")], Outcome.MISSING_CODE),
        ([("code", "x" * 1_000_000)], Outcome.MISSING_CODE),
        ([("code", "a"), ("code", "b")], Outcome.DOUBLED_PARAMETER),
        ([("code", "not a code")], Outcome.TOKEN_ERROR),
    ],
)
def test_every_other_answer_ends_in_its_own_way(
    app: Application,
    alice: CurrentOperator,
    exact: RunningSimulator,
    change: list[tuple[str, str]],
    outcome: Outcome,
) -> None:
    number = registered(app, alice)
    attempt = begun(app, alice, number)
    query = [("state", state_of(attempt)), *change]
    result = complete_consent(app, query, attempt.browser_token, alice.id)
    assert result.outcome is outcome
    assert result.title
    assert result.sentence
    assert result.who
    assert result.next_step
    refused = outcome is Outcome.REFUSED  # which has a status of its own: it leads wherever it is shown
    expected = Status.CONSENT_DENIED if refused else Status.WAITING_FOR_CONSENT
    assert registration(app, alice, number).status is expected


def test_an_unknown_state_is_not_believed(app: Application, exact: RunningSimulator) -> None:
    query = [("code", code_of(exact, TEST_USER)), ("state", "made up")]
    assert complete_consent(app, query, "browser", None).outcome is Outcome.UNKNOWN_STATE
    assert complete_consent(app, query[:1], "browser", None).outcome is Outcome.UNKNOWN_STATE


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("maintenance", Outcome.MAINTENANCE),
        ("unavailable", Outcome.MAINTENANCE),
        ("truncated_json", Outcome.TIMEOUT),
    ],
)
def test_exact_failing_at_the_exchange_is_explained(
    app: Application, alice: CurrentOperator, exact: RunningSimulator, fault: str, outcome: Outcome
) -> None:
    attempt = begun(app, alice, registered(app, alice))
    query = [("code", code_of(exact, TEST_USER)), ("state", state_of(attempt))]
    exact.engine.add_fault(fault, endpoint="token")
    assert complete_consent(app, query, attempt.browser_token, alice.id).outcome is outcome


def test_tokens_are_kept_when_exact_does_not_say_whose_they_are(
    app: Application, alice: CurrentOperator, exact: RunningSimulator
) -> None:
    number = registered(app, alice)
    attempt = begun(app, alice, number)
    query = [("code", code_of(exact, TEST_USER)), ("state", state_of(attempt))]
    exact.engine.add_fault("unavailable", times=None, endpoint="me")
    result = complete_consent(app, query, attempt.browser_token, alice.id)
    assert result.outcome is Outcome.UNIDENTIFIED
    exact.engine.clear_faults()
    check_now(app, alice, number)
    view = registration(app, alice, number)
    assert view.grant is not None
    assert view.grant.full_name == "Tessa Test"
    assert view.status is Status.CHOOSE_ADMINISTRATIONS


def test_an_accountants_three_customers_all_stay_alive(
    app: Application, alice: CurrentOperator, exact: RunningSimulator
) -> None:
    numbers = [registered(app, alice, f"Klant {n}") for n in range(3)]
    for index, number in enumerate(numbers):
        assert connect(app, alice, exact, number, ACCOUNTANT) is Outcome.GRANTED
        save_administrations(app, alice, number, [2001001 + index])
    for number in numbers:
        check_now(app, alice, number)
        view = registration(app, alice, number)
        assert view.status is Status.CONNECTED
        assert view.grant is not None
        assert len(view.grant.shared_with) == 2


def test_reconnecting_with_the_same_login_keeps_links_and_history(
    app: Application, alice: CurrentOperator, exact: RunningSimulator
) -> None:
    number = registered(app, alice)
    connect(app, alice, exact, number)
    save_administrations(app, alice, number, [1001001])
    before = registration(app, alice, number)
    assert connect(app, alice, exact, number) is Outcome.GRANTED
    after = registration(app, alice, number)
    assert after.status is Status.CONNECTED
    assert [a.code for a in after.linked] == [1001001]
    assert after.grant is not None
    assert before.grant is not None
    assert after.grant.id == before.grant.id


def test_a_reconnect_that_changes_nothing_asks_nothing(
    app: Application, alice: CurrentOperator, exact: RunningSimulator
) -> None:
    number = registered(app, alice)
    assert not result_of(app, alice, exact, number).unchanged
    save_administrations(app, alice, number, [1001001])
    assert result_of(app, alice, exact, number).unchanged


def test_a_reconnect_that_permits_less_is_compared_and_unlinks_nothing(
    app: Application, alice: CurrentOperator, exact: RunningSimulator
) -> None:
    number = registered(app, alice)
    connect(app, alice, exact, number)
    save_administrations(app, alice, number, [1001001, 1001002])
    again = result_of(app, alice, exact, number, divisions=[1001002])
    assert (again.outcome, again.unchanged) == (Outcome.GRANTED, False)
    view = registration(app, alice, number)
    compared = compare_consent(view)
    assert len(compared.lost) == len(compared.kept) == 1
    assert {a.code for a in view.linked} == {1001001, 1001002}


def test_the_other_login_may_take_over(
    app: Application, alice: CurrentOperator, exact: RunningSimulator
) -> None:
    number = registered(app, alice, "Bakker B.V.")
    connect(app, alice, exact, number, BAKKER)
    save_administrations(app, alice, number, [1002001])
    connect(app, alice, exact, number, ACCOUNTANT)
    accept_candidate(app, alice, number)
    view = registration(app, alice, number)
    assert view.grant is not None
    assert view.grant.full_name == "Anneke van Dijk"
    assert [a.code for a in view.linked] == [1002001]
    assert view.status is Status.CONNECTED


def test_what_is_no_longer_permitted_shows(
    app: Application, alice: CurrentOperator, exact: RunningSimulator
) -> None:
    number = registered(app, alice)
    connect(app, alice, exact, number)
    save_administrations(app, alice, number, [1001001, 1001002])
    connect(app, alice, exact, number, divisions=[1001001])
    view = registration(app, alice, number)
    assert view.status is Status.PARTLY_CONNECTED
    assert {a.code: a.permitted for a in view.linked} == {1001001: True, 1001002: False}


def test_an_administration_is_linked_in_one_registration(
    app: Application, alice: CurrentOperator, exact: RunningSimulator
) -> None:
    one, other = registered(app, alice, "Bakker B.V."), registered(app, alice, "Van Dijk")
    connect(app, alice, exact, one, BAKKER)
    save_administrations(app, alice, one, [1002001])
    connect(app, alice, exact, other, ACCOUNTANT)
    taken = next(a for a in registration(app, alice, other).administrations if a.code == 1002001)
    assert taken.taken_by == (one, "Bakker B.V.")
    with pytest.raises(Conflict, match=r"Bakker B\.V\."):
        save_administrations(app, alice, other, [1002001])
    disconnect(app, alice, one)
    save_administrations(app, alice, other, [1002001])


def test_nothing_or_an_archived_or_unknown_administration_cannot_be_saved(
    app: Application, alice: CurrentOperator, exact: RunningSimulator
) -> None:
    number = registered(app, alice)
    with pytest.raises(InvalidInput, match="no consent"):
        save_administrations(app, alice, number, [1001001])
    connect(app, alice, exact, number)
    for codes in ([], [1001003], [999]):
        with pytest.raises(InvalidInput):
            save_administrations(app, alice, number, codes)


def test_a_check_finds_an_outage_and_its_end(
    app: Application, alice: CurrentOperator, exact: RunningSimulator
) -> None:
    from core.exact.errors import ExactError

    number = registered(app, alice)
    connect(app, alice, exact, number)
    save_administrations(app, alice, number, [1001001])
    exact.engine.add_fault("unavailable", times=None, endpoint="divisions")
    with pytest.raises(ExactError):
        check_now(app, alice, number)
    view = registration(app, alice, number)
    assert view.status is Status.EXACT_OUTAGE
    assert view.last_success_at is not None
    exact.engine.clear_faults()
    check_now(app, alice, number)
    assert registration(app, alice, number).status is Status.CONNECTED


def test_a_paused_registration_is_not_sent_to_exact(
    app: Application, alice: CurrentOperator, exact: RunningSimulator
) -> None:
    number = register(app, alice, None, RegistrationForm("Test B.V.", "nl", active=False))
    with pytest.raises(InvalidInput, match="not active"):
        create_consent(app, alice, number)


def test_an_account_manager_may_not_connect(
    app: Application, alice: CurrentOperator, exact: RunningSimulator
) -> None:
    bob = make_operator(app.database, "Bob", Role.ACCOUNT_MANAGER)
    number = registered(app, alice)
    for forbidden in (create_consent, create_customer_link, check_now):
        with pytest.raises(NotAllowed):
            forbidden(app, bob, number)


def test_no_token_is_stored_in_the_clear(
    app: Application, alice: CurrentOperator, exact: RunningSimulator
) -> None:
    number = registered(app, alice)
    connect(app, alice, exact, number)
    with app.database.read() as session:
        grant = session.query(Grant).one()
        token = access_token(app, grant.id)
        consent = session.query(Consent).one()
        stored = b"".join(x or b"" for x in (grant.access_token, grant.refresh_token, consent.verifier))
    assert token.encode() not in stored
    assert b"stamp" not in stored


def test_whoever_disconnects_while_exact_answers_stays_disconnected(
    app: Application, alice: CurrentOperator, exact: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = registered(app, alice)
    attempt, code = begun(app, alice, number), code_of(exact, TEST_USER)
    exchange = app.exact.exchange

    def slow(environment: str, code: str, verifier: str, keeper: Keeper) -> object:
        pair = exchange(environment, code, verifier, keeper)
        disconnect(app, alice, number)
        return pair

    monkeypatch.setattr(app.exact, "exchange", slow)
    result = complete_consent(
        app, [("code", code), ("state", state_of(attempt))], attempt.browser_token, alice.id
    )

    assert (result.outcome, result.registration_id) == (Outcome.WITHDRAWN, number)
    assert registration(app, alice, number).status is Status.DISCONNECTED
    with app.database.read() as session:
        assert session.query(Grant).count() == 0


@pytest.mark.parametrize("let_go", [disconnect, delete])
def test_a_consent_that_is_let_go_keeps_the_others_of_its_login_alive(
    app: Application,
    alice: CurrentOperator,
    exact: RunningSimulator,
    monkeypatch: pytest.MonkeyPatch,
    let_go: Callable[[Application, CurrentOperator, int], None],
) -> None:
    first, number = registered(app, alice, "Van Dijk"), registered(app, alice, "Aalbers")
    connect(app, alice, exact, first, ACCOUNTANT)
    attempt, code = begun(app, alice, number), code_of(exact, ACCOUNTANT)
    exchange = app.exact.exchange
    newest: list[TokenPair] = []

    def slow(environment: str, code: str, verifier: str, keeper: Keeper) -> TokenPair:
        newest.append(exchange(environment, code, verifier, keeper))
        let_go(app, alice, number)
        return newest[0]

    monkeypatch.setattr(app.exact, "exchange", slow)
    complete_consent(app, [("code", code), ("state", state_of(attempt))], attempt.browser_token, alice.id)

    view = registration(app, alice, first)
    assert view.grant is not None
    assert access_token(app, view.grant.id) == newest[0].access_token


def test_a_registration_deleted_while_exact_fails_is_no_fault_of_ours(
    app: Application, alice: CurrentOperator, exact: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = registered(app, alice)
    attempt = begun(app, alice, number)

    def failing(*_given: str) -> object:
        delete(app, alice, number)
        raise ExactError(FailureKind.OUTAGE)

    monkeypatch.setattr(app.exact, "exchange", failing)
    result = complete_consent(
        app, [("code", "code"), ("state", state_of(attempt))], attempt.browser_token, alice.id
    )

    assert (result.outcome, result.registration_id) == (Outcome.WITHDRAWN, None)


def test_an_attempt_of_an_odd_name_is_none(app: Application, alice: CurrentOperator) -> None:
    for odd in ("", "\x00", "a" * 5_000, "' OR 1=1"):
        with pytest.raises(NotFound):
            begin_consent(app, alice, odd)
