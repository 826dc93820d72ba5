"""Over the socket: from elsewhere, as another role, with messages that no page of ours sends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

import httpx
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from core.accounts.roles import Role
from tests.bench.websocket import RunFailed, tab
from tests.security.attempts.attempt import add, attempt
from tests.security.attempts.world import MARK, World, run


@dataclass
class Page:
    """One socket, spoken to by hand."""

    connection: ClientConnection
    name: str = "registrations"

    async def session_id(self) -> str:
        """Run the page; Streamlit's own name for the session."""
        return (await self._run())[0]

    async def drawn(self) -> str:
        """Run the page; all that was drawn."""
        return (await self._run())[1]

    async def _run(self) -> tuple[str, str]:
        back = BackMsg()
        back.rerun_script.page_name = self.name
        await self.connection.send(back.SerializeToString())
        session_id, drawn = "", ""
        while True:
            message = ForwardMsg()
            data = await asyncio.wait_for(self.connection.recv(), 30)
            message.ParseFromString(data if isinstance(data, bytes) else b"")
            if message.WhichOneof("type") == "new_session":
                session_id = message.new_session.initialize.session_id
            drawn += str(message)
            if message.WhichOneof("type") == "script_finished":
                return session_id, drawn


@asynccontextmanager
async def opened(
    world: World,
    cookie: str,
    session_id: str = "",
    origin: str | None = "",
    page: str = "registrations",
    **more: str,
) -> AsyncIterator[tuple[ClientConnection, Page]]:
    """A socket with this Cookie header, that claims to be a session and to come from an origin."""
    headers = {**({"Cookie": cookie} if cookie else {}), **more}
    async with connect(
        world.url.replace("http", "ws", 1) + "/_stcore/stream",
        origin=world.url if origin == "" else origin,  # type: ignore[arg-type]
        subprotocols=["streamlit", "x", *([session_id] if session_id else [])],  # type: ignore[list-item]
        additional_headers=headers,
        max_size=None,
    ) as connection:
        yield connection, Page(connection, page)


def from_origin(world: World, origin: str | None) -> str:
    """A socket of somebody signed in, opened by a page of another site: whether it opens."""

    async def knock() -> str:
        try:
            async with opened(world, f"clickker_session={world.cookie('Alice')}", origin=origin) as (
                _line,
                page,
            ):
                return "the page was drawn" if MARK in await page.drawn() else "the socket opened"
        except (InvalidHandshake, ConnectionClosed, OSError):
            return ""

    return run(knock())


def _origins(world_port: str) -> tuple[str | None, ...]:
    return (
        None,
        "null",
        "http://evil.example",
        f"http://evil.example:{world_port}",
        f"https://localhost:{world_port}",
        "http://localhost",
        "http://localhost:1",
        f"http://localhost.evil.example:{world_port}",
        f"http://evil.example#localhost:{world_port}",
        f"http://localhost:{world_port}@evil.example",
        f"http://user@localhost:{world_port}",
        f"http://localhost:{world_port}/",
        f"http://LOCALHOST:{world_port}",
        f"file://localhost:{world_port}",
        f"http://localhost:{world_port} http://evil.example",
        f"http://127.1:{world_port}",
    )


def _nth_origin(world: World, number: int) -> str:
    return from_origin(world, _origins(str(world.live.port))[number])


for _number, _origin in enumerate(_origins("PORT")):
    add(f"socket from origin {_origin}", partial(_nth_origin, number=_number))

ADMINS_PAGES = ("operators", "alarms", "audit")


def _page_of_admins(world: World, page: str) -> str:
    cookie = f"clickker_session={world.cookie('Bob', Role.ACCOUNT_MANAGER)}"
    drawn = world.draws(page, cookie)
    return f"{page} was drawn" if "anna@clickker" in drawn or "heading" in drawn.split("sign_out")[-1] else ""


for _page in ADMINS_PAGES:
    add(f"an account manager asks for the page {_page}", partial(_page_of_admins, page=_page))


