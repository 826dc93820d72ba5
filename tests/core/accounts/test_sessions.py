"""A ticket becomes a session once; a session ends when it should, and holds for nobody else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from core import clock
from core.accounts.open_sessions import end_other_sessions, end_own_session, own_sessions
from core.accounts.operators import disable
from core.accounts.roles import CurrentOperator
from core.accounts.sessions import (
    Started,
    own_target,
    session_operator,
    start_session,
    start_ticket,
)
from core.application import Application
from core.errors import NotAllowed
from core.storage.models import OperatorSession, SignInTicket
from tests.core.accounts.conftest import added
from tests.support.statements import statements

BROWSER = "the browser's name"


def signed_in(app: Application, operator: CurrentOperator, browser: str = BROWSER) -> str:
    """The cookie of a new session."""
    ticket = start_ticket(app, operator.id, browser, "/")
    return start_session(app, ticket, browser, "127.0.0.1", "Firefox").cookie


def holds(app: Application, cookie: str) -> bool:
    return session_operator(app, cookie) is not None


def test_a_ticket_becomes_a_session_and_leads_on(app: Application, alice: CurrentOperator) -> None:
    ticket = start_ticket(app, alice.id, BROWSER, "/registrations?status=attention")
    started = start_session(app, ticket, BROWSER, "127.0.0.1", "Firefox")
    found = session_operator(app, started.cookie)
    assert found is not None
    assert found.operator == replace(alice, session_id=found.session_id)
    assert started.target == "/registrations?status=attention"


def test_a_ticket_works_once(app: Application, alice: CurrentOperator) -> None:
    ticket = start_ticket(app, alice.id, BROWSER, "/")
    start_session(app, ticket, BROWSER, "", "")
    with pytest.raises(NotAllowed):
        start_session(app, ticket, BROWSER, "", "")


def test_of_twenty_that_use_a_ticket_at_once_one_wins(app: Application, alice: CurrentOperator) -> None:
    ticket = start_ticket(app, alice.id, BROWSER, "/")

    def use(_number: int) -> Started | None:
        try:
            return start_session(app, ticket, BROWSER, "", "")
        except NotAllowed:
            return None

    with ThreadPoolExecutor(8) as pool:
        assert sum(started is not None for started in pool.map(use, range(20))) == 1


def test_a_ticket_is_no_use_in_another_browser(app: Application, alice: CurrentOperator) -> None:
    ticket = start_ticket(app, alice.id, BROWSER, "/")
    with pytest.raises(NotAllowed):
        start_session(app, ticket, "another browser", "", "")
    with pytest.raises(NotAllowed):
        start_session(app, ticket, "", "", "")


def test_a_ticket_lapses_after_thirty_seconds(app: Application, alice: CurrentOperator) -> None:
    ticket = start_ticket(app, alice.id, BROWSER, "/")
    with clock.shifted(timedelta(seconds=31)), pytest.raises(NotAllowed):
        start_session(app, ticket, BROWSER, "", "")


def test_a_ticket_of_somebody_disabled_since_is_refused(
    app: Application, alice: CurrentOperator, admin: CurrentOperator
) -> None:
    ticket = start_ticket(app, alice.id, BROWSER, "/")
    disable(app, admin, alice.id)
    for late in (ticket, start_ticket(app, alice.id, BROWSER, "/")):
        with pytest.raises(NotAllowed):
            start_session(app, late, BROWSER, "", "")


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "registrations",
        "",
        "/\nSet-Cookie: a=b",
        "/é",
    ],
)
def test_nothing_leads_off_this_host(target: str) -> None:
    assert own_target(target) == "/"


def test_only_hashes_are_stored(app: Application, alice: CurrentOperator) -> None:
    ticket = start_ticket(app, alice.id, BROWSER, "/")
    started = start_session(app, ticket, BROWSER, "", "")
    with app.database.read() as session:
        kept = [session.scalars(select(OperatorSession)).one(), session.scalars(select(SignInTicket)).one()]
    stored = " ".join(str(value) for row in kept for value in vars(row).values())
    assert not any(secret in stored for secret in (ticket, started.cookie, BROWSER))
    assert started.cookie not in repr(started)


@pytest.mark.parametrize("cookie", [None, "", "unknown", "é\x00☃", "x" * 100_000])
def test_odd_cookies_are_nobody(app: Application, cookie: str | None) -> None:
    assert session_operator(app, cookie) is None


def test_everybody_sees_and_ends_their_own_sessions_only(app: Application, alice: CurrentOperator) -> None:
    bob = added(app, "Bob")
    cookie = signed_in(app, alice)
    (view,) = own_sessions(app, alice)
    assert own_sessions(app, bob) == ()
    end_own_session(app, bob, view.id)
    assert holds(app, cookie)
    end_own_session(app, alice, view.id)
    assert not holds(app, cookie)


def test_ending_all_others_ends_what_is_on_its_way_too(app: Application, alice: CurrentOperator) -> None:
    here, other = signed_in(app, alice), signed_in(app, alice)
    waiting = start_ticket(app, alice.id, "another browser", "/")
    found = session_operator(app, here)
    assert found is not None
    end_other_sessions(app, found.operator)
    assert holds(app, here)
    assert not holds(app, other)
    with pytest.raises(NotAllowed):
        start_session(app, waiting, "another browser", "", "")


def test_looking_a_session_up_is_one_statement_and_writes_once_a_minute(
    app: Application, alice: CurrentOperator
) -> None:
    cookie = signed_in(app, alice)
    with statements(app.database) as seen:
        assert session_operator(app, cookie)
        assert _verbs(seen) == ["SELECT"]
        with clock.shifted(timedelta(seconds=61)):
            assert session_operator(app, cookie)
            assert _verbs(seen).count("UPDATE") == 2
            seen.clear()
            assert session_operator(app, cookie)
            assert _verbs(seen) == ["SELECT"]


def _verbs(seen: list[tuple[str, Any]]) -> list[str]:
    return [statement.split(maxsplit=1)[0] for statement, _parameters in seen]
