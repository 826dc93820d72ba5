"""How long things of the sign-in hold: just before the limit they do, just after it they do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from core import clock
from core.accounts import knocks, second_factor, sessions
from core.accounts.confirming import confirm_by_password, is_fresh
from core.accounts.invitations import invite, open_invitation
from core.accounts.knocks import allow
from core.accounts.one_time_codes import app_address, fold_recovery_code, in_groups, new_recovery_codes
from core.accounts.open_sessions import own_sessions
from core.accounts.operators import add_operator
from core.accounts.roles import CurrentOperator, Role, role_name
from core.accounts.second_factor import begin_second_factor, own_second_factor, pending_second_factor
from core.accounts.second_step import (
    begin_second_step,
    complete_second_step,
    forget_second_step,
    second_step_waits,
)
from core.accounts.sessions import end_session, session_operator, start_session, start_ticket
from core.accounts.signing_in import change_password, find_candidate
from core.application import Application
from core.errors import ClickkerError, InvalidInput
from core.storage.models import Knock, Operator, OperatorSession, SecondStep, SignInTicket
from tests.core.accounts.conftest import PASSWORD, added
from tests.support.second_factor import code_of, turned_on

BROWSER, HOME = "the browser's name", "198.51.100.7"
A_WHILE = timedelta(seconds=20)


def holds(what: Callable[[], Any], until: timedelta) -> None:
    """True until then, give or take what the test itself takes, and false after."""
    with clock.shifted(until - A_WHILE):
        assert what()
    with clock.shifted(until + timedelta(seconds=1)):
        assert not what()


def succeeds(act: Callable[[], Any]) -> bool:
    try:
        act()
    except ClickkerError:
        return False
    return True


def count(app: Application, model: type[Any]) -> int:
    with app.database.read() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def signed_in(app: Application, who: CurrentOperator, *, confirmed: bool = False) -> str:
    ticket = start_ticket(app, who.id, BROWSER, "/", confirmed=confirmed)
    return start_session(app, ticket, BROWSER, HOME, "Firefox").cookie


def here(app: Application, cookie: str) -> CurrentOperator:
    found = session_operator(app, cookie)
    assert found is not None
    return found.operator


def test_the_times_are_the_ones_that_were_agreed() -> None:
    assert timedelta(seconds=30) == sessions.TICKET_LIFE
    assert timedelta(days=30) == sessions.ENDED_KEPT
    assert timedelta(days=90) == sessions.KNOWN_BROWSER_LIFE
    assert second_factor.FEW_LEFT == 3
    assert (knocks.SPAN, knocks.AHEAD, knocks.MOST_ROWS) == (60, 120, 10_000)
    assert (knocks.TIDY_SECONDS, knocks.TIDY_KNOCKS) == (60, 500)


def test_a_session_without_activity_ends_after_half_an_hour(app: Application, alice: CurrentOperator) -> None:
    cookie = signed_in(app, alice)
    holds(lambda: session_operator(app, cookie, active=False), timedelta(minutes=30))


def test_a_look_that_is_no_activity_keeps_nothing_alive(app: Application, alice: CurrentOperator) -> None:
    cookie, other = signed_in(app, alice), signed_in(app, alice)
    with clock.shifted(timedelta(minutes=20)):
        assert session_operator(app, cookie)
        assert session_operator(app, other, active=False)
    with clock.shifted(timedelta(minutes=40)):
        assert session_operator(app, cookie)
        assert not session_operator(app, other)
        assert len(own_sessions(app, alice)) == 1


def test_a_session_ends_after_twelve_hours_however_busy(app: Application, alice: CurrentOperator) -> None:
    cookie = signed_in(app, alice)
    for minutes in range(20, 12 * 60, 20):
        with clock.shifted(timedelta(minutes=minutes)):
            assert session_operator(app, cookie)
    holds(lambda: session_operator(app, cookie), timedelta(hours=12))


def test_activity_is_noted_of_the_session_and_of_the_operator(
    app: Application, alice: CurrentOperator
) -> None:
    cookie, other = signed_in(app, alice), signed_in(app, alice)
    with clock.shifted(timedelta(seconds=50)):
        session_operator(app, cookie)
    with clock.shifted(timedelta(minutes=5)):
        session_operator(app, cookie)
        latest = own_sessions(app, alice)[0]
        assert latest.id == here(app, cookie).session_id
        assert clock.now() - latest.last_active_at < A_WHILE
        assert clock.now() - own_sessions(app, alice)[1].last_active_at > timedelta(minutes=4)
        with app.database.read() as session:
            seen = session.scalars(select(Operator.last_seen_at).where(Operator.id == alice.id)).one()
        assert seen is not None
        assert clock.now() - seen < A_WHILE
    assert session_operator(app, other)


def test_ones_sessions_are_listed_by_when_they_were_last_used(
    app: Application, alice: CurrentOperator
) -> None:
    begun = clock.now()
    cookies = [signed_in(app, alice) for _browser in range(3)]
    first, second, third = [here(app, cookie).session_id for cookie in cookies]
    assert [view.id for view in own_sessions(app, alice)] == [third, second, first]
    with clock.shifted(timedelta(minutes=2)):
        session_operator(app, cookies[1])
        views = own_sessions(app, alice)
    assert [view.id for view in views] == [second, third, first]
    assert (views[0].address, views[0].browser) == (HOME, "Firefox")
    assert abs(views[0].created_at - begun) < A_WHILE
    assert views[0].last_active_at - views[0].created_at > timedelta(minutes=1)


def test_an_ended_session_is_forgotten_after_thirty_days_and_an_open_one_is_not(
    app: Application, alice: CurrentOperator
) -> None:
    signed_in(app, alice)
    with clock.shifted(timedelta(days=30)):
        signed_in(app, alice)
        assert count(app, OperatorSession) == 2
    with clock.shifted(timedelta(days=30, hours=12, minutes=1)):
        signed_in(app, alice)
        assert count(app, OperatorSession) == 2


def test_a_ticket_is_remembered_for_ninety_days(app: Application, alice: CurrentOperator) -> None:
    signed_in(app, alice)
    for days, left in ((89, 2), (90.01, 2)):
        with clock.shifted(timedelta(days=days)):
            start_ticket(app, alice.id, BROWSER, "/")
            assert count(app, SignInTicket) == left


def test_a_ticket_holds_for_thirty_seconds(app: Application, alice: CurrentOperator) -> None:
    ticket = start_ticket(app, alice.id, BROWSER, "/")
    with clock.shifted(timedelta(seconds=15)):
        assert start_session(app, ticket, BROWSER, "", "")


def test_a_password_is_fresh_for_five_minutes(app: Application, alice: CurrentOperator) -> None:
    by = here(app, signed_in(app, alice))
    assert not is_fresh(app, by)
    confirm_by_password(app, by, PASSWORD)
    holds(lambda: is_fresh(app, by), timedelta(minutes=5))
    fresh_from_the_start = here(app, signed_in(app, alice, confirmed=True))
    assert is_fresh(app, fresh_from_the_start)
    assert is_fresh(app, replace(alice, session_id=None)), "on the command line"


def test_a_fresh_password_is_of_its_session_and_its_operator(
    app: Application, alice: CurrentOperator
) -> None:
    cookie = signed_in(app, alice, confirmed=True)
    by = here(app, cookie)
    assert not is_fresh(app, replace(added(app, "Bob"), session_id=by.session_id))
    end_session(app, cookie)
    assert not is_fresh(app, by)
    confirm_by_password(app, by, PASSWORD)
    assert not is_fresh(app, by), "an ended session is not confirmed any more"


def test_a_second_step_waits_for_five_minutes(app: Application, alice: CurrentOperator) -> None:
    secret, codes = turned_on(app, alice, PASSWORD)
    begin_second_step(app, alice.id, BROWSER)
    holds(lambda: second_step_waits(app, BROWSER), timedelta(minutes=5))
    with clock.shifted(timedelta(minutes=5, seconds=1)):
        late = code_of(secret)
        assert not succeeds(lambda: complete_second_step(app, BROWSER, late, "/", HOME))
        assert own_second_factor(app, alice).codes_left == len(codes)
        begin_second_step(app, alice.id, "another")
        assert count(app, SecondStep) == 1, "what is over is forgotten"


def test_who_has_no_browser_yet_owes_no_code(app: Application, alice: CurrentOperator) -> None:
    turned_on(app, alice, PASSWORD)
    begin_second_step(app, alice.id, BROWSER)
    for nobody in (None, ""):
        forget_second_step(app, nobody)
        assert not second_step_waits(app, nobody)
    assert second_step_waits(app, BROWSER)
    forget_second_step(app, BROWSER)
    assert not second_step_waits(app, BROWSER)


def test_the_last_password_given_in_a_browser_counts(app: Application, alice: CurrentOperator) -> None:
    bob = added(app, "Bob")
    _secret, codes = turned_on(app, alice, PASSWORD)
    _secret, bobs = turned_on(app, bob, PASSWORD)
    begin_second_step(app, alice.id, BROWSER)
    begin_second_step(app, bob.id, BROWSER)
    assert not succeeds(lambda: complete_second_step(app, BROWSER, codes[0], "/", HOME))
    ticket = complete_second_step(app, BROWSER, bobs[0], "/", HOME)
    assert here(app, start_session(app, ticket, BROWSER, HOME, "").cookie).id == bob.id


def test_setting_up_a_second_factor_takes_at_most_fifteen_minutes(
    app: Application, alice: CurrentOperator
) -> None:
    begin_second_factor(app, alice, PASSWORD)
    holds(lambda: pending_second_factor(app, alice), timedelta(minutes=15))


def test_an_invitation_holds_for_seven_days(app: Application, admin: CurrentOperator) -> None:
    link = invite(app, admin, "new@clickker.test", "New", Role.SUPPORT)
    token = link.url.rsplit("/", 1)[1]
    holds(lambda: succeeds(lambda: open_invitation(app, token)), timedelta(days=7))
    assert abs(open_invitation(app, token).expires_at - clock.now() - timedelta(days=7)) < A_WHILE


def test_a_recovery_code_is_eighty_bits_in_fours_and_read_as_people_type_it() -> None:
    codes = new_recovery_codes()
    assert len(codes) == 10
    assert {len(fold_recovery_code(code)) for code in codes} == {16}
    assert all([len(part) for part in code.split("-")] == [4, 4, 4, 4] for code in codes)
    assert fold_recovery_code(f" {codes[0].upper().replace('-', '. ')}!") == codes[0].replace("-", "")
    assert fold_recovery_code("a" * 101) == "a" * 100
    assert in_groups("abcdefghi") == "abcd efgh i"


def test_ones_own_address_is_no_new_password(app: Application) -> None:
    email = "alice.van.dijk@clickker.test"
    number = add_operator(app, email, "Somebody Else", Role.SUPPORT, PASSWORD)
    who = CurrentOperator(number, email, "Somebody Else", Role.SUPPORT)
    for guessed in ("alice.van.dijk", email, "somebody else"):
        with pytest.raises(InvalidInput, match="often guessed"):
            change_password(app, who, PASSWORD, guessed)
    shown = repr(find_candidate(app, who.email, HOME, None))
    assert shown == f"Candidate(operator_id={who.id})"


def test_what_the_app_and_the_screens_are_told() -> None:
    address = app_address("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "alice@clickker.test")
    assert address.startswith("otpauth://totp/Clickker%20Connections:alice%40clickker.test?")
    assert "secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP" in address
    assert "issuer=Clickker%20Connections" in address
    assert [role_name(role) for role in Role] == ["Support", "Account manager", "Admin"]


def test_a_bucket_runs_empty_by_a_knock_in_its_part_of_a_minute(app: Application) -> None:
    assert [allow(app, "here", 4) for _round in range(5)] == [True] * 4 + [False]
    with clock.shifted(timedelta(seconds=14)):
        assert not allow(app, "here", 4)
    with clock.shifted(timedelta(seconds=31)):
        assert [allow(app, "here", 4) for _round in range(3)] == [True, True, False]


def test_buckets_are_tidied_after_a_minute_or_five_hundred_knocks(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = [1000.0]
    monkeypatch.setattr(knocks, "monotonic", lambda: moment[0])
    monkeypatch.setattr(knocks, "_tidied", {"at": 0.0, "knocks": 0.0})
    assert [knocks._due(), knocks._due()] == [True, False]
    moment[0] += 59.9
    assert not knocks._due()
    moment[0] += 0.2
    assert [knocks._due(), knocks._due()] == [True, False]
    assert [knocks._due() for _round in range(499)] == [False] * 498 + [True]
    allow(app, "long ago", 1)
    with clock.shifted(timedelta(minutes=3)):
        monkeypatch.setattr(knocks, "_tidied", {"at": 0.0, "knocks": 0.0})
        allow(app, "now", 1)
        assert count(app, Knock) == 1
