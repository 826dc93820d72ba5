"""Checks 19 to 21: lock-out, no enumeration of accounts, and what a password must be."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import bcrypt
import pytest
from streamlit.testing.v1 import AppTest

from core import clock
from core.accounts import passwords
from core.accounts.invitations import accept_invitation, invite, reset
from core.accounts.lockout import PER_ACCOUNT, PER_ADDRESS, TooManyAttempts
from core.accounts.operators import disable
from core.accounts.passwords import check_password, dummy_hash, verify_password
from core.accounts.roles import CurrentOperator, Role
from core.accounts.second_step import begin_second_step, complete_second_step
from core.accounts.sessions import start_session, start_ticket
from core.accounts.signing_in import accept_candidate, find_candidate
from core.application import Application
from core.errors import InvalidInput
from tests.core.accounts.conftest import PASSWORD, added
from tests.support.frame import cookies, frame
from tests.support.second_factor import code_of, turned_on
from tests.support.statements import statements

WRONG = "do not belong together"


@pytest.fixture(autouse=True)
def quick_bcrypt(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The fewest rounds bcrypt takes: what is tested here is that it works as often, not how long."""
    monkeypatch.setattr(passwords, "ROUNDS", 4)
    dummy_hash.cache_clear()
    yield
    dummy_hash.cache_clear()


@pytest.fixture
def alice(app: Application) -> CurrentOperator:
    return added(app, "Alice")


@pytest.fixture
def admin(app: Application) -> CurrentOperator:
    return added(app, "Anna", Role.ADMIN)


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


def test_check_19_the_right_password_opens(app: Application, alice: CurrentOperator) -> None:
    assert attempt(app, " Alice@CLICKKER.test ", PASSWORD) == alice.id


def test_check_19_after_five_wrong_ones_the_right_one_is_refused_too(
    app: Application, alice: CurrentOperator
) -> None:
    guess(app, alice.email, PER_ACCOUNT)
    with pytest.raises(TooManyAttempts, match="Try again in 15 minutes"):
        attempt(app, alice.email, PASSWORD)


def test_check_19_the_lock_opens_by_itself(app: Application, alice: CurrentOperator) -> None:
    guess(app, alice.email, PER_ACCOUNT)
    with later(minutes=15, seconds=1):
        assert attempt(app, alice.email, PASSWORD) == alice.id


def test_check_19_the_lock_stands_in_the_database_and_knows_no_session(
    app: Application, alice: CurrentOperator
) -> None:
    guess(app, alice.email, PER_ACCOUNT)
    with pytest.raises(TooManyAttempts):
        attempt(app, alice.email, PASSWORD, "192.0.2.1", "a browser that was never seen")


def test_check_19_an_account_that_does_not_exist_is_locked_alike(app: Application) -> None:
    guess(app, "nobody@clickker.test", PER_ACCOUNT)
    with pytest.raises(TooManyAttempts):
        attempt(app, "nobody@clickker.test", PASSWORD)


def test_check_19_a_right_password_is_not_counted(app: Application, alice: CurrentOperator) -> None:
    for _round in range(PER_ACCOUNT * 2):
        assert attempt(app, alice.email, PASSWORD) == alice.id


def test_check_19_an_address_that_tries_many_accounts_must_wait(
    app: Application, alice: CurrentOperator
) -> None:
    for number in range(PER_ADDRESS):
        guess(app, f"someone{number}@clickker.test", 1)
    with pytest.raises(TooManyAttempts):
        attempt(app, alice.email, PASSWORD, ELSEWHERE)
    assert attempt(app, alice.email, PASSWORD, HOME) == alice.id


def test_check_19_who_signed_in_here_before_is_not_kept_out_by_others(
    app: Application, admin: CurrentOperator
) -> None:
    start_session(app, start_ticket(app, admin.id, "her own", "/"), "her own", HOME, "")
    guess(app, admin.email, PER_ACCOUNT)
    assert attempt(app, admin.email, PASSWORD, HOME, "her own") == admin.id


