"""When several failures are one incident, and when it is over: the pure rules, limit by limit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.exact.kinds import Family
from core.registrations.incident_rules import End, end_of, is_patient, needed, next_round
from core.settings import Settings
from core.tokens.facts import DOUBT

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
OTHERS = [Family.OUTAGE, Family.CLIENT]


@pytest.mark.parametrize(
    ("share", "checked", "logins"),
    [(0.2, 0, 3), (0.2, 15, 3), (0.2, 16, 4), (0.2, 83, 17), (0.5, 6, 3), (0.5, 7, 4)],
)
def test_so_many_logins_are_an_incident_a_share_with_a_floor(share: float, checked: int, logins: int) -> None:
    assert needed(Settings(incident_grants=3, incident_share=share), checked) == logins


def test_canaries_go_out_after_1_2_5_10_and_then_every_15_minutes() -> None:
    waits = [(next_round(tries, NOW) - NOW) / timedelta(minutes=1) for tries in range(8)]
    assert waits == [1, 2, 5, 10, 15, 15, 15, 15]
    assert [is_patient(tries) for tries in (0, 5, 6)] == [True, True, False]


@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize(
    ("tries", "answered", "over"), [(5, 1, False), (5, 2, True), (6, 1, True), (6, 0, False)]
)
def test_two_logins_that_answer_end_it_and_after_long_one(
    family: Family, tries: int, answered: int, over: bool
) -> None:
    ended = end_of(family, tries, HOUR, affected=True, answered=answered, heard=HOUR)
    assert ended == (End.ANSWERED if over else None)


@pytest.mark.parametrize("family", OTHERS)
@pytest.mark.parametrize("age", [HOUR, 100 * HOUR])
def test_an_outage_lasts_until_somebody_answers_or_nobody_is_left(family: Family, age: timedelta) -> None:
    assert end_of(family, 99, age, affected=True, answered=0, heard=age) is None
    for answered in (0, 1):
        assert end_of(family, 0, age, affected=False, answered=answered, heard=age) == End.NOBODY


@pytest.mark.parametrize(
    ("age", "heard", "answered", "end"),
    [
        (DOUBT - HOUR, DOUBT - HOUR, 0, None),
        (DOUBT - HOUR, DOUBT - HOUR, 1, None),
        (DOUBT, DOUBT, 0, End.REFUSED),
        (DOUBT, DOUBT, 1, End.ANSWERED),
        (DOUBT, DOUBT - HOUR, 0, None),  # while nobody is asked nothing shows
        (9 * HOUR, DOUBT - HOUR, 1, None),
    ],
)
def test_refusals_end_in_hours_one_way_or_the_other(
    age: timedelta, heard: timedelta, answered: int, end: End | None
) -> None:
    assert end_of(Family.REFUSAL, 3, age, affected=True, answered=answered, heard=heard) == end


@pytest.mark.parametrize(
    ("age", "answered", "end"),
    [(DOUBT, 0, End.REFUSED), (DOUBT, 1, End.NOBODY), (DOUBT - HOUR, 0, End.NOBODY)],
)
def test_refusals_of_which_nobody_is_left_in_doubt_are_over(age: timedelta, answered: int, end: End) -> None:
    assert end_of(Family.REFUSAL, 3, age, affected=False, answered=answered, heard=age) == end


def test_the_doubt_lasts_four_hours() -> None:
    assert DOUBT == 4 * HOUR
