"""With cookies, tickets and session ids that were somebody's, or that never were."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

from sqlalchemy import select, update

from core import clock
from core.accounts.open_sessions import end_own_session
from core.accounts.operators import disable, set_role
from core.accounts.roles import CurrentOperator, Role
from core.accounts.sessions import (
    end_all_sessions,
    end_session,
    session_operator,
    start_ticket,
)
from core.accounts.signing_in import change_password
from core.storage.models import OperatorSession, SignInTicket
from core.tokens.secrets import hash_token, new_token
from tests.security.attempts.attempt import add, attempt
from tests.security.attempts.world import BROWSER, MARK, World, run
from tests.support.frame import new_session
from tests.support.live import PASSWORD

Change = Callable[[World, CurrentOperator, str], object]


def _update(world: World, cookie: str, **values: object) -> None:
    with world.live.app.database.transaction() as session:
        session.execute(
            update(OperatorSession).where(OperatorSession.token_hash == hash_token(cookie)).values(**values)
        )


def _end_all(world: World, who: CurrentOperator, _cookie: str) -> None:
    with world.live.app.database.transaction() as session:
        end_all_sessions(session, who.id)


def _end_own(world: World, who: CurrentOperator, cookie: str) -> None:
    signed_in = session_operator(world.live.app, cookie)
    assert signed_in is not None
    end_own_session(world.live.app, who, signed_in.session_id)


def _signed_out_by_route(world: World, _who: CurrentOperator, cookie: str) -> None:
    headers = {"Cookie": f"clickker_session={cookie}", "sec-fetch-site": "same-origin"}
    assert world.get("/session/end", headers=headers).status_code == 303


AFTER: dict[str, Change] = {
    "sign-out": lambda world, _who, cookie: end_session(world.live.app, cookie),
    "sign-out by the route": _signed_out_by_route,
    "being disabled": lambda world, who, _c: disable(
        world.live.app, world.person("Anna", Role.ADMIN), who.id
    ),
    "a change of password": lambda world, who, _c: change_password(
        world.live.app, who, PASSWORD, "an entirely new herring"
    ),
    "a change of role": lambda world, who, _c: set_role(
        world.live.app, world.person("Anna", Role.ADMIN), who.id, Role.ACCOUNT_MANAGER
    ),
    "its owner ended it": _end_own,
    "all were ended": _end_all,
    "half an hour of nothing": lambda world, _who, cookie: _update(
        world, cookie, last_active_at=clock.now() - timedelta(minutes=31)
    ),
    "twelve hours": lambda world, _who, cookie: _update(
        world, cookie, expires_at=clock.now() - timedelta(seconds=1)
    ),
}


def replay(world: World, change: Change, name: str) -> str:
    """A cookie that was good, after what should have ended it."""
    who = world.person(f"Replay{list(AFTER).index(name)}")
    cookie = new_session(world.live.app, who)
    change(world, who, cookie)
    return world.lets_in(f"clickker_session={cookie}")


for _name, _change in AFTER.items():
    add(f"cookie replayed after: {_name}", partial(replay, change=_change, name=_name))


def _streamlit_user(world: World) -> str:
    payload = {"is_logged_in": True, "email": "anna@clickker.test", "origin": world.url}
    return base64.urlsafe_b64encode(json.dumps(payload).encode()).decode()


FORGED: dict[str, Callable[[World, str], str]] = {
    "none": lambda _w, _c: "",
    "empty": lambda _w, _c: "clickker_session=",
    "random": lambda _w, _c: f"clickker_session={new_token()}",
    "the hash that the database holds": lambda _w, c: f"clickker_session={hash_token(c)}",
    "the hash in capitals": lambda _w, c: f"clickker_session={hash_token(c).upper()}",
    "a piece of it": lambda _w, c: f"clickker_session={c[:-1]}",
    "it and a letter": lambda _w, c: f"clickker_session={c}A",
    "another case": lambda _w, c: f"clickker_session={c.swapcase()}",
    "another name in front": lambda _w, c: f"__Host-clickker_session={c}",
    "another name": lambda _w, c: f"session={c}",
    "the browser's cookie": lambda _w, c: f"clickker_browser={c}",
    "doubled, a wrong one last": lambda _w, c: f"clickker_session={c[::-1]}; clickker_session=x",
    "SQL": lambda _w, _c: "clickker_session=' OR '1'='1",
    "SQL with a union": lambda _w, _c: "clickker_session=x' UNION SELECT 1,2,3,4,5,6,7,8,9 --",
    "a wildcard": lambda _w, _c: "clickker_session=%",
    "NUL": lambda _w, c: f"clickker_session={c[:20]}%00{c[20:]}",
    "Latin-1": lambda _w, _c: "clickker_session=\xff\xfe\xe9",
    "very long": lambda _w, _c: "clickker_session=" + "A" * 50_000,
    "thousands of them": lambda _w, _c: "; ".join(f"clickker_session={n}" for n in range(2_000)),
    "a number": lambda _w, _c: "clickker_session=1",
    "JSON": lambda _w, _c: 'clickker_session={"operator_id":1,"role":"admin"}',
    "a JSON Web Token without a signature": lambda _w, _c: (
        "clickker_session=eyJhbGciOiJub25lIn0.eyJ1c2VybmFtZSI6ImFubmEifQ."
    ),
    "Streamlit's own, unsigned": lambda w, _c: f"_streamlit_user={_streamlit_user(w)}",
    "streamlit-authenticator's own": lambda _w, _c: (
        "some_cookie_name=eyJhbGciOiJIUzI1NiJ9.eyJ1Ijoid2kifQ.x; init=1"
    ),
    "only separators": lambda _w, _c: ";;;=;=;clickker_session;",
    "quotes left open": lambda _w, c: f'clickker_session="{c[::-1]}',
}


def forged(world: World, make: Callable[[World, str], str]) -> str:
    """A cookie that never was anybody's."""
    return world.lets_in(make(world, world.cookie("Alice")))


