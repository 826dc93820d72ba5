"""When the keeper looks next: a pure rule, so each of its limits has a line here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.exact.errors import ExactError, FailureKind
from core.registrations import schedule
from core.registrations.schedule import after_failure, after_success, failing, reschedule, wants_checks
from core.settings import Settings
from core.storage.models import Registration

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SETTINGS = Settings(check_hours=20, check_retry_minutes=10, check_retry_hours=4, quiet_hour=1)


def row(**facts: object) -> Registration:
    """A connected registration whose last check went well, but for what is named."""
    healthy: dict[str, object] = {
        "active": True,
        "submitted_at": NOW,
        "grant_id": "the-grant",
        "administrations_linked": 2,
        "last_success_at": NOW - MINUTE,
        "last_checked_at": NOW - MINUTE,
    }
    return Registration(**(healthy | facts))


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        ({}, True),
        ({"active": False}, False),
        ({"submitted_at": None}, False),
        ({"disconnected_at": NOW}, False),
        ({"grant_id": None}, False),
        (
            {"grant_id": None, "candidate_grant_id": "another"},
            False,
        ),  # whose it is is asked by a chore of its own
        ({"candidate_grant_id": "another"}, True),
    ],
)
def test_only_what_is_active_submitted_and_consented_is_checked(
    facts: dict[str, object], wanted: bool
) -> None:
    given = row(**facts)
    assert wants_checks(given) is wanted
    reschedule(given, 2, NOW)
    assert given.next_check_at == (NOW + 2 * MINUTE if wanted else None)


@pytest.mark.parametrize(
    ("planned", "linked", "then"),
    [
        (60 * MINUTE, 2, 60 * MINUTE),  # nothing was linked
        (60 * MINUTE, 1, 60 * MINUTE),
        (60 * MINUTE, 3, 2 * MINUTE),
        (MINUTE, 3, MINUTE),  # it is due before that anyway
    ],
)
def test_what_was_just_linked_is_looked_at_in_two_minutes(
    planned: timedelta, linked: int, then: timedelta
) -> None:
    given = row(next_check_at=NOW + planned)
    reschedule(given, linked, NOW)
    assert given.next_check_at == NOW + then


def test_what_is_not_checked_any_more_has_no_next_check() -> None:
    given = row(next_check_at=NOW + MINUTE, active=False)
    reschedule(given, 3, NOW)
    assert given.next_check_at is None


@pytest.mark.parametrize(("end", "hours"), [(0, 18), (1, 22)])
def test_checks_are_spread_over_a_tenth_before_and_after(
    monkeypatch: pytest.MonkeyPatch, end: int, hours: float
) -> None:
    monkeypatch.setattr(schedule, "uniform", lambda *ends: ends[end])
    assert after_success(SETTINGS, NOW) == NOW + timedelta(hours=hours)


@pytest.mark.parametrize(
    ("hour", "minute", "shifted"), [(23, 59, False), (0, 0, True), (0, 59, True), (1, 0, False)]
)
def test_a_check_that_would_fall_in_the_quiet_hour_comes_an_hour_later(
    monkeypatch: pytest.MonkeyPatch, hour: int, minute: int, shifted: bool
) -> None:
    """In winter 01:00 in the Netherlands is midnight UTC."""
    monkeypatch.setattr(schedule, "uniform", lambda *_ends: 1.0)
    planned = datetime(2026, 11, 24, hour, minute, tzinfo=UTC)
    expected = planned + timedelta(hours=1) if shifted else planned
    assert after_success(SETTINGS, planned - timedelta(hours=20)) == expected


def failed(waited: timedelta) -> Registration:
    """One that failed at its last check, so long ago."""
    return row(
        last_failure_at=NOW - waited,
        last_failure_kind="outage",
        last_checked_at=NOW - waited,
        last_success_at=NOW - timedelta(days=1),
    )


@pytest.mark.parametrize(
    ("waited", "wait"), [(1, 10), (5, 10), (6, 12), (10, 20), (80, 160), (119, 238), (120, 240), (300, 240)]
)
def test_each_wait_after_a_failure_is_twice_the_last_up_to_four_hours(waited: int, wait: int) -> None:
    assert after_failure(SETTINGS, failed(waited * MINUTE), None, NOW) == NOW + wait * MINUTE


def test_the_first_failure_waits_ten_minutes_however_long_ago_the_last_check_was() -> None:
    healthy = row(last_checked_at=NOW - timedelta(hours=20), last_success_at=NOW - timedelta(hours=20))
    assert after_failure(SETTINGS, healthy, None, NOW) == NOW + 10 * MINUTE
    never_checked = failed(60 * MINUTE)
    never_checked.last_checked_at = None
    assert after_failure(SETTINGS, never_checked, None, NOW) == NOW + 10 * MINUTE


@pytest.mark.parametrize(
    ("named", "wait"),
    [(30 * MINUTE, 30 * MINUTE), (MINUTE, MINUTE), (0 * MINUTE, 10 * MINUTE), (-MINUTE, 10 * MINUTE)],
)
def test_a_moment_that_exact_names_counts_if_it_is_yet_to_come(named: timedelta, wait: timedelta) -> None:
    error = ExactError(FailureKind.RATE_LIMITED, retry_at=NOW + named)
    assert after_failure(SETTINGS, row(), error, NOW) == NOW + wait
    unsaid = ExactError(FailureKind.RATE_LIMITED)
    assert after_failure(SETTINGS, row(), unsaid, NOW) == NOW + 10 * MINUTE


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"last_failure_at": None, "last_failure_kind": "outage"}, False),
        ({"last_failure_at": NOW, "last_failure_kind": None}, False),
        ({"last_failure_at": NOW, "last_failure_kind": "outage"}, True),
        ({"last_failure_at": NOW - MINUTE, "last_failure_kind": "outage"}, False),
        ({"last_failure_at": NOW, "last_failure_kind": "outage", "last_success_at": None}, True),
    ],
)
def test_it_fails_when_the_last_that_was_heard_is_a_failure(facts: dict[str, object], expected: bool) -> None:
    assert failing(row(**facts)) is expected