def test_check_19_a_known_browser_has_a_limit_of_its_own(app: Application, admin: CurrentOperator) -> None:
    start_session(app, start_ticket(app, admin.id, "her own", "/"), "her own", HOME, "")
    for number in range(PER_ACCOUNT):
        assert attempt(app, admin.email, f"wrong number {number}", HOME, "her own") is None
    with pytest.raises(TooManyAttempts):
        attempt(app, admin.email, PASSWORD, HOME, "her own")


def test_check_19_a_reset_link_lifts_the_lock(app: Application, admin: CurrentOperator) -> None:
    guess(app, admin.email, PER_ACCOUNT)
    token = reset(app, None, admin.id).url.rsplit("/", 1)[1]
    accept_invitation(app, token, "an eel in the coffee")
    assert attempt(app, admin.email, "an eel in the coffee") == admin.id


def test_check_19_fifty_guesses_at_once_are_fifty(app: Application, alice: CurrentOperator) -> None:
    def try_once(number: int) -> bool:
        try:
            attempt(app, alice.email, f"wrong number {number}", ELSEWHERE)
        except TooManyAttempts:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        checked = sum(pool.map(try_once, range(50)))
    assert checked == PER_ACCOUNT


def test_check_19_wrong_codes_of_the_second_step_count_with_wrong_passwords(
    app: Application, alice: CurrentOperator
) -> None:
    secret, _codes = turned_on(app, alice, PASSWORD)
    begin_second_step(app, alice.id, "browser")
    guess(app, alice.email, PER_ACCOUNT - 1)
    with pytest.raises(InvalidInput):
        complete_second_step(app, "browser", "000000", "/", HOME)
    with pytest.raises(TooManyAttempts):
        complete_second_step(app, "browser", code_of(secret, steps=1), "/", HOME)
    with pytest.raises(TooManyAttempts):
        attempt(app, alice.email, PASSWORD)


def test_check_19_wrong_codes_lock_the_address_too(app: Application, alice: CurrentOperator) -> None:
    secret, _codes = turned_on(app, alice, PASSWORD)
    for number in range(PER_ADDRESS):
        guess(app, f"someone{number}@clickker.test", 1)
    begin_second_step(app, alice.id, "browser")
    with pytest.raises(TooManyAttempts):
        complete_second_step(app, "browser", code_of(secret, steps=1), "/", ELSEWHERE)
    assert complete_second_step(app, "browser", code_of(secret, steps=1), "/", HOME)


def sign_in(test: AppTest, email: str, password: str) -> AppTest:
    test.text_input[0].set_value(email)
    test.text_input[1].set_value(password)
    return test.button[0].click().run()


def sent_away(test: AppTest) -> bool:
    return "data-to=" in " ".join(part.proto.body for part in test.get("html"))


class Work:
    """What one try costs: how often and how dearly bcrypt worked, and what the database was asked."""

    def __init__(self) -> None:
        self.bcrypt: list[str] = []
        self.statements: list[str] = []


@contextmanager
def watched(app: Application, monkeypatch: pytest.MonkeyPatch) -> Iterator[Work]:
    work = Work()
    check, make = bcrypt.checkpw, bcrypt.hashpw

    def checked(password: bytes, hashed: bytes) -> bool:
        work.bcrypt.append(f"check {hashed[:7].decode()}")
        return check(password, hashed)

    def hashed(password: bytes, salt: bytes) -> bytes:
        work.bcrypt.append("hash")
        return make(password, salt)

    with monkeypatch.context() as patch, statements(app.database) as seen:
        patch.setattr(bcrypt, "checkpw", checked)
        patch.setattr(bcrypt, "hashpw", hashed)
        yield work
    work.statements = [" ".join(statement.split()[:4]) for statement, _parameters in seen]


