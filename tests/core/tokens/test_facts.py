"""When a grant lapses, when it is dead, and when to try again."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from core.exact.errors import FailureKind
from core.settings import Settings
from core.storage.models import Grant
from core.tokens import facts as rules
from core.tokens.facts import (
    errors_within_the_hour,
    followed,
    grant_is_dead,
    has_lapsed,
    in_quiet_hour,
    lapses_at,
    next_keep_alive,
    next_try,
    refusals_after,
    refusals_in_a_row,
    refused_at,
    within_budget,
)

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Facts:
    refusals: int = 0
    refused_since: datetime | None = None
    last_failure_at: datetime | None = None


@pytest.mark.parametrize(
    ("facts", "dead"),
    [
        (Facts(), False),
        (Facts(1, AT, AT), False),
        (Facts(2, AT, AT + 5 * HOUR), False),
        (Facts(3, AT, AT + timedelta(minutes=119)), False),
        (Facts(3, AT, AT + 2 * HOUR), True),
        (Facts(9, AT, AT + timedelta(minutes=5)), False),
        (Facts(9, None, AT), False),
        (Facts(9, AT, None), False),
    ],
)
def test_only_three_refusals_over_two_hours_are_certain(facts: Facts, dead: bool) -> None:
    assert grant_is_dead(facts) is dead


def test_a_lapsed_grant_is_dead_without_any_refusal() -> None:
    lapses = lapses_at(AT, Settings())
    assert lapses == AT + timedelta(days=30)
    assert grant_is_dead(Facts(), lapses=lapses, now=lapses)
    assert not grant_is_dead(Facts(), lapses=lapses, now=lapses - timedelta(seconds=1))
    assert has_lapsed(AT, Settings(), lapses)
    assert not has_lapsed(AT, Settings(), lapses - timedelta(seconds=1))
    assert not has_lapsed(None, Settings(), lapses)


@pytest.mark.parametrize(
    ("kind", "failures", "seconds"),
    [
        (FailureKind.NOT_SENT, 1, 5),
        (FailureKind.NOT_SENT, 9, 60),
        (FailureKind.UNKNOWN, 1, 15),
        (FailureKind.UNKNOWN, 2, 600),
        (FailureKind.OUTAGE, 3, 1200),
        (FailureKind.OUTAGE, 4, 3600),
        (FailureKind.OUTAGE, 50, 14_400),
        (FailureKind.RATE_LIMITED, 1, 600),
        (FailureKind.REFUSED, 1, 600),
        (FailureKind.REFUSED, 2, 7200),
        (FailureKind.CLIENT, 1, 600),
    ],
)
def test_waits_grow_as_failures_follow_each_other(kind: FailureKind, failures: int, seconds: int) -> None:
    assert next_try(kind, failures, AT) == AT + timedelta(seconds=seconds)


def test_a_moment_that_exact_named_counts_unless_it_has_passed() -> None:
    assert next_try(FailureKind.RATE_LIMITED, 1, AT, AT + HOUR) == AT + HOUR
    assert next_try(FailureKind.RATE_LIMITED, 1, AT, AT - HOUR) > AT


@pytest.mark.parametrize("kind", sorted(set(FailureKind) - {FailureKind.NOT_SENT, FailureKind.TOO_EARLY}))
def test_no_hour_sees_more_than_four_error_answers(kind: FailureKind) -> None:
    tries = [AT]
    while len(tries) < 20:
        tries.append(next_try(kind, len(tries), tries[-1]))
    busiest = max(sum(start <= moment < start + HOUR for moment in tries) for start in tries)
    assert busiest <= 4


def test_refusals_as_they_are_spaced_become_certain_at_the_third() -> None:
    first = AT
    second = next_try(FailureKind.REFUSED, 1, first)
    third = next_try(FailureKind.REFUSED, 2, second)
    assert not grant_is_dead(Facts(2, first, second))
    assert grant_is_dead(Facts(3, first, third))


def test_a_late_answer_is_waited_for_and_does_not_shorten_the_ladder() -> None:
    assert next_try(FailureKind.UNKNOWN, 1, AT, AT + HOUR / 30) == AT + HOUR / 30
    assert next_try(FailureKind.UNKNOWN, 5, AT, AT + HOUR / 30) == AT + 4 * HOUR


@pytest.mark.parametrize(
    ("kinds", "seconds"),
    [
        ((FailureKind.NOT_SENT,), [5, 15, 60, 60]),
        ((FailureKind.UNKNOWN, FailureKind.OUTAGE), [15, 600, 1200, 3600, 14_400, 14_400]),
        ((FailureKind.RATE_LIMITED,), [600, 3600, 3600]),
        ((FailureKind.REFUSED,), [600, 7200, 14_400, 86_400, 86_400]),
        (
            (
                *(FailureKind.CLIENT, FailureKind.FORBIDDEN, FailureKind.BAD_REQUEST, FailureKind.OURS),
                *(FailureKind.NOT_AUTHENTICATED, FailureKind.TOO_EARLY),
            ),
            [600, 1200, 3600, 14_400, 14_400],
        ),
    ],
)
def test_every_rung_of_every_ladder(kinds: tuple[FailureKind, ...], seconds: list[int]) -> None:
    for kind in kinds:
        waits = [next_try(kind, failures, AT) - AT for failures in range(1, len(seconds) + 1)]
        assert waits == [timedelta(seconds=each) for each in seconds], kind
        assert next_try(kind, 0, AT) == AT + waits[0], "before the first is as the first"


def test_a_moment_that_is_now_is_no_moment_to_wait_for() -> None:
    ten_minutes = AT + timedelta(minutes=10)
    assert next_try(FailureKind.RATE_LIMITED, 1, AT, AT) == ten_minutes
    assert next_try(FailureKind.RATE_LIMITED, 1, AT, AT + timedelta(seconds=1)) == AT + timedelta(seconds=1)
    assert next_try(FailureKind.UNKNOWN, 2, AT, AT + timedelta(seconds=1)) == ten_minutes
    assert next_try(FailureKind.OUTAGE, 2, AT, AT + timedelta(seconds=1)) == AT + timedelta(seconds=1)


def moments(*minutes_ago: float) -> list[float]:
    return [(AT - timedelta(minutes=each)).timestamp() for each in minutes_ago]


@pytest.mark.parametrize(
    ("errors", "wait"),
    [
        ((), 0),
        ((59, 58, 57), 0),
        ((59, 58, 57, 0), 2),
        ((10, 5, 1, 0), 51),
        ((0, 0, 0, 0), 61),
        ((55, 10, 5, 1, 0), 51),
    ],
)
def test_after_four_errors_the_hour_of_the_first_is_waited_out(errors: tuple[float, ...], wait: int) -> None:
    free = AT + timedelta(minutes=wait)
    assert within_budget(moments(*errors), AT) == free
    planned = next_try(FailureKind.OUTAGE, 1, AT, errors=moments(*errors))
    assert planned == max(free, AT + timedelta(seconds=15))


def test_errors_of_the_last_hour_are_kept_four_at_the_most() -> None:
    now = AT.timestamp()
    assert errors_within_the_hour([], AT) == [now]
    assert errors_within_the_hour(moments(61, 60, 59.9, 1), AT) == [*moments(59.9, 1), now]
    assert errors_within_the_hour(moments(40, 30, 20, 10), AT) == [*moments(30, 20, 10), now]


@pytest.mark.parametrize(
    ("moment", "quiet"),
    [
        (datetime(2026, 11, 23, 23, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 24, 0, 0, tzinfo=UTC), True),
        (datetime(2026, 11, 24, 0, 59, 59, tzinfo=UTC), True),
        (datetime(2026, 11, 24, 1, 0, tzinfo=UTC), False),
        (datetime(2026, 7, 23, 23, 30, tzinfo=UTC), True),  # in summer the Dutch are two hours ahead
        (datetime(2026, 7, 24, 0, 30, tzinfo=UTC), False),
    ],
)
def test_the_quiet_hour_is_from_one_to_two_in_the_netherlands(moment: datetime, quiet: bool) -> None:
    assert in_quiet_hour(Settings(), moment) is quiet
    assert not in_quiet_hour(Settings(quiet_hour=-1), moment)
    assert in_quiet_hour(Settings(quiet_hour=13), AT)


@pytest.mark.parametrize(("end", "days"), [(0, 6.3), (1, 7.0)])
def test_tokens_are_kept_alive_within_the_last_tenth_of_a_week(
    monkeypatch: pytest.MonkeyPatch, end: int, days: float
) -> None:
    monkeypatch.setattr(random, "uniform", lambda *ends: ends[end])
    assert next_keep_alive(Settings(), AT) == AT + timedelta(days=days)


def test_a_lapse_counts_only_with_the_moment_to_compare_it_with() -> None:
    assert not grant_is_dead(Facts(), lapses=AT)
    assert not grant_is_dead(Facts(), now=AT)
    assert grant_is_dead(Facts(3, AT, AT + 2 * HOUR), lapses=AT + HOUR, now=AT)
    assert not has_lapsed(None, Settings(), AT)


def test_an_access_token_is_used_until_five_seconds_before_its_end() -> None:
    assert timedelta(seconds=5) == rules.SPARE


def grant(**columns: object) -> Grant:
    """Refused once, at ``AT``, but for what is named."""
    refused: dict[str, object] = {
        "refusals": 1,
        "refused_since": AT,
        "last_failure_at": AT,
        "last_failure_kind": FailureKind.REFUSED.value,
        "last_success_at": AT - HOUR,
        "rotated_at": AT - HOUR,
    }
    return Grant(**(refused | columns))


@pytest.mark.parametrize(
    ("columns", "refused"),
    [
        ({}, True),
        ({"last_success_at": None}, True),
        ({"last_success_at": AT}, False),
        ({"last_success_at": AT + HOUR}, False),
        ({"last_failure_kind": "outage"}, False),
        ({"last_failure_kind": None}, False),
        ({"last_failure_at": None}, False),
    ],
)
def test_a_refusal_stands_until_the_tokens_have_worked_since(
    columns: dict[str, object], refused: bool
) -> None:
    assert refused_at(grant(**columns)) == (AT if refused else None)


def test_what_registrations_follow_changes_with_the_lapse_the_refusal_and_the_death() -> None:
    dead = {"refusals": 3, "refused_since": AT - 2 * HOUR}
    told = [
        followed(Settings(), grant(**columns))
        for columns in (
            {},
            {"rotated_at": AT},
            {"rotated_at": None},
            {"last_success_at": AT},
            {"last_failure_at": AT + HOUR},
            dead,
        )
    ]
    assert len(set(told)) == len(told)
    assert followed(Settings(), grant(failures=7, next_try_at=AT, version=9)) == told[0]
    assert followed(Settings(consent_life_days=20), grant()) != told[0]


@pytest.mark.parametrize(
    ("refusals", "hours", "quiet", "many", "counted"),
    [
        (0, None, False, False, 1),
        (1, 2, False, False, 2),
        (2, 2, False, False, 3),
        (0, None, True, False, 0),
        (2, 9, True, True, 2),
        (0, None, False, True, 1),  # while many are refused it counts, but not as the last that is needed
        (1, 2, False, True, 2),
        (2, 2, False, True, 2),
        (2, 3.99, False, True, 2),
        (2, 4, False, True, 3),
        (5, 2, False, True, 5),  # one that was dead before stays dead
    ],
)
def test_which_refusal_counts(
    refusals: int, hours: float | None, quiet: bool, many: bool, counted: int
) -> None:
    since = None if hours is None else AT - hours * HOUR
    after = refusals_after(grant(refusals=refusals, refused_since=since), AT, quiet=quiet, many=many)
    assert after == (counted, since if quiet else since or AT)


@pytest.mark.parametrize(
    ("failures", "before", "after", "quiet", "rung"),
    [
        (9, 0, 1, False, 3),
        (2, 0, 1, False, 2),
        (9, 1, 2, False, 2),
        (9, 2, 2, False, 2),
        (1, 1, 2, False, 1),
        (9, 2, 3, False, 9),
        (9, 3, 4, False, 9),
        (9, 3, 3, True, 1),
    ],
)
def test_until_it_is_certain_two_refusals_never_lie_far_apart(
    failures: int, before: int, after: int, quiet: bool, rung: int
) -> None:
    assert refusals_in_a_row(failures, before, after, quiet=quiet) == rung
