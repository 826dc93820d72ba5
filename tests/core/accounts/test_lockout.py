"""How long, how often and for whom: the lock at its limits. That it locks at all stands in tests/security."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from core import clock
from core.accounts import lockout
from core.accounts.lockout import TooManyAttempts, worth_telling
from core.accounts.passwords import verify_password
from core.accounts.roles import CurrentOperator
from core.accounts.sessions import start_session, start_ticket
from core.accounts.signing_in import accept_candidate, confirm_password, find_candidate
from core.application import Application
from core.errors import InvalidInput
from core.storage.models import SignInFailure
from tests.core.accounts.conftest import PASSWORD, added

HOME, ELSEWHERE = "198.51.100.7", "203.0.113.9"


def wrong(
    app: Application, who: CurrentOperator, times: int, browser: str = "", address: str = ELSEWHERE
) -> None:
    for _round in range(times):
        find_candidate(app, who.email, address, browser)


def comes_in(app: Application, who: CurrentOperator, browser: str = "", address: str = HOME) -> bool:
    candidate = find_candidate(app, who.email, address, browser)
    return verify_password(PASSWORD, candidate.password_hash) and accept_candidate(app, candidate) == who.id


def later(**time: float) -> timedelta:
    return timedelta(**time)


def counted(app: Application) -> int:
    with app.database.read() as session:
        return session.scalar(select(func.count()).select_from(SignInFailure)) or 0


def test_the_numbers_are_the_ones_that_were_agreed() -> None:
    assert (lockout.PER_ACCOUNT, lockout.PER_ADDRESS, lockout.TOLD_PER_MINUTE) == (5, 50, 1)
    assert (later(minutes=15), later(days=1)) == (lockout.WINDOW, lockout.KEPT)


def test_four_wrong_ones_lock_nothing_and_the_right_one_forgives_none(
    app: Application, alice: CurrentOperator
) -> None:
    wrong(app, alice, 4)
    assert comes_in(app, alice)
    assert counted(app) == 4
    wrong(app, alice, 1)
    with pytest.raises(TooManyAttempts):
        comes_in(app, alice)


@pytest.mark.parametrize(("minutes", "said"), [(0, "15 minutes"), (13.5, "2 minutes"), (14.5, "1 minute,")])
def test_it_says_in_whole_minutes_when_to_try_again(
    app: Application, alice: CurrentOperator, minutes: float, said: str
) -> None:
    wrong(app, alice, 5)
    with clock.shifted(later(minutes=minutes)), pytest.raises(TooManyAttempts, match=f"again in {said}"):
        comes_in(app, alice)


def test_the_wait_ends_when_the_first_of_the_five_is_old_enough(
    app: Application, alice: CurrentOperator
) -> None:
    wrong(app, alice, 1)
    begun = clock.now()
    with clock.shifted(later(minutes=10)):
        wrong(app, alice, 4)
        with pytest.raises(TooManyAttempts) as refused:
            comes_in(app, alice)
    assert abs(refused.value.until - begun - later(minutes=15)) < later(seconds=20)
    with clock.shifted(later(minutes=15, seconds=1)):
        assert comes_in(app, alice)


def test_a_refused_attempt_makes_the_wait_no_longer(app: Application, alice: CurrentOperator) -> None:
    wrong(app, alice, 5)
    with clock.shifted(later(minutes=14)):
        for _round in range(5):
            with pytest.raises(TooManyAttempts):
                comes_in(app, alice)
    with clock.shifted(later(minutes=15, seconds=20)):
        assert comes_in(app, alice)


def test_attempts_are_forgotten_after_a_day_and_no_sooner(app: Application, alice: CurrentOperator) -> None:
    wrong(app, alice, 3)
    with clock.shifted(later(hours=23)):
        wrong(app, added(app, "Bob"), 1)
        assert counted(app) == 4
    with clock.shifted(later(hours=24, minutes=1)):
        comes_in(app, alice)
    assert counted(app) == 1


def test_one_who_is_locked_out_locks_out_nobody_else(app: Application, alice: CurrentOperator) -> None:
    bob = added(app, "Bob")
    wrong(app, alice, 5)
    assert comes_in(app, bob, address=ELSEWHERE)


def test_a_browser_is_known_to_the_account_that_it_signed_in_to(
    app: Application, alice: CurrentOperator
) -> None:
    bob = added(app, "Bob")
    start_session(app, start_ticket(app, bob.id, "bobs", "/"), "bobs", HOME, "")
    wrong(app, alice, 5)
    with pytest.raises(TooManyAttempts):
        comes_in(app, alice, "bobs")


def test_a_browser_that_only_asked_for_a_ticket_is_not_known(
    app: Application, alice: CurrentOperator
) -> None:
    start_ticket(app, alice.id, "a guest", "/")
    wrong(app, alice, 5)
    with pytest.raises(TooManyAttempts):
        comes_in(app, alice, "a guest")


def test_a_known_browser_is_not_held_up_by_its_address(app: Application, alice: CurrentOperator) -> None:
    start_session(app, start_ticket(app, alice.id, "hers", "/"), "hers", HOME, "")
    for number in range(50):
        find_candidate(app, f"someone{number}@clickker.test", HOME, "")
    assert comes_in(app, alice, "hers", HOME)
    with pytest.raises(TooManyAttempts):
        comes_in(app, alice, "another", HOME)


def test_an_address_of_ipv6_is_counted_by_its_line(app: Application, alice: CurrentOperator) -> None:
    for number in range(50):
        find_candidate(app, f"someone{number}@clickker.test", f"2001:db8:1:2::{number:x}", "")
    with pytest.raises(TooManyAttempts):
        comes_in(app, alice, address="2001:db8:1:2::ffff")
    assert comes_in(app, alice, address="2001:db8:1:3::1")


def test_wrong_confirmations_count_with_wrong_passwords(app: Application, alice: CurrentOperator) -> None:
    wrong(app, alice, 3)
    for _round in range(2):
        with pytest.raises(InvalidInput):
            confirm_password(app, alice, "not the password", HOME)
    with pytest.raises(TooManyAttempts):
        comes_in(app, alice)
    with pytest.raises(TooManyAttempts):
        confirm_password(app, alice, PASSWORD, HOME)


def test_no_password_at_all_is_no_attempt(app: Application, alice: CurrentOperator) -> None:
    for _round in range(6):
        with pytest.raises(InvalidInput, match="Fill in"):
            confirm_password(app, alice, "", HOME)
    assert counted(app) == 0


def test_a_lock_is_told_once_a_minute_of_each_account_and_line(app: Application) -> None:
    one, other = "alice@clickker.test", "nobody@clickker.test"
    told = [worth_telling(app, email, HOME) for email in (one, one.upper(), other, other)]
    assert told == [True, False, True, False]
    assert worth_telling(app, one, ELSEWHERE)
    assert [worth_telling(app, "third", f"2001:db8:1:2::{n}") for n in (1, 2)] == [True, False]
    with clock.shifted(later(seconds=61)):
        assert worth_telling(app, one, HOME)
