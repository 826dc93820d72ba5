"""Several customers are refused at once: whose trouble it is shows within hours, and nobody is left in the dark."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from core import clock
from core.alarms import delivery
from core.registrations.incident_rules import End, end_of
from core.registrations.incidents import open_incidents
from core.tokens.facts import DOUBT
from tests.support.crowds import HOUR, MINUTE, Crowd, crowd
from tests.support.receivers import Hook, web_hook

RED = "reconnect_needed"
NOBODY_ACTS = "obody has to do anything"


@pytest.fixture(autouse=True)
def _support_reads_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "DEFAULT_LANGUAGE", "en")


@pytest.fixture
def hook() -> Iterator[Hook]:
    with web_hook() as running:
        yield running


@pytest.fixture
def people(tmp_path: Path, database_url: str, hook: Hook) -> Iterator[Crowd]:
    with crowd(tmp_path, database_url, 8, hook.address()) as made:
        yield made


@pytest.fixture
def three(tmp_path: Path, database_url: str, hook: Hook) -> Iterator[Crowd]:
    """All the customers there are."""
    with crowd(tmp_path, database_url, 3, hook.address()) as made:
        yield made


def told(hook: Hook) -> str:
    return "\n".join(f"{message['title']}: {message['message']}" for message in hook.received)


def test_three_who_withdraw_within_minutes_are_called_so_and_told_within_hours(
    people: Crowd, hook: Hook
) -> None:
    gone, others = people.numbers[:3], people.numbers[3:]
    people.withdraw(*gone)
    people.check(*gone)
    assert [incident.family for incident in people.incidents()] == ["refusal"]
    assert all(NOBODY_ACTS not in people.view(number).status_sentence for number in gone)
    people.live(0.75)  # two answers of one moment do not see each other: the keeper's next turn counts both
    assert people.incidents()[0].closed_at is not None, "others are accepted: it is not Exact"
    people.live(6.75)
    assert people.statuses(*gone) == {RED}
    assert people.statuses(*others) == {"connected"}
    assert people.alarms().count("reconnect_needed") == 3
    assert told(hook).count("Reconnect needed") + told(hook).count("/registration?id=") >= 3
    assert NOBODY_ACTS not in told(hook)


def test_where_nobody_is_left_to_compare_with_it_still_ends_and_our_app_is_suspected(
    three: Crowd, hook: Hook
) -> None:
    three.withdraw(*three.numbers)
    three.check(*three.numbers)
    three.live(8)
    assert three.statuses(*three.numbers) == {RED}
    assert [incident.closed_at is not None for incident in three.incidents()] == [True]
    raised = three.alarms()
    assert raised.count("incident_opened") == raised.count("app_refused") == 1
    assert raised.count("reconnect_needed") == 3
    assert "incident_closed" not in raised, "Exact does not answer again"
    assert "whether our app still has its permission" in told(hook)
    assert NOBODY_ACTS not in told(hook)


def test_an_app_that_exact_has_revoked_is_told_once_however_long_it_lasts(people: Crowd) -> None:
    people.withdraw(*people.numbers)
    people.check(*people.numbers[:3])
    people.live(24, minutes=30)
    assert people.statuses(*people.numbers) == {RED}
    assert [kind for kind in people.alarms() if kind != "reconnect_needed"] == [
        "incident_opened",
        "app_refused",
    ]


def test_good_tokens_that_are_refused_for_hours_are_not_given_up(people: Crowd) -> None:
    people.world.engine.add_fault("invalid_grant", None, endpoint="token")
    people.check(*people.numbers)
    seen: set[str] = set()
    people.live(3.5, lambda: seen.update(people.statuses(*people.numbers)))
    assert RED not in seen
    people.world.engine.clear_faults()
    people.live(4, lambda: seen.update(people.statuses(*people.numbers)))
    assert RED not in seen
    assert people.statuses(*people.numbers) == {"connected"}
    assert people.alarms() == ["incident_opened", "incident_closed"]


def test_an_outage_of_others_does_not_hide_who_has_withdrawn(people: Crowd, hook: Hook) -> None:
    gone, *others = people.numbers
    people.withdraw(gone)
    people.check(gone)
    people.world.advance(MINUTE)
    for number in others:
        people.world.engine.add_fault("unavailable", None, endpoint="token", user=people.users[number])
    people.check(*others)
    assert [incident.family for incident in people.incidents()] == ["outage"]
    assert people.status(gone) == "attention"
    assert people.statuses(*others) == {"exact_outage"}
    people.live(8)
    assert people.incidents()[0].closed_at is None
    assert people.status(gone) == RED
    assert people.statuses(*others) == {"exact_outage"}
    people.live(0.5)
    assert f"/registration?id={gone}" in told(hook)


def test_two_of_each_are_no_incident(people: Crowd) -> None:
    first, second, *others = people.numbers
    people.withdraw(first, second)
    people.world.engine.add_fault("unavailable", 4, endpoint="token")
    people.check(*others[:2])
    people.world.engine.clear_faults()
    people.check(first, second)
    assert people.incidents() == []


def test_both_can_be_open_at_once_and_each_ends_by_itself(people: Crowd) -> None:
    gone, down, fine = people.numbers[:3], people.numbers[3:6], people.numbers[6:]
    people.withdraw(*gone)
    for number in down:
        people.world.engine.add_fault("unavailable", None, endpoint="token", user=people.users[number])
    people.check(*gone, *down)
    with people.world.app.database.read() as session:
        assert [(view.refused, view.registrations) for view in open_incidents(session)] == [
            (True, 3),
            (False, 3),
        ]
    people.live(1)
    assert [incident.closed_at is not None for incident in people.incidents()] == [True, False] or all(
        incident.closed_at is not None for incident in people.incidents()
    )
    people.world.engine.clear_faults()
    people.live(8)
    assert all(incident.closed_at is not None for incident in people.incidents())
    assert people.statuses(*gone) == {RED}
    assert people.statuses(*down, *fine) == {"connected"}


def test_a_refusal_before_the_quiet_hour_is_certain_within_eight_hours(people: Crowd) -> None:
    """It is 23:50 in the Netherlands; until two nothing is asked that can wait."""
    people.world.wait_for(22 if clock.now().month in (11, 12, 1, 2) else 21)
    people.world.advance(50 * MINUTE)
    gone = people.numbers[:3]
    people.withdraw(*gone)
    people.check(*gone)
    people.live(8)
    assert people.statuses(*gone) == {RED}


def test_one_who_was_told_to_wait_by_an_outage_before_is_certain_within_eight_hours(people: Crowd) -> None:
    gone = people.numbers[0]
    people.world.engine.add_fault("unavailable", None, endpoint="token", user=people.users[gone])
    people.check(gone)
    for _try in range(5):
        people.world.advance(4 * HOUR)
        people.check(gone)
    people.world.engine.clear_faults()
    people.withdraw(gone)
    people.world.advance(4 * HOUR)
    people.check(gone)
    assert people.view(gone).status != RED
    people.live(8)
    assert people.status(gone) == RED


ENDS = [
    ("refusal", timedelta(0), False, 0, timedelta(0), End.NOBODY),
    ("refusal", timedelta(0), True, 2, timedelta(0), End.ANSWERED),
    ("refusal", timedelta(0), True, 1, timedelta(0), None),
    ("refusal", DOUBT, True, 1, DOUBT, End.ANSWERED),
    ("refusal", DOUBT, True, 0, DOUBT, End.REFUSED),
    ("refusal", DOUBT - timedelta(seconds=1), True, 0, DOUBT, None),
    ("refusal", 9 * DOUBT, True, 0, DOUBT - timedelta(seconds=1), None),
    ("refusal", DOUBT, False, 0, DOUBT, End.REFUSED),
    ("refusal", DOUBT, False, 1, DOUBT, End.NOBODY),
    ("outage", 99 * DOUBT, False, 0, DOUBT, End.NOBODY),
    ("outage", 99 * DOUBT, True, 0, 99 * DOUBT, None),
    ("client", 99 * DOUBT, True, 0, 99 * DOUBT, None),
]


@pytest.mark.parametrize("case", ENDS)
def test_why_an_incident_is_over(case: tuple[str, timedelta, bool, int, timedelta, End | None]) -> None:
    family, age, affected, answered, heard, end = case
    assert end_of(family, 0, age, affected=affected, answered=answered, heard=heard) is end
