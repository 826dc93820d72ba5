"""What to do about a grant now: a pure rule, limit by limit; and when a refusal proves nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from core import clock
from core.application import Application
from core.exact.errors import ExactError, FailureKind
from core.settings import Settings
from core.simulator.server import RunningSimulator
from core.storage.models import Grant, Incident
from core.tokens.grants import save_candidate
from core.tokens.rotation import Plan, access_token, plan
from tests.factories import make_incident

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HAND_OUT, SPEND, WAIT = Plan(hand_out=True), Plan(spend=True), Plan()


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def grant(**columns: object) -> Grant:
    """A row whose access token has ended, and whose refresh token may be spent, but for what is named."""
    ended: dict[str, object] = {
        "fingerprint": "parent",
        "access_token": b"sealed",
        "access_expires_at": ago(1),
        "rotated_at": ago(601),
        "failures": 0,
        "error_moments": [],
    }
    return Grant(**(ended | columns))


def lives(seconds: float = 300) -> dict[str, object]:
    return {"access_expires_at": NOW + timedelta(seconds=seconds)}


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({}, SPEND),
        (lives(), SPEND),  # it lives, and may be renewed
        ({"rotated_at": ago(570)}, SPEND),
        ({"rotated_at": ago(569), **lives()}, HAND_OUT),
        ({"rotated_at": ago(569), **lives(5)}, None),
        ({"rotated_at": ago(569), **lives(6)}, HAND_OUT),
        ({"rotated_at": ago(569), "access_token": None, **lives()}, None),
        ({"rotated_at": ago(569), "access_expires_at": None}, None),
        ({"next_try_at": ago(-1), "failures": 1, **lives()}, HAND_OUT),
        ({"next_try_at": ago(-1), "failures": 1}, None),
        ({"next_try_at": NOW}, SPEND),
        ({"lease_until": ago(-1), **lives()}, HAND_OUT),
        ({"lease_until": ago(-1)}, WAIT),
        ({"lease_until": NOW}, SPEND),
        ({"lease_until": ago(-1), "next_try_at": ago(-1)}, None),
        ({"fingerprint": None}, None),
        ({"fingerprint": None, **lives()}, None),
        ({"rotated_at": None}, None),
    ],
)
def test_hand_out_spend_wait_or_give_up(columns: dict[str, object], expected: Plan | None) -> None:
    made = plan(grant(**columns), Settings(), NOW)
    if expected is None:
        assert made.error is not None
        assert not (made.hand_out or made.spend)
    else:
        assert made == expected


def error(**columns: object) -> ExactError:
    found = plan(grant(**columns), Settings(), NOW).error
    assert found is not None
    return found


def test_each_way_to_give_up_says_why_and_from_when_to_try() -> None:
    early = error(rotated_at=ago(500))
    assert (early.kind, early.retry_at) == (FailureKind.TOO_EARLY, NOW + timedelta(seconds=70))
    empty = error(fingerprint=None)
    assert (empty.kind, empty.retry_at) == (FailureKind.REFUSED, None)
    failed = error(
        next_try_at=ago(-60), failures=2, last_failure_kind="outage", last_failure_message="Exact's words"
    )
    assert (failed.kind, failed.retry_at) == (FailureKind.OUTAGE, ago(-60))
    assert failed.exact_message == "Exact's words"
    forgiven = error(next_try_at=ago(-60), failures=0, last_failure_kind="outage")
    assert forgiven.kind == FailureKind.TOO_EARLY
    assert error(next_try_at=ago(-60), failures=1, last_failure_kind="of old").kind == FailureKind.UNKNOWN


def test_four_errors_within_the_hour_hold_it_whatever_came_after() -> None:
    moments = [ago(60 * minutes).timestamp() for minutes in (50, 40, 30, 20)]
    held = error(error_moments=moments)
    assert held.retry_at == NOW + timedelta(minutes=11)
    assert error(error_moments=moments, next_try_at=ago(-3600)).retry_at == ago(-3600)
    assert plan(grant(error_moments=moments, **lives()), Settings(), NOW) == HAND_OUT
    assert plan(grant(error_moments=moments[1:]), Settings(), NOW) == SPEND


# --- When a refusal proves nothing --------------------------------------------------------------------------


@pytest.fixture
def grant_id(simulator: RunningSimulator, app: Application) -> Iterator[str]:
    noon = (clock.now() + timedelta(days=1)).replace(hour=11)
    with clock.shifted(noon - clock.now()):
        code = simulator.engine.grant_code("nl", "test@testbv.example")
        made = save_candidate(app, "nl", app.exact.exchange("nl", code, "v" * 43))
        simulator.engine.revoke("nl", "test@testbv.example")
        yield made


def refused(app: Application, grant_id: str) -> Grant:
    with clock.shifted(timedelta(seconds=601)):
        with pytest.raises(ExactError) as caught:
            access_token(app, grant_id)
        assert caught.value.kind == FailureKind.REFUSED
    with app.database.read() as session:
        return session.get_one(Grant, grant_id)


def test_a_refusal_counts_by_day_and_from_the_first_on(app: Application, grant_id: str) -> None:
    row = refused(app, grant_id)
    assert (row.refusals, row.failures, row.last_failure_kind) == (1, 1, "refused")
    assert row.refused_since == row.last_failure_at is not None
    assert len(row.error_moments) == 1
    assert (row.lease_owner, row.lease_until) == (None, None)


@pytest.mark.parametrize("family", ["outage", "client"])
def test_a_refusal_counts_while_exact_has_other_trouble(app: Application, grant_id: str, family: str) -> None:
    make_incident(app.database, family=family)
    assert refused(app, grant_id).refusals == 1


def test_refusals_elsewhere_and_those_that_are_over_change_nothing(app: Application, grant_id: str) -> None:
    make_incident(app.database, "be", kind="refused", family="refusal")
    number = make_incident(app.database, kind="refused", family="refusal")
    with app.database.transaction() as session:
        session.get_one(Incident, number).closed_at = clock.now()
    assert refused(app, grant_id).refusals == 1