def press(world: World, who: str, role: Role, key: str, chosen: str = "") -> str:
    """Send the message of an admin's button as somebody else: what the account of Victim became.

    ``chosen`` is picked in the box ``key`` first, and the button that then appears is the one that is pressed.
    """
    victim = world.person("Victim")
    theirs = f"operator={victim.id}"
    before = world.state_of(victim)
    if chosen and Role.ADMIN in before:  # made one by an earlier press: the button shows at another choice
        chosen = "Support"
    admin, other = world.cookie("Anna", Role.ADMIN), world.cookie(who, role)

    async def send() -> None:
        async with tab(world.url, "operators", theirs, {"clickker_session": admin}) as seen:
            await seen.run()
            wanted = next(name for name in seen.widgets if name.startswith(key.format(id=victim.id)))
            if chosen:
                await seen.run({wanted: chosen})
            widgets, states, script = dict(seen.widgets), dict(seen._states), seen._script_hash
        button = f"operators_save_role_{victim.id}_yes" if chosen else wanted
        async with tab(world.url, "operators", theirs, {"clickker_session": other}) as forged:
            with suppress(Exception):
                await forged.run()
            forged.widgets, forged._states, forged._script_hash = widgets, states, script
            with suppress(RunFailed, TimeoutError):
                await asyncio.wait_for(forged.run({button: True}), 20)

    run(send())
    after = world.state_of(victim)
    return f"{before} became {after}" if after != before else ""


FOR_ADMINS: dict[str, tuple[str, str]] = {
    "disable": ("operators_disable_{id}_yes", ""),
    "change a role": ("operators_role_{id}", "Admin"),
    "make a reset link": ("operators_link_{id}", ""),
}
OTHERS = (("Bob", Role.ACCOUNT_MANAGER), ("Alice", Role.SUPPORT))
for _title, (_key, _value) in FOR_ADMINS.items():
    for _who, _role in OTHERS:
        add(
            f"{_role.value} presses the admin's button to {_title}",
            partial(press, who=_who, role=_role, key=_key, chosen=_value),
        )


@attempt("an account manager goes to Exact for a customer")
def _(world: World) -> str:
    from core.registrations.consent import create_consent

    consent = create_consent(world.live.app, world.person("Anna", Role.ADMIN), world.registration)
    for who, role in (("Bob", Role.ACCOUNT_MANAGER), ("Alice", Role.SUPPORT)):
        headers = {"Cookie": f"clickker_session={world.cookie(who, role)}"}
        answer = world.get("/exact/connect", params={"consent": consent}, headers=headers)
        if answer.status_code == httpx.codes.SEE_OTHER:
            return f"{who} was sent to {answer.headers['location'][:40]}"
    return ""


def _sends(world: World, make: Callable[[], bytes | str]) -> str:
    """A message that no page sends, from somebody signed out: what came back of the server's inside."""

    async def send() -> str:
        async with opened(world, "") as (connection, _page):
            with suppress(ConnectionClosed, TimeoutError):
                await connection.send(make())
                for _message in range(50):
                    told = str(await asyncio.wait_for(connection.recv(), 1.0))
                    if "Traceback" in told or "site-packages" in told or "backend_operation" in told:
                        return f"answered {told[:80]}"
        return ""

    return run(send()) or world.well()


def _says(**fields: bool) -> bytes:
    back = BackMsg()
    for name, value in fields.items():
        setattr(back, name, value)
    return bytes(back.SerializeToString())


def _asks(kind: str) -> bytes:
    back = BackMsg()
    getattr(back, kind).SetInParent()
    if kind == "backend_operation_request":
        back.backend_operation_request.request_id = "x"
        back.backend_operation_request.install_skills.SetInParent()
    return bytes(back.SerializeToString())


MESSAGES: dict[str, Callable[[], bytes | str]] = {
    "text instead of bytes": lambda: "hello",
    "nothing": lambda: b"",
    "garbage": lambda: b"\xff" * 1_000,
    "a megabyte": lambda: b"A" * 1_000_000,
    "two megabytes": lambda: b"A" * 2_000_000,
    "shut the runtime down": lambda: _says(debug_shutdown_runtime=True),
    "clear the caches": lambda: _says(clear_cache=True),
    "tell the repository": lambda: _says(load_git_info=True),
    "install things": lambda: _asks("backend_operation_request"),
    "where to put files": lambda: _asks("file_urls_request"),
}
for _title, _message in MESSAGES.items():
    add(f"a message over the socket: {_title}", partial(_sends, make=_message))


@attempt("a flood of messages")
def _(world: World) -> str:
    async def flood() -> str:
        back = BackMsg()
        back.stop_script = True
        async with opened(world, "") as (connection, _page):
            with suppress(ConnectionClosed):
                for _message in range(2_000):
                    await connection.send(back.SerializeToString())
                await asyncio.sleep(1)
                await connection.send(back.SerializeToString())
                await asyncio.sleep(0.2)
                await connection.send(back.SerializeToString())
                return "two thousand messages in a row went through"
        return ""

    return run(flood()) or world.well()
