"""When a grant lapses, when it is dead, and when to try again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from core.exact.errors import FailureKind
from core.settings import Settings
from core.tokens.facts import grant_is_dead, has_lapsed, lapses_at, next_try

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
