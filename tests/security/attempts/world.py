"""A running dashboard with something to steal, and what can be seen of whether somebody got in.

Two servers over one database: ``direct``, which believes nobody about addresses, and ``behind``, which takes this
machine for its proxy, so that a fuzz can come from as many addresses as it likes.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
from sqlalchemy import func, select
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from core.accounts.roles import CurrentOperator, Role
from core.storage.models import Grant, Invitation, Operator, OperatorSession
from tests.bench.websocket import RunFailed, Tab
from tests.support.connecting import connect as connect_customer
from tests.support.frame import new_session
from tests.support.live import Live, environment, free_port, live_dashboard, warm

T = TypeVar("T")
MARK = "Geheim Voorbeeld"
"""Stands in the name of the one customer: whoever reads it has got in."""
BROWSER = "b" * 43
_numbers = itertools.count(1)


@dataclass
class World:
    """What is attacked."""

    live: Live
    behind: str
    """The address of the second server."""
    logs: tuple[Path, ...]
    people: dict[str, CurrentOperator] = field(default_factory=dict)
    registration: int = 0

    @property
    def url(self) -> str:
        return self.live.url

    def person(self, name: str, role: Role = Role.SUPPORT) -> CurrentOperator:
        """Somebody who can sign in, made at first use."""
        if name not in self.people:
            email = f"{name.lower()}@clickker.test"
            number = self.live.add_operator(email, name, role, "en")
            self.people[name] = CurrentOperator(number, email, name, role, "en")
        return self.people[name]

    def cookie(self, name: str, role: Role = Role.SUPPORT) -> str:
        """The cookie of a new session."""
        return new_session(self.live.app, self.person(name, role))

    def get(
        self, path: str, *, headers: Mapping[str, str] | None = None, direct: bool = False, **more: Any
    ) -> httpx.Response:
        """Ask a server, and follow nothing. From a new address each time unless ``direct``: a brake proves nothing."""
        url, told = (self.url, {}) if direct else (self.behind, somewhere())
        return ask("GET", url + path, headers={**told, **(headers or {})}, **more)

    # --- What shows whether somebody got in ---

    def lets_in(self, cookie: str | bytes) -> str:
        """Whether this whole Cookie header opens an export or a page: what was seen, or ""."""
        raw = cookie if isinstance(cookie, bytes) else cookie.encode("latin-1", "replace")
        for url in (self.url, self.behind):
            try:
                answer = ask("GET", f"{url}/export/registrations.csv", headers={b"Cookie": raw})
            except httpx.HTTPError:
                continue
            if MARK in answer.text or answer.status_code == httpx.codes.OK:
                return f"the export answered {answer.status_code}"
            if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
                return f"the export fell over: {answer.status_code}"
        drawn = self.draws("registrations", cookie)
        return "the list of registrations was drawn" if MARK in drawn else ""

    def draws(self, page: str, cookie: str | bytes, session_id: str = "") -> str:
        """All that a page sends to a socket with this Cookie header."""
        raw = cookie.decode("latin-1") if isinstance(cookie, bytes) else cookie
        return run(self._draw(page, raw, session_id))

    async def _draw(self, page: str, cookie: str, session_id: str) -> str:
        protocols = ["streamlit", "x", *([session_id] if session_id else [])]
        try:
            async with connect(
                self.behind.replace("http", "ws", 1) + "/_stcore/stream",
                origin=self.behind,  # type: ignore[arg-type]
                subprotocols=protocols,  # type: ignore[arg-type]
                additional_headers={**somewhere(), **({"Cookie": cookie} if cookie else {})},
                max_size=None,
                open_timeout=QUICKLY if len(cookie) > LONGEST_LINE else SECONDS,
            ) as connection:
                try:
                    return "\n".join(map(str, (await Tab(connection, page, "").run()).drawn))
                except RunFailed as error:
                    return f"failed: {error}"
        except (InvalidStatus, ConnectionClosed, ValueError, OSError):
            return ""

    def said(self, *request: bytes, seconds: float = 5.0) -> bytes:
        """The raw answer to raw bytes; what came when the server went silent or hung up."""
        with socket.create_connection(("localhost", self.live.port), timeout=seconds) as line:
            try:
                for part in request:
                    line.sendall(part)
                line.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            told = b""
            try:
                while piece := line.recv(65_536):
                    told += piece
            except OSError:
                pass
            return told

    def grants(self) -> int:
        """How many consents are kept."""
        with self.live.app.database.read() as session:
            return session.scalar(select(func.count()).select_from(Grant)) or 0

    def sessions_of(self, who: CurrentOperator) -> int:
        """How many sessions somebody has open."""
        asked = select(func.count()).where(
            OperatorSession.operator_id == who.id, OperatorSession.ended_at.is_(None)
        )
        with self.live.app.database.read() as session:
            return session.scalar(asked) or 0

    def state_of(self, who: CurrentOperator) -> tuple[Any, ...]:
        """What an account is, to see whether anybody changed it."""
        with self.live.app.database.read() as session:
            row = session.get_one(Operator, who.id)
            links = select(func.count()).where(Invitation.operator_id == who.id)
            return (row.name, row.email, row.role, row.active, row.password_hash, session.scalar(links))

    def sign_in(self, email: str, password: str, url: str = "", **headers: str) -> str:
        """Fill in the form over a raw socket; all that was drawn then."""
        return run(self._sign_in(url or self.url, email, password, headers))

    async def _sign_in(self, url: str, email: str, password: str, headers: Mapping[str, str]) -> str:
        cookie = headers.get("Cookie", f"clickker_browser={BROWSER}")
        async with connect(
            url.replace("http", "ws", 1) + "/_stcore/stream",
            origin=url,  # type: ignore[arg-type]
            subprotocols=["streamlit"],  # type: ignore[list-item]
            additional_headers={**headers, "Cookie": cookie},
            max_size=None,
        ) as connection:
            page = Tab(connection, "", "")
            first = await page.run()
            fields = [e.text_input.id for e in first.drawn if e.WhichOneof("type") == "text_input"]
            for number, value in enumerate((email, password)):
                page._states[fields[number]] = WidgetState(id=fields[number], string_value=value)
            [button] = [key for key in page.widgets if key.startswith("FormSubmitter:sign_in")]
            return "\n".join(map(str, (await page.run({button: True})).drawn))

    def well(self) -> str:
        """What is wrong with the servers by now, or ""."""
        for url in (self.url, self.behind):
            if ask("GET", url + "/readyz").status_code != httpx.codes.OK:
                return f"{url} does not answer as it should"
        return ""

    def complaints(self) -> list[str]:
        """Lines of the logs that tell of something nobody foresaw."""
        return [
            line for log in self.logs for line in log.read_text(errors="replace").splitlines() if odd(line)
        ]


SECONDS, QUICKLY = 10.0, 2.0
LONGEST_LINE = 8_192
"""Characters of a header; with a longer one the handshake of a socket is never answered, however long one waits."""


def ask(method: str, url: str, **more: Any) -> httpx.Response:
    """One request of a browser that was never here before; nothing is followed."""
    # Plain http to this machine: reading the list of certificates would take longer than the request.
    with httpx.Client(trust_env=False, verify=False, timeout=60) as client:  # noqa: S501
        return client.request(method, url, **more)


def somewhere() -> dict[str, str]:
    """An address that nobody came from yet, as a proxy tells it."""
    number = next(_numbers)
    return {"X-Forwarded-For": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"}


def odd(line: str) -> bool:
    """Whether a line of the log tells of something that nobody foresaw."""
    signs = (
        "Traceback",
        '"exception"',
        "Nobody caught",
        "never awaited",
        "never retrieved",
        '"level": "error"',
    )
    return any(sign in line for sign in signs) or '"level": "critical"' in line


def run(work: Coroutine[Any, Any, T], seconds: float = 60.0) -> T:
    """Wait for it, but not for ever."""
    return asyncio.run(_within(work, seconds))


async def _within(work: Coroutine[Any, Any, T], seconds: float) -> T:
    return await asyncio.wait_for(work, seconds)


@contextmanager
def new_world(folder: Path) -> Iterator[World]:
    """Two servers, one customer, one admin."""
    with live_dashboard(f"sqlite:///{folder / 'live.db'}", folder, KEEPER="off") as live:
        port, log = free_port(), folder / "behind.log"
        settings = live.app.settings.model_copy(
            update={"port": port, "public_url": f"http://localhost:{port}"}
        )
        more = {"TRUSTED_PROXIES": "127.0.0.1, ::1", "KEEPER": "off"}
        with warm(environment(settings, **more), port, log):
            world = World(live, f"http://localhost:{port}", (live.log, log))
            anna = world.person("Anna", Role.ADMIN)
            world.registration = connect_customer(live.app, anna, live.simulator, f"{MARK} B.V.")
            yield world
