"""What is done to one operator leaves every row of another as it was: no use case reaches too far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import select

from core.accounts.confirming import confirm_by_password
from core.accounts.identities import Identity, bind, unbind
from core.accounts.invitations import accept_invitation, resend, reset, revoke
from core.accounts.lockout import account_hash
from core.accounts.open_sessions import (
    end_operator_session,
    end_operator_sessions,
    end_other_sessions,
    end_own_session,
    own_sessions,
)
from core.accounts.operators import disable, enable, rename, set_language, set_role
from core.accounts.roles import CurrentOperator, Role
from core.accounts.second_factor import (
    begin_second_factor,
    cancel_second_factor,
    own_second_factor,
    renew_recovery_codes,
    take_away_second_factor,
    turn_off_second_factor,
)
from core.accounts.second_step import begin_second_step, complete_second_step, forget_second_step
from core.accounts.sessions import end_session, session_operator, start_session, start_ticket
from core.accounts.signing_in import accept_candidate, change_password, find_candidate
from core.application import Application
from core.storage.base import Base
from core.storage.models import Operator, OperatorSession, SignInFailure
from tests.core.accounts.conftest import PASSWORD, added
from tests.support.second_factor import code_of, turned_on

HOME = "198.51.100.7"


@dataclass(frozen=True)
class Person:
    """An operator with a row of every kind."""

    who: CurrentOperator
    browser: str
    cookie: str
    codes: tuple[str, ...]
    link: str


def settled(app: Application, name: str) -> Person:
    who = added(app, name, Role.ADMIN)
    browser = f"browser of {name}"
    for _round in range(2):
        find_candidate(app, who.email, name, "unknown")  # wrong passwords that stay counted
    start_session(app, start_ticket(app, who.id, browser, "/"), browser, HOME, "")
    cookie = start_session(app, start_ticket(app, who.id, browser, "/"), browser, HOME, "").cookie
    here = session_operator(app, cookie)
    assert here is not None
    _secret, codes = turned_on(app, here.operator, PASSWORD)
    start_ticket(app, who.id, browser, "/waiting")
    link = reset(app, None, who.id).url.rsplit("/", 1)[1]
    begin_second_step(app, who.id, browser)
    with app.database.transaction() as session:
        bind(session, who, Identity("https://provider.test", f"subject of {name}"))
    return Person(here.operator, browser, cookie, codes, link)


def rows_of(app: Application, who: CurrentOperator) -> dict[str, list[tuple[Any, ...]]]:
    """All that is kept of an operator, table by table."""
    tables = [table for table in Base.metadata.sorted_tables if "operator_id" in table.c]
    with app.database.read() as session:
        found = {
            table.name: sorted(
                (tuple(row) for row in session.execute(select(table).where(table.c.operator_id == who.id))),
                key=str,
            )
            for table in tables
        }
        mine = Operator.__table__
        found["operators"] = [tuple(session.execute(select(mine).where(mine.c.id == who.id)).one())]
        failures = SignInFailure.__table__
        query = select(failures).where(failures.c.account_hash == account_hash(who.email))
        found["failures"] = sorted((tuple(row) for row in session.execute(query)), key=str)
    return found


def one_session(app: Application, person: Person) -> int:
    return own_sessions(app, person.who)[-1].id


def come_in(app: Application, alice: Person) -> None:
    accept_candidate(app, find_candidate(app, alice.who.email, HOME, alice.browser))
    begin_second_step(app, alice.who.id, alice.browser)
    ticket = complete_second_step(app, alice.browser, alice.codes[0], "/", HOME)
    start_session(app, ticket, alice.browser, HOME, "")


def set_up_and_cancel(app: Application, alice: Person) -> None:
    turn_off_second_factor(app, alice.who, PASSWORD)
    begin_second_factor(app, alice.who, PASSWORD)
    begin_second_factor(app, alice.who, PASSWORD)
    cancel_second_factor(app, alice.who)


def bind_again(app: Application, alice: Person) -> None:
    with app.database.transaction() as session:
        bind(session, alice.who, Identity("https://provider.test", f"another subject of {alice.who.name}"))


ACTS: dict[str, Callable[[Application, Person, CurrentOperator], Any]] = {
    "come in": lambda app, alice, _admin: come_in(app, alice),
    "sign out": lambda app, alice, _admin: end_session(app, alice.cookie, HOME),
    "end one of one's own": lambda app, alice, _admin: end_own_session(
        app, alice.who, one_session(app, alice)
    ),
    "end the others": lambda app, alice, _admin: end_other_sessions(app, alice.who),
    "end one of hers": lambda app, alice, admin: end_operator_session(
        app, admin, alice.who.id, one_session(app, alice)
    ),
    "end all of hers": lambda app, alice, admin: end_operator_sessions(app, admin, alice.who.id),
    "confirm": lambda app, alice, _admin: confirm_by_password(app, alice.who, PASSWORD),
    "change the password": lambda app, alice, _admin: change_password(
        app, alice.who, PASSWORD, "an eel in the coffee"
    ),
    "use a link": lambda app, alice, _admin: accept_invitation(app, alice.link, "an eel in the coffee"),
    "make a reset link": lambda app, alice, admin: reset(app, admin, alice.who.id),
    "revoke links": lambda app, alice, admin: revoke(app, admin, alice.who.id),
    "another role": lambda app, alice, admin: set_role(app, admin, alice.who.id, Role.SUPPORT),
    "disable": lambda app, alice, admin: disable(app, admin, alice.who.id),
    "enable": lambda app, alice, admin: enable(app, admin, alice.who.id),
    "rename": lambda app, alice, admin: rename(app, admin, alice.who.id, "Alicia"),
    "language": lambda app, alice, _admin: set_language(app, alice.who, "nl"),
    "new recovery codes": lambda app, alice, _admin: renew_recovery_codes(app, alice.who, PASSWORD),
    "set up and cancel": lambda app, alice, _admin: set_up_and_cancel(app, alice),
    "turn it off": lambda app, alice, _admin: turn_off_second_factor(app, alice.who, PASSWORD),
    "take it away": lambda app, alice, admin: take_away_second_factor(app, admin, alice.who.id),
    "begin with the password again": lambda app, alice, _admin: forget_second_step(app, alice.browser),
    "bind another identity": lambda app, alice, _admin: bind_again(app, alice),
    "unbind": lambda app, alice, _admin: unbind(app, alice.who, PASSWORD),
}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # long, and the statements are the same
def test_nothing_is_changed_of_who_stands_by(app: Application, admin: CurrentOperator) -> None:
    bob = settled(app, "Bob")
    before = rows_of(app, bob.who)
    empty = {name for name, rows in before.items() if not rows}
    assert empty == {"consents", "unsaved_work"}, "a row of every other kind"
    for number, (act, do) in enumerate(ACTS.items()):
        alice = settled(app, f"Alice{number}")
        hers = rows_of(app, alice.who)
        do(app, alice, admin)
        assert rows_of(app, bob.who) == before, act
        assert (rows_of(app, alice.who) == hers) == (act == "enable"), act


def test_a_code_of_somebody_else_opens_nothing(app: Application) -> None:
    bob, alice = settled(app, "Bob"), settled(app, "Alice")
    for code in (bob.codes[0], code_of("A" * 32)):
        with pytest.raises(Exception, match="not right"):
            complete_second_step(app, alice.browser, code, "/", HOME)
    assert own_second_factor(app, bob.who).codes_left == 10


def test_a_session_of_somebody_else_is_not_ended_by_its_number(
    app: Application, admin: CurrentOperator
) -> None:
    bob, alice = settled(app, "Bob"), settled(app, "Alice")
    theirs = [view.id for view in own_sessions(app, bob.who)]
    end_own_session(app, alice.who, theirs[0])
    end_operator_session(app, admin, alice.who.id, theirs[0])
    assert [view.id for view in own_sessions(app, bob.who)] == theirs


def test_a_confirmation_is_of_one_session(app: Application) -> None:
    alice = settled(app, "Alice")
    confirm_by_password(app, alice.who, PASSWORD)
    with app.database.read() as session:
        query = select(OperatorSession.id, OperatorSession.confirmed_at)
        confirmed = [number for number, at in session.execute(query) if at is not None]
    assert confirmed == [alice.who.session_id]


def test_a_link_is_sent_again_only_to_who_never_came(app: Application, admin: CurrentOperator) -> None:
    bob = settled(app, "Bob")
    with pytest.raises(Exception, match="created already"):
        resend(app, admin, bob.who.id)
    assert replace(bob.who, session_id=None).role is Role.ADMIN
