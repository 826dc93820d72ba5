"""The client against a whole Exact Online: the simulator, over the wire."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from core import clock
from core.exact.client import ExactClient
from core.exact.errors import ExactError, FailureKind
from core.exact.oauth import TokenPair
from core.settings import Settings
from core.simulator.server import RunningSimulator

TEST_USER = "test@testbv.example"
ACCOUNTANT = "kantoor@vandijk-accountants.example"
VERIFIER = "v" * 43
WAIT = timedelta(seconds=571)


@pytest.fixture
def client(settings: Settings, simulator: RunningSimulator) -> Iterator[ExactClient]:
    made = ExactClient(settings)
    yield made
    made.close()


@pytest.fixture
def pair(client: ExactClient, simulator: RunningSimulator) -> TokenPair:
    return client.exchange("nl", simulator.engine.grant_code("nl", TEST_USER), VERIFIER)


def refused(client: ExactClient, token: str) -> ExactError:
    with pytest.raises(ExactError) as caught:
        client.refresh("nl", token)
    return caught.value


def test_a_code_leads_to_the_user_and_the_administrations(client: ExactClient, pair: TokenPair) -> None:
    me = client.me("nl", pair.access_token)
    assert me.full_name == "Tessa Test"
    found = client.divisions("nl", pair.access_token, [me.current_division])
    assert {d.name: d.status for d in found} == {
        "Test B.V.": 1,
        "Test Webshop B.V.": 1,
        "Test B.V. (archief 2019)": 2,
    }
    client.probe("nl", pair.access_token, found[0].code)


def test_an_accountant_has_more_than_one_page(client: ExactClient, simulator: RunningSimulator) -> None:
    pair = client.exchange("nl", simulator.engine.grant_code("nl", ACCOUNTANT), VERIFIER)
    current = client.me("nl", pair.access_token).current_division
    found = client.divisions("nl", pair.access_token, [current])
    assert {d.code for d in found} == {d.code for d in simulator.engine.divisions("nl", ACCOUNTANT)}
    assert len(found) > 60


def test_a_division_that_is_not_permitted_is_forbidden(
    client: ExactClient, simulator: RunningSimulator, pair: TokenPair
) -> None:
    simulator.engine.set_scope("nl", TEST_USER, [1001001])
    client.probe("nl", pair.access_token, 1001001)
    with pytest.raises(ExactError) as caught:
        client.probe("nl", pair.access_token, 1001002)
    assert caught.value.kind == FailureKind.FORBIDDEN


def test_a_refresh_turns_the_chain(client: ExactClient, pair: TokenPair) -> None:
    with clock.shifted(WAIT):
        successor = client.refresh("nl", pair.refresh_token)
        assert client.me("nl", successor.access_token).full_name == "Tessa Test"
    with clock.shifted(2 * WAIT):
        error = refused(client, pair.refresh_token)
        assert (error.kind, error.exact_message) == (FailureKind.REFUSED, "Old refresh token used.")


def test_a_refresh_too_early_is_told_apart(client: ExactClient, pair: TokenPair) -> None:
    assert refused(client, pair.refresh_token).kind == FailureKind.TOO_EARLY


def test_a_refresh_after_thirty_days_is_refused(client: ExactClient, pair: TokenPair) -> None:
    with clock.shifted(timedelta(days=30, minutes=1)):
        error = refused(client, pair.refresh_token)
    assert error.kind == FailureKind.REFUSED
    assert "expired" in error.exact_message


def test_a_second_consent_of_the_same_user_ends_the_first(
    client: ExactClient, simulator: RunningSimulator, pair: TokenPair
) -> None:
    client.exchange("nl", simulator.engine.grant_code("nl", TEST_USER), VERIFIER)
    with clock.shifted(WAIT):
        error = refused(client, pair.refresh_token)
    assert error.kind == FailureKind.REFUSED
    assert "chainId" in error.exact_message


def test_a_code_works_once_and_for_three_minutes(client: ExactClient, simulator: RunningSimulator) -> None:
    used, late = (simulator.engine.grant_code("nl", user) for user in (TEST_USER, ACCOUNTANT))
    client.exchange("nl", used, VERIFIER)
    with clock.shifted(timedelta(seconds=181)):
        for code in (used, late):
            with pytest.raises(ExactError) as caught:
                client.exchange("nl", code, VERIFIER)
            assert caught.value.kind == FailureKind.REFUSED
            assert "three minutes" in caught.value.message


def test_a_token_of_another_country_is_not_accepted(client: ExactClient, pair: TokenPair) -> None:
    with pytest.raises(ExactError) as caught:
        client.me("be", pair.access_token)
    assert caught.value.kind == FailureKind.NOT_AUTHENTICATED


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("drop", FailureKind.UNKNOWN),
        ("unavailable", FailureKind.OUTAGE),
        ("bad_gateway", FailureKind.OUTAGE),
        ("gateway_timeout", FailureKind.OUTAGE),
        ("server_error", FailureKind.OUTAGE),
        ("maintenance", FailureKind.OUTAGE),
        ("rate_limited", FailureKind.RATE_LIMITED),
        ("rate_limited_daily", FailureKind.RATE_LIMITED),
        ("rate_limited_bare", FailureKind.RATE_LIMITED),
        ("invalid_grant", FailureKind.REFUSED),
        ("old_token", FailureKind.REFUSED),
        ("too_early", FailureKind.TOO_EARLY),
        ("redirect", FailureKind.UNKNOWN),
        ("cut", FailureKind.UNKNOWN),
        ("truncated_json", FailureKind.UNKNOWN),
        ("rotate_then_drop", FailureKind.UNKNOWN),
        ("rotate_then_cut", FailureKind.UNKNOWN),
        ("rotate_then_500", FailureKind.OUTAGE),
        ("rotate_then_maintenance", FailureKind.OUTAGE),
        ("without_refresh_token", FailureKind.UNKNOWN),
    ],
)
def test_every_fault_of_the_token_address_has_its_kind(
    client: ExactClient, simulator: RunningSimulator, pair: TokenPair, fault: str, kind: FailureKind
) -> None:
    simulator.engine.add_fault(fault, endpoint="token")
    with clock.shifted(WAIT):
        error = refused(client, pair.refresh_token)
    assert error.kind == kind
    assert (error.retry_at is not None) == (fault in {"rate_limited", "rate_limited_daily"})


@pytest.mark.parametrize("fault", ["delay", "slow_drip"])
def test_an_answer_that_takes_too_long_is_not_waited_for(
    settings: Settings, simulator: RunningSimulator, pair: TokenPair, fault: str
) -> None:
    simulator.engine.add_fault(fault, endpoint="token", seconds=1.5)
    hasty = ExactClient(settings.model_copy(update={"token_timeout_seconds": 0.7}))
    with clock.shifted(WAIT):
        assert refused(hasty, pair.refresh_token).kind == FailureKind.UNKNOWN
    hasty.close()


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("unauthorized", FailureKind.NOT_AUTHENTICATED),
        ("scope_violated", FailureKind.FORBIDDEN),
        ("wrong_division", FailureKind.FORBIDDEN),
        ("outside_scope", FailureKind.FORBIDDEN),
        ("maintenance", FailureKind.OUTAGE),
        ("rate_limited", FailureKind.RATE_LIMITED),
        ("truncated_json", FailureKind.UNKNOWN),
    ],
)
def test_every_fault_of_the_api_has_its_kind(
    client: ExactClient, simulator: RunningSimulator, pair: TokenPair, fault: str, kind: FailureKind
) -> None:
    simulator.engine.add_fault(fault, endpoint="divisions")
    with pytest.raises(ExactError) as caught:
        client.divisions("nl", pair.access_token, 1001001)
    assert caught.value.kind == kind


def test_an_odd_life_counts_as_ten_minutes(
    client: ExactClient, simulator: RunningSimulator, pair: TokenPair
) -> None:
    simulator.engine.add_fault("odd_expires_in", endpoint="token", body='"soon"')
    with clock.shifted(WAIT):
        assert client.refresh("nl", pair.refresh_token).expires_at > clock.now() + timedelta(seconds=590)
