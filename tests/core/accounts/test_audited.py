"""Who came in, who did not, and what was done to operators: told to the audit log, from where, without secrets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from core.accounts.confirming import confirm_by_password
from core.accounts.invitations import accept_invitation, invite, resend, reset, revoke
from core.accounts.open_sessions import (
    end_operator_session,
    end_operator_sessions,
    end_other_sessions,
    end_own_session,
    own_sessions,
)
from core.accounts.operators import disable, enable, rename, set_role
from core.accounts.roles import CurrentOperator, Role
from core.accounts.second_factor import renew_recovery_codes, take_away_second_factor, turn_off_second_factor
from core.accounts.second_step import begin_second_step, complete_second_step
from core.accounts.sessions import end_session, start_session, start_ticket
from core.accounts.signing_in import change_password, confirm_password, find_candidate, refuse_candidate
from core.application import Application
from core.audit import record as audit
from core.audit.events import Event
from core.errors import ClickkerError
from tests.core.accounts.conftest import PASSWORD, added
from tests.support.second_factor import code_of, turned_on

HOME = "198.51.100.7"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[audit.Record]:
    """What the audit log was told."""
    records: list[audit.Record] = []
    make = audit.Record

    def kept(*parts: Any) -> audit.Record:
        records.append(make(*parts))
        return records[-1]

    monkeypatch.setattr(audit, "Record", kept)
    return records


def lines(told: list[audit.Record]) -> list[tuple[Event, str | None, str, str, str]]:
    return [(r.event, r.by.name if r.by else None, r.outcome, r.detail, r.address) for r in told]


def signed_in(app: Application, who: CurrentOperator) -> tuple[CurrentOperator, str]:
    """The operator in a session of their own, and its cookie."""
    cookie = start_session(app, start_ticket(app, who.id, "browser", "/"), "browser", HOME, "").cookie
    return replace(who, session_id=own_sessions(app, who)[0].id, address=HOME), cookie


def test_coming_and_going(app: Application, alice: CurrentOperator, told: list[audit.Record]) -> None:
    told.clear()
    _here, cookie = signed_in(app, alice)
    end_session(app, cookie, HOME)
    end_session(app, cookie, HOME)
    assert lines(told) == [
        (Event.SIGN_IN, "Alice", "done", "", HOME),
        (Event.SIGN_OUT, "Alice", "done", "", HOME),
    ]
    assert {record.on for record in told} == {f"operator {alice.id} {alice.email}"}


def test_not_coming_in(app: Application, alice: CurrentOperator, told: list[audit.Record]) -> None:
    told.clear()
    for _round in range(5):
        refuse_candidate(app, find_candidate(app, alice.email, HOME, None), HOME)
    with pytest.raises(ClickkerError):
        find_candidate(app, alice.email, HOME, None)
    refuse_candidate(app, find_candidate(app, "my secret pass phrase", HOME, None), HOME)
    assert lines(told)[4:] == [
        (Event.SIGN_IN, None, "refused", "wrong password", HOME),
        (Event.SIGN_IN, None, "refused", "locked", HOME),
        (Event.SIGN_IN, None, "refused", "wrong password", HOME),
    ]
    assert told[4].on == f"operator {alice.id} {alice.email}"
    assert "secret" not in told[-1].on


def test_the_second_factor(
    app: Application, alice: CurrentOperator, admin: CurrentOperator, told: list[audit.Record]
) -> None:
    told.clear()
    here = replace(alice, address=HOME)
    secret, codes = turned_on(app, here, PASSWORD)
    begin_second_step(app, alice.id, "browser")
    with pytest.raises(ClickkerError):
        complete_second_step(app, "browser", "000000", "/", HOME)
    complete_second_step(app, "browser", codes[0], "/", HOME)
    renewed = renew_recovery_codes(app, here, PASSWORD)
    turn_off_second_factor(app, here, PASSWORD)
    turned_on(app, here, PASSWORD)
    take_away_second_factor(app, admin, alice.id)
    assert lines(told) == [
        (Event.SECOND_FACTOR_ON, "Alice", "done", "", HOME),
        (Event.SIGN_IN, None, "refused", "second factor: wrong code", HOME),
        (Event.RECOVERY_CODE_USED, None, "done", "", HOME),
        (Event.RECOVERY_CODES_MADE, "Alice", "done", "", HOME),
        (Event.SECOND_FACTOR_OFF, "Alice", "done", "", HOME),
        (Event.SECOND_FACTOR_ON, "Alice", "done", "", HOME),
        (Event.SECOND_FACTOR_OFF, "Anna", "done", "taken away", ""),
    ]
    written = str(told)
    assert not any(each in written for each in (secret, code_of(secret), *codes, *renewed, PASSWORD))


def test_one_s_own_password(app: Application, alice: CurrentOperator, told: list[audit.Record]) -> None:
    told.clear()
    with pytest.raises(ClickkerError):
        confirm_password(app, alice, "not the present one", HOME)
    change_password(app, alice, PASSWORD, "an eel in the coffee", address=HOME)
    assert lines(told) == [
        (Event.CONFIRMATION_FAILED, "Alice", "refused", "", HOME),
        (Event.PASSWORD_CHANGED, "Alice", "done", "", HOME),
    ]


def test_a_code_at_a_locked_account_is_told_once_a_minute(
    app: Application, alice: CurrentOperator, told: list[audit.Record]
) -> None:
    turned_on(app, alice, PASSWORD)
    begin_second_step(app, alice.id, "browser")
    for _round in range(5):
        with pytest.raises(ClickkerError):
            complete_second_step(app, "browser", "000000", "/", HOME)
    told.clear()
    for _round in range(3):
        with pytest.raises(ClickkerError):
            complete_second_step(app, "browser", "000000", "/", HOME)
    assert lines(told) == [(Event.SIGN_IN, None, "refused", "second factor: locked", HOME)]
    assert told[0].on == f"operator {alice.id} {alice.email}"


def test_ending_ones_other_sessions(
    app: Application, alice: CurrentOperator, told: list[audit.Record]
) -> None:
    here, _cookie = signed_in(app, alice)
    told.clear()
    end_other_sessions(app, here)
    assert lines(told) == [(Event.SESSION_ENDED, "Alice", "done", "all others", HOME)]
    assert told[0].on == f"operator {alice.id} {alice.email}"


def test_a_confirmation_at_a_locked_account_is_told_once_a_minute(
    app: Application, alice: CurrentOperator, told: list[audit.Record]
) -> None:
    for _round in range(5):
        with pytest.raises(ClickkerError):
            confirm_password(app, alice, "not the present one", HOME)
    told.clear()
    for _round in range(3):
        with pytest.raises(ClickkerError):
            confirm_password(app, alice, PASSWORD, HOME)
    assert lines(told) == [(Event.CONFIRMATION_FAILED, "Alice", "refused", "locked", HOME)]


def test_a_fresh_password_and_how_it_was_proved(
    app: Application, alice: CurrentOperator, told: list[audit.Record]
) -> None:
    here, _cookie = signed_in(app, alice)
    told.clear()
    confirm_by_password(app, here, PASSWORD)
    assert lines(told) == [(Event.CONFIRMATION_GIVEN, "Alice", "done", "password", HOME)]


def test_what_an_admin_does(
    app: Application, alice: CurrentOperator, admin: CurrentOperator, told: list[audit.Record]
) -> None:
    signed_in(app, alice)
    told.clear()
    acts: list[Callable[[], object]] = [
        lambda: set_role(app, admin, alice.id, Role.ACCOUNT_MANAGER),
        lambda: set_role(app, admin, alice.id, Role.ACCOUNT_MANAGER),
        lambda: rename(app, admin, alice.id, "Alice van Dijk"),
        lambda: rename(app, admin, alice.id, "Alice van Dijk"),
        lambda: reset(app, admin, alice.id),
        lambda: revoke(app, admin, alice.id),
        lambda: revoke(app, admin, alice.id),
        lambda: end_operator_sessions(app, admin, alice.id),
        lambda: disable(app, admin, alice.id),
        lambda: enable(app, None, alice.id),
    ]
    for act in acts:
        act()
    assert [(event, by, detail) for event, by, _outcome, detail, _address in lines(told)] == [
        (Event.OPERATOR_ROLE_CHANGED, "Anna", "support → account_manager"),
        (Event.OPERATOR_RENAMED, "Anna", "Alice → Alice van Dijk"),
        (Event.OPERATOR_RESET, "Anna", ""),
        (Event.INVITATION_REVOKED, "Anna", ""),
        (Event.SESSION_ENDED, "Anna", "all"),
        (Event.OPERATOR_DISABLED, "Anna", ""),
        (Event.OPERATOR_ENABLED, None, ""),
    ]
    assert {record.on for record in told} == {f"operator {alice.id} {alice.email}"}


def test_sessions_that_are_ended(
    app: Application, alice: CurrentOperator, admin: CurrentOperator, told: list[audit.Record]
) -> None:
    here, _cookie = signed_in(app, alice)
    numbers = []
    for _round in range(3):
        signed_in(app, alice)
        numbers.append(next(view.id for view in own_sessions(app, alice) if view.id not in numbers))
    first, second, _third = (view.id for view in own_sessions(app, alice) if view.id != here.session_id)
    told.clear()
    end_own_session(app, here, first)
    end_own_session(app, here, first)
    end_operator_session(app, admin, alice.id, second)
    end_operator_session(app, admin, admin.id, here.session_id or 0)
    end_other_sessions(app, here)
    assert [view.id for view in own_sessions(app, alice)] == [here.session_id]
    assert [(r.event, r.by and r.by.name, r.detail) for r in told] == [
        (Event.SESSION_ENDED, "Alice", f"session {first}"),
        (Event.SESSION_ENDED, "Anna", f"session {second}"),
        (Event.SESSION_ENDED, "Alice", "all others"),
    ]


def test_an_invitation_from_the_shell_to_the_account(app: Application, told: list[audit.Record]) -> None:
    told.clear()
    invite(app, None, "bob@clickker.test", "Bob", Role.SUPPORT)
    number = int(told[0].on.split()[1])
    link = resend(app, None, number)
    token = link.url.rsplit("/", 1)[1]
    accept_invitation(app, token, PASSWORD, HOME)
    assert lines(told) == [
        (Event.OPERATOR_INVITED, None, "done", "support", ""),
        (Event.OPERATOR_INVITED, None, "done", "again", ""),
        (Event.INVITATION_USED, None, "done", "invite", HOME),
    ]
    assert token not in str(told)


def test_what_was_refused_is_not_said_to_be_done(
    app: Application, admin: CurrentOperator, told: list[audit.Record]
) -> None:
    told.clear()
    with pytest.raises(ClickkerError):
        disable(app, admin, admin.id)
    with pytest.raises(ClickkerError):
        set_role(app, admin, admin.id, Role.SUPPORT)
    assert told == []


def test_what_is_done_from_a_shell_is_nobodys(
    app: Application, alice: CurrentOperator, told: list[audit.Record]
) -> None:
    turned_on(app, alice, PASSWORD)
    told.clear()
    added(app, "Bob")
    reset(app, None, alice.id)
    set_role(app, None, alice.id, Role.ADMIN)
    take_away_second_factor(app, None, alice.id)
    end_operator_sessions(app, None, alice.id)
    assert [(record.event, record.by, record.address) for record in told] == [
        (event, None, "")
        for event in (
            Event.OPERATOR_ADDED,
            Event.OPERATOR_RESET,
            Event.OPERATOR_ROLE_CHANGED,
            Event.SECOND_FACTOR_OFF,
            Event.SESSION_ENDED,
        )
    ]
