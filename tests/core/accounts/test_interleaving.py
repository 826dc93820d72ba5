"""Two processes at once, in orders that are chosen: who is let in follows what was done last, and nobody is stuck."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from core import clock
from core.accounts import passwords
from core.accounts.invitations import accept_invitation, reset, revoke
from core.accounts.operators import add_operator, disable, enable, set_role
from core.accounts.roles import Role
from core.accounts.sessions import session_operator, start_session, start_ticket
from core.application import Application
from core.errors import ClickkerError, NotAllowed, NotFound
from core.storage.models import Operator
from tests.support.interleaving import Held, another_process, meanwhile

PASSWORD, NEW = "a herring in the tea", "two herrings in the tea"


@pytest.fixture
def other(app: Application) -> Iterator[Application]:
    with another_process(app) as second:
        yield second


@pytest.fixture
def bob(app: Application, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(passwords, "ROUNDS", 4)
    add_operator(app, "admin@clickker.test", "Admin", Role.ADMIN, PASSWORD)
    return add_operator(app, "bob@clickker.test", "Bob", Role.SUPPORT, PASSWORD)


def told(do: object) -> str:
    """What a use case ended in, for orders in which either end is right."""
    try:
        do()  # type: ignore[operator]
    except ClickkerError as error:
        return type(error).__name__
    return "done"


def test_a_session_that_is_used_while_its_operator_is_disabled(
    app: Application, other: Application, bob: int
) -> None:
    cookie = start_session(app, start_ticket(app, bob, "b", "/"), "b", "", "").cookie
    with clock.shifted(timedelta(minutes=2)):
        held = Held(other, "UPDATE operators", lambda: session_operator(other, cookie))
        meanwhile(held, app, lambda: disable(app, None, bob))
        assert session_operator(app, cookie) is None


@pytest.mark.parametrize("before", ["UPDATE operators", "INSERT INTO sessions"])
def test_a_sign_in_that_completes_while_its_operator_is_disabled(
    app: Application, other: Application, bob: int, before: str
) -> None:
    ticket = start_ticket(app, bob, "b", "/")
    cookies: list[str] = []

    def come_in() -> None:
        cookies.append(start_session(other, ticket, "b", "", "").cookie)

    held = Held(other, before, lambda: told(come_in))
    meanwhile(held, app, lambda: disable(app, None, bob))
    enable(app, None, bob)
    assert not any(session_operator(app, cookie) for cookie in cookies)


def test_a_link_that_is_withdrawn_while_it_is_used(app: Application, other: Application, bob: int) -> None:
    token = reset(app, None, bob).url.rpartition("/")[2]
    held = Held(other, "UPDATE invitations", lambda: told(lambda: accept_invitation(other, token, NEW)))
    ended: list[str] = []

    def withdraw() -> None:
        revoke(app, None, bob)
        with app.database.read() as session:
            ended.append(session.get_one(Operator, bob).password_hash or "")

    meanwhile(held, app, withdraw)
    with app.database.read() as session:
        now = session.get_one(Operator, bob).password_hash
    assert now == ended[0], "a password was set after the link had been withdrawn"


def test_a_link_that_is_used_while_a_role_is_changed(app: Application, other: Application, bob: int) -> None:
    start_session(app, start_ticket(app, bob, "b", "/"), "b", "", "")
    token = reset(app, None, bob).url.rpartition("/")[2]
    held = Held(other, "UPDATE operators", lambda: accept_invitation(other, token, NEW))
    meanwhile(held, app, lambda: set_role(app, None, bob, Role.ACCOUNT_MANAGER))
    with pytest.raises(NotFound):
        accept_invitation(app, token, NEW)


def test_no_link_is_made_for_somebody_who_is_being_disabled(
    app: Application, other: Application, bob: int
) -> None:
    links: list[str] = []
    held = Held(
        other, "INSERT INTO invitations", lambda: told(lambda: links.append(reset(other, None, bob).url))
    )
    meanwhile(held, app, lambda: disable(app, None, bob))
    enable(app, None, bob)
    for link in links:
        with pytest.raises((NotFound, NotAllowed)):
            accept_invitation(app, link.rpartition("/")[2], NEW)
