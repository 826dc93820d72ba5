"""Guessing is slow, whoever guesses; and nobody can keep an admin out for good."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest

from core import clock
from core.accounts.invitations import accept_invitation, reset
from core.accounts.lockout import PER_ACCOUNT, PER_ADDRESS, TooManyAttempts
from core.accounts.passwords import verify_password
from core.accounts.roles import CurrentOperator
from core.accounts.sessions import start_session, start_ticket
from core.accounts.signing_in import accept_candidate, find_candidate
from core.application import Application
from tests.core.accounts.conftest import PASSWORD

HOME, ELSEWHERE = "198.51.100.7", "203.0.113.9"


def attempt(
    app: Application, email: str, password: str, address: str = HOME, browser: str = "browser"
) -> int | None:
    candidate = find_candidate(app, email, address, browser)
    if not verify_password(password, candidate.password_hash):
        return None
    return accept_candidate(app, candidate)


def guess(app: Application, email: str, times: int, address: str = ELSEWHERE) -> None:
    for number in range(times):
        assert attempt(app, email, f"wrong number {number}", address, f"unknown {number}") is None


@contextmanager
def later(**time: float) -> Iterator[None]:
    with clock.shifted(timedelta(**time)):
        yield


def test_the_right_password_opens(app: Application, alice: CurrentOperator) -> None:
    assert attempt(app, " Alice@CLICKKER.test ", PASSWORD) == alice.id


def test_after_five_wrong_ones_the_right_one_is_refused_too(app: Application, alice: CurrentOperator) -> None:
    guess(app, alice.email, PER_ACCOUNT)
    with pytest.raises(TooManyAttempts, match="Try again in 15 minutes"):
        attempt(app, alice.email, PASSWORD)


def test_the_lock_opens_by_itself(app: Application, alice: CurrentOperator) -> None:
    guess(app, alice.email, PER_ACCOUNT)
    with later(minutes=15, seconds=1):
        assert attempt(app, alice.email, PASSWORD) == alice.id


def test_the_lock_stands_in_the_database_and_knows_no_session(
    app: Application, alice: CurrentOperator
) -> None:
    guess(app, alice.email, PER_ACCOUNT)
    with pytest.raises(TooManyAttempts):
        attempt(app, alice.email, PASSWORD, "192.0.2.1", "a browser that was never seen")


def test_an_account_that_does_not_exist_is_locked_alike(app: Application) -> None:
    guess(app, "nobody@clickker.test", PER_ACCOUNT)
    with pytest.raises(TooManyAttempts):
        attempt(app, "nobody@clickker.test", PASSWORD)


def test_a_right_password_is_not_counted(app: Application, alice: CurrentOperator) -> None:
    for _round in range(PER_ACCOUNT * 2):
        assert attempt(app, alice.email, PASSWORD) == alice.id


def test_an_address_that_tries_many_accounts_must_wait(app: Application, alice: CurrentOperator) -> None:
    for number in range(PER_ADDRESS):
        guess(app, f"someone{number}@clickker.test", 1)
    with pytest.raises(TooManyAttempts):
        attempt(app, alice.email, PASSWORD, ELSEWHERE)
    assert attempt(app, alice.email, PASSWORD, HOME) == alice.id


def test_who_signed_in_here_before_is_not_kept_out_by_others(
    app: Application, admin: CurrentOperator
) -> None:
    start_session(app, start_ticket(app, admin.id, "her own", "/"), "her own", HOME, "")
    guess(app, admin.email, PER_ACCOUNT)
    assert attempt(app, admin.email, PASSWORD, HOME, "her own") == admin.id


def test_a_known_browser_has_a_limit_of_its_own(app: Application, admin: CurrentOperator) -> None:
    start_session(app, start_ticket(app, admin.id, "her own", "/"), "her own", HOME, "")
    for number in range(PER_ACCOUNT):
        assert attempt(app, admin.email, f"wrong number {number}", HOME, "her own") is None
    with pytest.raises(TooManyAttempts):
        attempt(app, admin.email, PASSWORD, HOME, "her own")


def test_a_reset_link_lifts_the_lock(app: Application, admin: CurrentOperator) -> None:
    guess(app, admin.email, PER_ACCOUNT)
    token = reset(app, None, admin.id).url.rsplit("/", 1)[1]
    accept_invitation(app, token, "an eel in the coffee")
    assert attempt(app, admin.email, "an eel in the coffee") == admin.id


def test_fifty_guesses_at_once_are_fifty(app: Application, alice: CurrentOperator) -> None:
    def try_once(number: int) -> bool:
        try:
            attempt(app, alice.email, f"wrong number {number}", ELSEWHERE)
        except TooManyAttempts:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        checked = sum(pool.map(try_once, range(50)))
    assert checked == PER_ACCOUNT
