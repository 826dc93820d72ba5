"""A second factor is set up in one session, proved with a code, and taken for each code once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from pyotp import TOTP
from sqlalchemy import select

from core import clock
from core.accounts.lockout import PER_ACCOUNT, TooManyAttempts
from core.accounts.one_time_codes import in_groups, matching_step, new_recovery_codes, new_secret
from core.accounts.roles import CurrentOperator
from core.accounts.second_factor import (
    begin_second_factor,
    cancel_second_factor,
    complete_second_factor,
    own_second_factor,
    pending_second_factor,
    renew_recovery_codes,
    second_factor_is_on,
    take_away_second_factor,
    turn_off_second_factor,
)
from core.accounts.second_step import (
    begin_second_step,
    complete_second_step,
    forget_second_step,
    second_step_waits,
)
from core.accounts.sessions import session_operator, start_session, start_ticket
from core.application import Application
from core.errors import ClickkerError, Conflict, InvalidInput, NotAllowed, NotFound
from core.storage.models import RecoveryCode, SecondFactor, SecondStep
from tests.core.accounts.conftest import PASSWORD
from tests.support.second_factor import code_of, turned_on

BROWSER = "the browser's name"
HOME = "198.51.100.7"


def finish(app: Application, code: str, browser: str = BROWSER) -> str:
    return complete_second_step(app, browser, code, "/registrations", HOME)


def later(**time: float) -> timedelta:
    return timedelta(**time)


def test_a_code_is_of_its_half_minute_and_the_ones_beside_it() -> None:
    secret, moment = new_secret(), clock.now()
    step = int(moment.timestamp()) // 30
    app = TOTP(secret)
    assert [matching_step(secret, app.generate_otp(step + away), moment) for away in (-2, -1, 0, 1, 2)] == [
        None,
        step - 1,
        step,
        step + 1,
        None,
    ]


@pytest.mark.parametrize(
    "odd", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "12 34", "\x00" * 6, "9" * 100_000]
)
def test_what_is_no_six_digits_is_no_code(odd: str) -> None:
    assert matching_step(new_secret(), odd, clock.now()) is None


def test_a_code_may_be_typed_in_two_halves() -> None:
    secret, moment = new_secret(), clock.now()
    code = TOTP(secret).at(moment)
    assert matching_step(secret, f" {code[:3]} {code[3:]} ", moment) is not None


def test_it_is_set_up_proved_and_on(app: Application, alice: CurrentOperator) -> None:
    begin_second_factor(app, alice, PASSWORD)
    pending = pending_second_factor(app, alice)
    assert pending is not None
    assert "alice%40clickker.test" in pending.address
    assert pending.secret not in repr(pending)
    assert not second_factor_is_on(app, alice.id)
    codes = complete_second_factor(app, alice, code_of(pending.secret))
    assert len(set(codes)) == 10
    assert second_factor_is_on(app, alice.id)
    assert pending_second_factor(app, alice) is None
    assert own_second_factor(app, alice).codes_left == 10


def test_setting_it_up_asks_the_password(app: Application, alice: CurrentOperator) -> None:
    with pytest.raises(InvalidInput):
        begin_second_factor(app, alice, "not the password")
    assert pending_second_factor(app, alice) is None


def test_a_wrong_code_does_not_turn_it_on(app: Application, alice: CurrentOperator) -> None:
    begin_second_factor(app, alice, PASSWORD)
    pending = pending_second_factor(app, alice)
    assert pending is not None
    with pytest.raises(InvalidInput, match="not the code"):
        complete_second_factor(app, alice, code_of(pending.secret, steps=5))
    assert not second_factor_is_on(app, alice.id)


def test_what_is_being_set_up_is_shown_to_its_own_session_and_lapses(
    app: Application, alice: CurrentOperator
) -> None:
    here, there = replace(alice, session_id=1), replace(alice, session_id=2)
    begin_second_factor(app, here, PASSWORD)
    pending = pending_second_factor(app, here)
    assert pending is not None
    assert pending_second_factor(app, there) is None
    with pytest.raises(NotFound):
        complete_second_factor(app, there, code_of(pending.secret))
    with clock.shifted(later(minutes=15)):
        assert pending_second_factor(app, here) is None
        with pytest.raises(NotFound, match="too long"):
            complete_second_factor(app, here, code_of(pending.secret))
    cancel_second_factor(app, there)
    assert pending_second_factor(app, here) is None


def test_one_that_is_on_is_not_set_up_again_nor_cancelled(app: Application, alice: CurrentOperator) -> None:
    turned_on(app, alice, PASSWORD)
    with pytest.raises(Conflict, match="on already"):
        begin_second_factor(app, alice, PASSWORD)
    cancel_second_factor(app, alice)
    assert second_factor_is_on(app, alice.id)


def test_the_secret_is_sealed_for_its_row_and_codes_are_hashes(
    app: Application, alice: CurrentOperator, admin: CurrentOperator
) -> None:
    secret, codes = turned_on(app, alice, PASSWORD)
    with app.database.read() as session:
        factor = session.scalars(select(SecondFactor)).one()
        hashes = list(session.scalars(select(RecoveryCode.code_hash)))
    assert secret.encode() not in factor.secret
    assert app.vault.decrypt(factor.secret, table="second_factors", column="secret", row=alice.id) == secret
    with pytest.raises(ClickkerError):
        app.vault.decrypt(factor.secret, table="second_factors", column="secret", row=admin.id)
    assert not any(code in "".join(hashes) or code.replace("-", "") in "".join(hashes) for code in codes)


def test_turning_it_off_and_new_codes_ask_the_password(app: Application, alice: CurrentOperator) -> None:
    _secret, before = turned_on(app, alice, PASSWORD)
    for act in (renew_recovery_codes, turn_off_second_factor):
        with pytest.raises(InvalidInput):
            act(app, alice, "not the password")
    after = renew_recovery_codes(app, alice, PASSWORD)
    assert not set(before) & set(after)
    turn_off_second_factor(app, alice, PASSWORD)
    assert not second_factor_is_on(app, alice.id)
    assert own_second_factor(app, alice).codes_left == 0
    with pytest.raises(NotFound):
        renew_recovery_codes(app, alice, PASSWORD)


def test_an_admin_takes_it_away_and_the_sessions_with_it(
    app: Application, alice: CurrentOperator, admin: CurrentOperator
) -> None:
    turned_on(app, alice, PASSWORD)
    cookie = start_session(app, start_ticket(app, alice.id, BROWSER, "/"), BROWSER, HOME, "").cookie
    with pytest.raises(NotAllowed):
        take_away_second_factor(app, replace(alice, id=alice.id + 100), alice.id)
    take_away_second_factor(app, admin, alice.id)
    assert not second_factor_is_on(app, alice.id)
    assert session_operator(app, cookie) is None
    with pytest.raises(Conflict, match="No second factor"):
        take_away_second_factor(app, admin, alice.id)
    with pytest.raises(NotFound):
        take_away_second_factor(app, None, 4711)


def test_an_admins_own_takes_the_password(app: Application, admin: CurrentOperator) -> None:
    turned_on(app, admin, PASSWORD)
    with pytest.raises(Conflict, match="My account"):
        take_away_second_factor(app, admin, admin.id)
    assert second_factor_is_on(app, admin.id)
    take_away_second_factor(app, None, admin.id)
    assert not second_factor_is_on(app, admin.id)


def test_without_one_there_is_no_second_step(app: Application, alice: CurrentOperator) -> None:
    assert not begin_second_step(app, alice.id, BROWSER)
    assert not second_step_waits(app, BROWSER)


def test_a_code_in_the_same_browser_makes_the_ticket(app: Application, alice: CurrentOperator) -> None:
    secret, _codes = turned_on(app, alice, PASSWORD)
    assert begin_second_step(app, alice.id, BROWSER)
    with clock.shifted(later(seconds=30)):
        ticket = finish(app, code_of(secret))
        started = start_session(app, ticket, BROWSER, HOME, "")
        assert started.target == "/registrations"
        assert not second_step_waits(app, BROWSER)
        with pytest.raises(NotAllowed):
            finish(app, code_of(secret, steps=1))


def test_another_browser_and_a_late_one_have_no_second_step(app: Application, alice: CurrentOperator) -> None:
    secret, _codes = turned_on(app, alice, PASSWORD)
    begin_second_step(app, alice.id, BROWSER)
    assert second_step_waits(app, BROWSER)
    assert not second_step_waits(app, "another browser")
    assert not second_step_waits(app, None)
    with pytest.raises(NotAllowed):
        finish(app, code_of(secret, steps=1), "another browser")
    with clock.shifted(later(minutes=5)):
        assert not second_step_waits(app, BROWSER)
        with pytest.raises(NotAllowed, match="expired"):
            finish(app, code_of(secret))


def test_the_row_of_a_half_sign_in_holds_hashes(app: Application, alice: CurrentOperator) -> None:
    turned_on(app, alice, PASSWORD)
    begin_second_step(app, alice.id, BROWSER)
    with app.database.read() as session:
        assert BROWSER not in str(vars(session.scalars(select(SecondStep)).one()))


def test_the_last_password_given_in_a_browser_counts(
    app: Application, alice: CurrentOperator, admin: CurrentOperator
) -> None:
    hers, _codes = turned_on(app, alice, PASSWORD)
    admins, _codes = turned_on(app, admin, PASSWORD)
    begin_second_step(app, alice.id, BROWSER)
    begin_second_step(app, admin.id, BROWSER)
    with clock.shifted(later(seconds=30)):
        with pytest.raises(InvalidInput):
            finish(app, code_of(hers))
        found = session_operator(
            app, start_session(app, finish(app, code_of(admins)), BROWSER, HOME, "").cookie
        )
    assert found is not None
    assert found.operator.id == admin.id


def test_begin_again_forgets_the_password(app: Application, alice: CurrentOperator) -> None:
    turned_on(app, alice, PASSWORD)
    begin_second_step(app, alice.id, BROWSER)
    forget_second_step(app, BROWSER)
    assert not second_step_waits(app, BROWSER)


def test_a_code_that_was_taken_is_refused(app: Application, alice: CurrentOperator) -> None:
    secret, _codes = turned_on(app, alice, PASSWORD)
    with clock.shifted(later(seconds=60)):
        code = code_of(secret)
        begin_second_step(app, alice.id, BROWSER)
        finish(app, code)
        begin_second_step(app, alice.id, BROWSER)
        for old in (code, code_of(secret, steps=-1)):
            with pytest.raises(InvalidInput):
                finish(app, old)


def test_the_code_that_turned_it_on_is_used_up(app: Application, alice: CurrentOperator) -> None:
    secret, _codes = turned_on(app, alice, PASSWORD)
    begin_second_step(app, alice.id, BROWSER)
    with app.database.read() as session:
        step = session.scalars(select(SecondFactor.last_step)).one()
    with pytest.raises(InvalidInput):
        finish(app, TOTP(secret).generate_otp(step))


def test_of_two_browsers_with_one_code_at_once_one_gets_in(app: Application, alice: CurrentOperator) -> None:
    secret, _codes = turned_on(app, alice, PASSWORD)
    for number in range(4):
        begin_second_step(app, alice.id, f"browser {number}")
    with clock.shifted(later(seconds=60)):
        code = code_of(secret)

        def use(number: int) -> bool:
            try:
                finish(app, code, f"browser {number}")
            except InvalidInput:
                return False
            return True

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(use, range(4))) == 1


def test_a_recovery_code_lets_in_once_however_it_is_typed(app: Application, alice: CurrentOperator) -> None:
    _secret, codes = turned_on(app, alice, PASSWORD)
    begin_second_step(app, alice.id, BROWSER)
    finish(app, f"  {codes[3].replace('-', ' ').upper()} ")
    assert own_second_factor(app, alice).codes_left == 9
    begin_second_step(app, alice.id, BROWSER)
    with pytest.raises(InvalidInput):
        finish(app, codes[3])
    finish(app, codes[4])


def test_of_two_that_use_a_recovery_code_at_once_one_gets_in(
    app: Application, alice: CurrentOperator
) -> None:
    _secret, codes = turned_on(app, alice, PASSWORD)
    for number in range(4):
        begin_second_step(app, alice.id, f"browser {number}")

    def use(number: int) -> bool:
        try:
            finish(app, codes[0], f"browser {number}")
        except InvalidInput:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(use, range(4))) == 1


def test_nobody_elses_recovery_code_lets_in(
    app: Application, alice: CurrentOperator, admin: CurrentOperator
) -> None:
    turned_on(app, alice, PASSWORD)
    _secret, others = turned_on(app, admin, PASSWORD)
    begin_second_step(app, alice.id, BROWSER)
    with pytest.raises(InvalidInput):
        finish(app, others[0])
    assert own_second_factor(app, admin).codes_left == 10


def test_a_late_second_step_uses_no_recovery_code_up(app: Application, alice: CurrentOperator) -> None:
    _secret, codes = turned_on(app, alice, PASSWORD)
    with pytest.raises(NotAllowed):
        finish(app, codes[0])
    assert own_second_factor(app, alice).codes_left == 10


@pytest.mark.parametrize("odd", ["", " ", "000000", "é☃\x00", "a" * 100_000, "--------"])
def test_odd_codes_let_nobody_in(app: Application, alice: CurrentOperator, odd: str) -> None:
    turned_on(app, alice, PASSWORD)
    begin_second_step(app, alice.id, BROWSER)
    with pytest.raises(InvalidInput):
        finish(app, odd)


def test_wrong_codes_lock_as_wrong_passwords_do(app: Application, alice: CurrentOperator) -> None:
    secret, codes = turned_on(app, alice, PASSWORD)
    begin_second_step(app, alice.id, BROWSER)
    for _round in range(PER_ACCOUNT):
        with pytest.raises(InvalidInput):
            finish(app, "000000")
    for right in (code_of(secret, steps=1), codes[0]):
        with pytest.raises(TooManyAttempts):
            finish(app, right)
    assert own_second_factor(app, alice).codes_left == 10


def test_recovery_codes_are_random_and_easy_to_type() -> None:
    codes = new_recovery_codes()
    assert {len(code) for code in codes} == {19}
    assert not set(codes) & set(new_recovery_codes())
    assert in_groups("ABCDEFGHIJ") == "ABCD EFGH IJ"
