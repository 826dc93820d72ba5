"""Check 28: a fresh password for disconnect, delete and an export of everything, asked in core."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from core import clock
from core.accounts import passwords
from core.accounts.confirming import confirm_by_password, is_fresh, mark_confirmed
from core.accounts.lockout import PER_ACCOUNT, TooManyAttempts
from core.accounts.operators import add_operator
from core.accounts.roles import CurrentOperator, Role
from core.accounts.sessions import end_session, session_operator, start_session, start_ticket
from core.application import Application
from core.audit import record as audit
from core.audit.events import Event
from core.errors import ClickkerError, ConfirmationNeeded, InvalidInput
from core.registrations import paging
from core.registrations.drafts import save_draft
from core.registrations.listing import (
    AdministrationQuery,
    RegistrationQuery,
    iterate_administrations,
    iterate_registrations,
)
from core.registrations.register import delete, disconnect
from core.registrations.views import RegistrationForm
from core.storage.database import Database
from core.storage.models import OperatorSession
from tests.factories import make_connected
from tests.security.test_roles import everything_in

PASSWORD = "a herring in the tea"
Use = Callable[[Application, CurrentOperator, int], object]
GRAVE: dict[str, Use] = {
    "disconnect": disconnect,
    "delete": delete,
    "all registrations": lambda app, by, _number: iterate_registrations(app, by, RegistrationQuery()),
    "all administrations": lambda app, by, _number: iterate_administrations(app, by, AdministrationQuery()),
}


def come_in(app: Application, who: CurrentOperator, *, confirmed: bool = True) -> tuple[str, CurrentOperator]:
    """The cookie of a new session, and who holds it."""
    ticket = start_ticket(app, who.id, "browser", "/", confirmed=confirmed)
    cookie = start_session(app, ticket, "browser", "203.0.113.9", "Firefox").cookie
    signed_in = session_operator(app, cookie, address="203.0.113.9")
    assert signed_in is not None
    return cookie, signed_in.operator


def let_pass(monkeypatch: pytest.MonkeyPatch, minutes: float) -> None:
    monkeypatch.setattr(clock, "_offset", clock._offset + timedelta(minutes=minutes))


@pytest.fixture
def sanne(app: Application, monkeypatch: pytest.MonkeyPatch) -> CurrentOperator:
    """Support, who has a password."""
    monkeypatch.setattr(passwords, "ROUNDS", 4)
    email = "sanne@clickker.test"
    number = add_operator(app, email, "Sanne", Role.SUPPORT, PASSWORD, "en")
    return CurrentOperator(number, email, "Sanne", Role.SUPPORT, "en")


@pytest.mark.parametrize("grave", GRAVE)
def test_check_28_an_old_password_is_not_enough_and_a_fresh_one_is(
    app: Application, database: Database, sanne: CurrentOperator, monkeypatch: pytest.MonkeyPatch, grave: str
) -> None:
    number = make_connected(database)
    _cookie, by = come_in(app, sanne)
    let_pass(monkeypatch, 5.1)
    before = everything_in(database)

    with pytest.raises(ConfirmationNeeded) as needed:
        GRAVE[grave](app, by, number)
    assert (needed.value.by, needed.value.retryable) == (by, True)
    assert everything_in(database) == before

    confirm_by_password(app, by, PASSWORD, "browser")
    GRAVE[grave](app, by, number)


@pytest.mark.parametrize("grave", GRAVE)
def test_check_28_for_five_minutes_the_sign_in_itself_is_enough(
    app: Application, database: Database, sanne: CurrentOperator, monkeypatch: pytest.MonkeyPatch, grave: str
) -> None:
    _cookie, by = come_in(app, sanne)
    let_pass(monkeypatch, 4.9)
    GRAVE[grave](app, by, make_connected(database))


@pytest.mark.parametrize("grave", GRAVE)
def test_check_28_a_sign_in_without_a_password_is_not_enough(
    app: Application, database: Database, sanne: CurrentOperator, grave: str
) -> None:
    _cookie, by = come_in(app, sanne, confirmed=False)
    with pytest.raises(ConfirmationNeeded):
        GRAVE[grave](app, by, make_connected(database))


def test_check_28_how_long_is_a_setting(
    app: Application, sanne: CurrentOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    longer = replace(app, settings=app.settings.model_copy(update={"fresh_minutes": 10}))
    _cookie, by = come_in(app, sanne)
    let_pass(monkeypatch, 7)
    assert (is_fresh(app, by), is_fresh(longer, by)) == (False, True)


def test_check_28_the_command_line_has_no_session_to_confirm(
    app: Application, database: Database, sanne: CurrentOperator
) -> None:
    disconnect(app, replace(sanne, session_id=None), make_connected(database))


def test_check_28_only_ones_own_open_session_counts(app: Application, sanne: CurrentOperator) -> None:
    cookie, by = come_in(app, sanne)
    email = "bob@clickker.test"
    bob = CurrentOperator(add_operator(app, email, "Bob", Role.SUPPORT, PASSWORD), email, "Bob", Role.SUPPORT)

    assert not is_fresh(app, replace(bob, session_id=by.session_id))
    assert not is_fresh(app, replace(by, session_id=999))
    end_session(app, cookie)
    assert not is_fresh(app, by)
    with app.database.transaction() as session:
        mark_confirmed(session, by.session_id or 0, clock.now())
    assert not is_fresh(app, by)


def test_check_28_one_session_confirmed_is_not_the_other(
    app: Application, sanne: CurrentOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    (_first, here), (_second, there) = come_in(app, sanne), come_in(app, sanne)
    let_pass(monkeypatch, 6)
    confirm_by_password(app, here, PASSWORD, "browser")
    assert (is_fresh(app, here), is_fresh(app, there)) == (True, False)


def test_check_28_no_password_confirms_nothing_and_is_no_attempt(
    app: Application, sanne: CurrentOperator
) -> None:
    _cookie, by = come_in(app, sanne, confirmed=False)
    for _number in range(PER_ACCOUNT + 1):
        with pytest.raises(InvalidInput):
            confirm_by_password(app, by, "", "browser")
    assert not is_fresh(app, by)
    confirm_by_password(app, by, PASSWORD, "browser")


@pytest.mark.parametrize("wrong", ["guess", PASSWORD + " ", PASSWORD.upper(), "x" * 200])
def test_check_28_a_wrong_password_confirms_nothing_and_is_written_down(
    app: Application, sanne: CurrentOperator, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    _cookie, by = come_in(app, sanne, confirmed=False)
    written = keep_records(monkeypatch)
    with pytest.raises(InvalidInput):
        confirm_by_password(app, by, wrong, "browser")
    assert not is_fresh(app, by)
    assert written == [(Event.CONFIRMATION_FAILED, by.id, "203.0.113.9", "refused")]

    confirm_by_password(app, by, PASSWORD, "browser")
    assert written[1] == (Event.CONFIRMATION_GIVEN, by.id, "203.0.113.9", "done")


def test_check_28_guessing_ends_as_at_the_sign_in(app: Application, sanne: CurrentOperator) -> None:
    _cookie, by = come_in(app, sanne, confirmed=False)
    for _number in range(PER_ACCOUNT):
        with pytest.raises(InvalidInput):
            confirm_by_password(app, by, "guess", "browser")
    with pytest.raises(TooManyAttempts):
        confirm_by_password(app, by, PASSWORD, "browser")
    assert not is_fresh(app, by)


def test_check_28_nothing_is_asked_for_what_can_be_done_again(
    app: Application, database: Database, sanne: CurrentOperator
) -> None:
    make_connected(database, "Test B.V.")
    _cookie, by = come_in(app, sanne, confirmed=False)
    delete(app, by, save_draft(app, by, None, RegistrationForm(name="Half B.V.")))
    assert len(list(iterate_registrations(app, by, RegistrationQuery(search="test")))) == 1


@pytest.mark.parametrize("query", [{"active": True}, {"search": "b.v"}, {"environment": "nl"}])
def test_check_28_a_filter_that_nearly_everything_passes_is_no_way_around(
    app: Application,
    database: Database,
    sanne: CurrentOperator,
    monkeypatch: pytest.MonkeyPatch,
    query: dict[str, Any],
) -> None:
    monkeypatch.setattr(paging, "COUNT_LIMIT", 2)
    for _number in range(3):
        make_connected(database)
    _cookie, by = come_in(app, sanne, confirmed=False)
    with pytest.raises(ConfirmationNeeded):
        iterate_registrations(app, by, RegistrationQuery(**query))
    assert len(list(iterate_registrations(app, sanne, RegistrationQuery(**query)))) == 3


def test_check_28_a_session_of_before_the_upgrade_is_not_fresh(
    app: Application, sanne: CurrentOperator
) -> None:
    _cookie, by = come_in(app, sanne)
    with app.database.transaction() as session:
        session.execute(update(OperatorSession).values(confirmed_at=None))
    assert not is_fresh(app, by)


def keep_records(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """What is put into the audit log from here on."""
    written: list[tuple[object, ...]] = []

    def note(_session: object, event: Event, by: CurrentOperator, **more: object) -> None:
        written.append((event, by.id, by.address, more.get("outcome", "done")))

    monkeypatch.setattr(audit, "record", note)
    monkeypatch.setattr("core.accounts.confirming.record", note)
    return written


def test_the_error_stands_in_the_one_tree() -> None:
    assert issubclass(ConfirmationNeeded, ClickkerError)