for _title, _make in FORGED.items():
    add(f"forged cookie: {_title}", partial(forged, make=_make))


def _ticket(world: World, who: CurrentOperator, target: str = "/") -> str:
    return start_ticket(world.live.app, who.id, BROWSER, target)


def take(world: World, ticket: str, browser: str = BROWSER, url: str = "") -> str:
    """Turn a ticket into a cookie: what that cookie then opens."""
    headers = {"Cookie": f"clickker_browser={browser}"} if browser else {}
    answer = world.get(url or "/session/start", params={"ticket": ticket}, headers=headers)
    cookie = answer.cookies.get("clickker_session", "")
    return world.lets_in(f"clickker_session={cookie}") if cookie else ""


@attempt("ticket replayed")
def _(world: World) -> str:
    ticket = _ticket(world, world.person("Alice"))
    assert take(world, ticket), "the first time it must work, or this shows nothing"
    return take(world, ticket)


def _stolen(world: World, browser: str) -> str:
    return take(world, _ticket(world, world.person("Alice")), browser)


for _browser in ("", "x" * 43, "B" * 43, BROWSER + "x", hash_token(BROWSER), "'"):
    add(
        f"ticket taken from the browser {_browser[:10]!r}...{len(_browser)}",
        partial(_stolen, browser=_browser),
    )


@attempt("ticket after half a minute")
def _(world: World) -> str:
    ticket = _ticket(world, world.person("Alice"))
    with world.live.app.database.transaction() as session:
        past = clock.now() - timedelta(seconds=1)
        session.execute(update(SignInTicket).where(SignInTicket.used_at.is_(None)).values(expires_at=past))
    return take(world, ticket)


@attempt("ticket by its hash in the database")
def _(world: World) -> str:
    _ticket(world, world.person("Alice"))
    with world.live.app.database.read() as session:
        hashes = session.scalars(select(SignInTicket.token_hash).where(SignInTicket.used_at.is_(None))).all()
    return next((got for hashed in hashes if (got := take(world, hashed))), "")


@attempt("ticket of somebody disabled since")
def _(world: World) -> str:
    who = world.person("Dora")
    ticket = _ticket(world, who)
    disable(world.live.app, world.person("Anna", Role.ADMIN), who.id)
    return take(world, ticket)


@attempt("ticket made up")
def _(world: World) -> str:
    return take(world, new_token()) or take(world, "") or take(world, "x" * 5_000)


@attempt("ticket taken twenty times at once")
def _(world: World) -> str:
    who = world.person("Twenty")
    ticket, before = _ticket(world, who), world.sessions_of(who)
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda _number: take(world, ticket), range(20)))
    made = world.sessions_of(who) - before
    return f"{made} sessions of one ticket" if made > 1 else ""


@attempt("session fixed before sign-in")
def _(world: World) -> str:
    planted, who = new_token(), world.person("Alice")
    headers = {"Cookie": f"clickker_browser={BROWSER}; clickker_session={planted}"}
    answer = world.get("/session/start", params={"ticket": _ticket(world, who)}, headers=headers)
    assert answer.cookies.get("clickker_session")
    return world.lets_in(f"clickker_session={planted}")


@attempt("session fixed with one of the attacker's own")
def _(world: World) -> str:
    planted = world.cookie("Mallory", Role.ACCOUNT_MANAGER)
    headers = {"Cookie": f"clickker_browser={BROWSER}; clickker_session={planted}"}
    answer = world.get(
        "/session/start", params={"ticket": _ticket(world, world.person("Alice"))}, headers=headers
    )
    return "the planted cookie lives on" if answer.cookies.get("clickker_session") == planted else ""


def _take_over(world: World, thief: str, still_open: bool) -> str:
    from tests.security.attempts.by_socket import opened

    async def steal() -> str:
        async with opened(world, f"clickker_session={world.cookie('Alice')}") as (connection, page):
            session_id = await page.session_id()
            if not still_open:
                await connection.close()
            async with opened(world, thief, session_id) as (_second, stolen):
                return await stolen.drawn() + await stolen.drawn()

    return "her page was drawn" if MARK in run(steal()) else ""


for _thief, _cookie in (("without a cookie", ""), ("with a forged cookie", "clickker_session=x")):
    for _open in (True, False):
        state = "open" if _open else "closed"
        add(
            f"take-over by session id, {_thief}, hers {state}",
            partial(_take_over, thief=_cookie, still_open=_open),
        )