def test_check_20_the_same_work_is_done_for_everybody(
    app: Application, alice: CurrentOperator, admin: CurrentOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookies(monkeypatch, app, None)
    invite(app, admin, "never.came@clickker.test", "Never Came", Role.SUPPORT)
    turned_on(app, added(app, "Fay"), PASSWORD)
    disable(app, admin, added(app, "Dora").id)
    dummy_hash()  # made when the server starts

    def work_for(email: str, password: str) -> Work:
        test = frame()
        with watched(app, monkeypatch) as work:
            test = sign_in(test, email, password)
        assert WRONG in test.error[0].value
        return work

    tried = {
        "known": work_for(alice.email, "another herring"),
        "unknown": work_for("nobody@clickker.test", "another herring"),
        "never came": work_for("never.came@clickker.test", "another herring"),
        "second factor": work_for("fay@clickker.test", "another herring"),
        "disabled": work_for("dora@clickker.test", PASSWORD),
        "too long": work_for(alice.email, "h" * 80),
        "unknown, too long": work_for("nobody@clickker.test", "h" * 80),
    }
    assert {name: work.bcrypt for name, work in tried.items()} == {name: ["check $2b$04$"] for name in tried}
    assert {name: work.statements for name, work in tried.items()} == dict.fromkeys(
        tried, tried["known"].statements
    )


def test_check_20_the_lock_tells_nothing_either(app: Application, alice: CurrentOperator) -> None:
    said = []
    for email in (alice.email, "nobody@clickker.test"):
        guess(app, email, PER_ACCOUNT)
        with pytest.raises(TooManyAttempts) as refused:
            attempt(app, email, PASSWORD)
        said.append(refused.value.message)
    assert said[0] == said[1]


def test_check_19_after_five_wrong_ones_a_fresh_page_is_locked_as_well(
    app: Application, alice: CurrentOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = cookies(monkeypatch, app, None)
    for number in range(5):
        held.browser = f"browser {number}"
        assert WRONG in sign_in(frame(), alice.email, "another herring").error[0].value
    test = sign_in(frame(), alice.email, PASSWORD)
    assert "Too many wrong passwords" in test.error[0].value
    assert not sent_away(test)


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("alice@clickker.test", "another herring"),
        ("alice@clickker.test", PASSWORD + " "),
        ("alice@clickker.test", " " + PASSWORD),
        ("alice@clickker.test", PASSWORD + "x" * 80),
        ("alice@clickker.test", PASSWORD + "\x00"),
        ("nobody@clickker.test", PASSWORD),
        ("never.came@clickker.test", PASSWORD),
    ],
)
def test_check_20_anything_else_is_told_alike(
    app: Application, alice: CurrentOperator, monkeypatch: pytest.MonkeyPatch, email: str, password: str
) -> None:
    cookies(monkeypatch, app, None)
    test = sign_in(frame(), email, password)
    assert WRONG in test.error[0].value
    assert not sent_away(test)
    assert [box.label for box in test.text_input] == ["E-mail address", "Password"]


@pytest.mark.parametrize(
    "password",
    ["a herring in the tea", "čtyři slova a ryba", "8429 1705 3361", "x" * 2 + "abcdefgh!Q", "m" + "é" * 35],
)
def test_check_21_it_takes_any_composition(password: str) -> None:
    check_password(password)


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("short", "at least 12"),
        ("eleven chrs", "at least 12"),
        (" a herring in the tea", "begin or end with a space"),
        ("a herring in the tea ", "begin or end with a space"),
        ("h" * 73, "too long"),
        ("a herring " + "é" * 32, "too long"),
        ("a herring\x00in the tea", "cannot be typed"),
        ("passwordpassword", "often guessed"),
        ("Welkom123456!", "often guessed"),
        ("12wachtwoord!!", "often guessed"),
        ("123456789012", "often guessed"),
        ("abcdefghijkl", "often guessed"),
        ("aaaaaaaaaaaa", "often guessed"),
        ("abc1abc1abc1", "often guessed"),
        ("q1w2e3r4t5y6", "often guessed"),
        ("Clickker Connections", "often guessed"),
    ],
)
def test_check_21_it_refuses_what_is_weak_or_would_be_cut(password: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as refused:
        check_password(password)
    assert refused.value.field == "password"


def test_check_21_it_refuses_your_own_address_and_name() -> None:
    with pytest.raises(InvalidInput, match="often guessed"):
        check_password("Alice.van.Dijk99", "alice.van.dijk@clickker.nl", "alice.van.dijk", "Alice van Dijk")
