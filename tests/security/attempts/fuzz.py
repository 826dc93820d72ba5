"""Bad inputs by the thousand, drawn from a seed: over forms, callback and socket."""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import httpx
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from core.accounts.roles import Role
from dashboard.navigation import ENTRIES, address
from tests.bench.websocket import RunFailed, Tab
from tests.security.attempts.by_name import SCRIPTS
from tests.security.attempts.by_route import begun
from tests.security.attempts.world import MARK, World, run

INSIDE = ("Traceback", "site-packages", "sqlalchemy", "sqlite3", 'File "')
PIECES = (
    "", " ", "0", "-1", "1" * 30, "9" * 400, "NaN", "1e999", "null", "true", "[]", "{}", "'", '"', "' OR 1=1 --",
    "%", "%00", "\x00", "\r\n", "\x1b[31m", "\u202e", "\ud7ff", "\uffff", "\U0001f600", "a" * 5_000,
    "../../etc/passwd", "//", "\\", "${7*7}", "{{7*7}}", "é", "e\u0301" * 50, "\u0130", "ß", "\u3000",
    "%F0%9F%98%80", "%ff", "a=b&c=d", ";", ",",
    *SCRIPTS,
)  # fmt: skip
PATHS = (
    "/", "/exact/callback", "/exact/connect", "/session/start", "/session/end", "/customer/", "/invitation/",
    "/healthz", "/readyz", "/export/registrations.csv", "/export/administrations.csv", "/assets/", "/static/",
    "/registration",
    "/_stcore/health", "/_stcore/stream", "/customer/thanks", "/choose", "/nowhere",
)  # fmt: skip
NAMES = (
    "code", "state", "error", "error_description", "ticket", "consent", "id", "q", "status", "owner", "environment",
    "page", "sort", "active", "csrf", "password", "again", "token", "x",
)  # fmt: skip
HEADERS = (
    "Accept-Language", "User-Agent", "Referer", "Origin", "Sec-Fetch-Site", "If-None-Match", "If-Modified-Since",
    "Range", "Accept-Encoding", "Content-Type", "X-Requested-With", "Expect",
)  # fmt: skip


@dataclass
class Outcome:
    """What became of it."""

    inputs: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


class Fuzz:
    """One round; the same seed asks the same."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.random = random.Random(seed)
        self.outcome = Outcome()
        self.known = self._known()

    def _known(self) -> list[str]:
        """Things that are real: a cookie, a state, a link; each is used in the wrong place."""
        state, code, cookie = begun(self.world)
        forms = [self.world.cookie("Alice"), self.world.cookie("Bob", Role.ACCOUNT_MANAGER)]
        return [state, code, *re.findall(r"=([^;]+)", cookie), *forms, "1", str(self.world.registration)]

    def piece(self) -> str:
        """A bad piece, perhaps of several, perhaps broken."""
        one = self.random
        text = one.choice((one.choice(PIECES), one.choice(self.known), self._noise()))
        if one.random() < 0.3:
            text += one.choice(PIECES)
        if one.random() < 0.2 and text:
            at = one.randrange(len(text))
            text = text[:at] + chr(one.choice((0, 9, 10, 13, 27, 127, 255, 0x202E, 0x1F600))) + text[at + 1 :]
        return text

    def _noise(self) -> str:
        return "".join(
            chr(self.random.randrange(1, 0x3000)) for _letter in range(self.random.randrange(1, 40))
        )

    def pairs(self) -> list[tuple[str, str]]:
        """Parameters: known names, doubled, missing, odd."""
        one = self.random
        return [
            (one.choice(NAMES) if one.random() < 0.9 else self.piece(), self.piece())
            for _pair in range(one.randrange(0, 5))
        ]

    def headers(self) -> dict[str, str]:
        """From another address each time, so that the brakes let it through."""
        one = self.random
        here = {"X-Forwarded-For": ".".join(str(one.randrange(1, 255)) for _part in range(4))}
        for _header in range(one.randrange(0, 3)):
            here[one.choice(HEADERS)] = _line(self.piece())
        if one.random() < 0.6:
            names = ("clickker_session", "clickker_browser", "clickker_form", "_streamlit_xsrf", "x")
            here["Cookie"] = _line(
                "; ".join(f"{one.choice(names)}={self.piece()}" for _c in range(one.randrange(1, 4)))
            )
        return here

    # --- HTTP ---

    def requests(self, count: int, kind: str, draw: Callable[[], tuple[str, str, bytes | None]]) -> None:
        """Send ``count`` of a kind."""
        with httpx.Client(base_url=self.world.behind, timeout=30, follow_redirects=False) as client:
            for _request in range(count):
                method, target, body = draw()
                try:
                    address = httpx.URL(self.world.behind, raw_path=target.encode("latin-1", "replace"))
                    headers = {k.encode(): v.encode("latin-1", "replace") for k, v in self.headers().items()}
                    answer = client.request(method, address, headers=headers, content=body)
                except (httpx.InvalidURL, httpx.LocalProtocolError):
                    answer = None  # it cannot even be sent as HTTP
                except httpx.TransportError as error:
                    self._wrong(kind, target, repr(error))
                    continue
                self.outcome.inputs[kind] += 1
                self._judge(kind, f"{method} {target}", answer)

    def _judge(self, kind: str, what: str, answer: httpx.Response | None) -> None:
        if answer is None:
            self.outcome.answers[f"{kind} unsendable"] += 1
            return
        self.outcome.answers[f"{kind} {answer.status_code}"] += 1
        server_error = answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR
        if server_error and answer.status_code not in {
            502,
            503,
            504,
        }:  # these tell of Exact, in our own words
            self._wrong(kind, what, str(answer.status_code))
        elif any(sign in answer.text for sign in INSIDE):
            self._wrong(kind, what, "it tells of the inside")
        elif "evil.example" in answer.headers.get("location", "").partition("?")[0]:
            self._wrong(kind, what, f"led to {answer.headers['location']}")

    def _wrong(self, kind: str, what: str, how: str) -> None:
        self.outcome.wrong.append(f"{kind}: {what[:200]!r}: {how}")

    def any_path(self) -> tuple[str, str, bytes | None]:
        """Any address with any parameters."""
        path = self.random.choice(PATHS)
        if path.endswith("/") or self.random.random() < 0.1:
            path += _quoted(self.piece())
        return self.random.choice(("GET", "GET", "GET", "HEAD", "POST")), f"{path}?{self._query()}", None

    def callback(self) -> tuple[str, str, bytes | None]:
        """What Exact never says."""
        return "GET", f"/exact/callback?{self._query()}", None

    def form(self) -> tuple[str, str, bytes | None]:
        """A form that no page of ours would post."""
        path = self.random.choice(("/invitation/", "/customer/")) + _quoted(self.piece())[:3_000]
        path = self.random.choice((path, "/session/end", "/session/start"))
        body = self._query().encode("latin-1", "replace")
        if self.random.random() < 0.3:
            body = self.random.randbytes(self.random.randrange(1, 9_000))
        return "POST", path or "/", body

    def _query(self) -> str:
        joined = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in self.pairs())
        return joined if self.random.random() < 0.9 else _quoted(self.piece())

    # --- the socket ---

    async def sockets(self, count: int) -> None:
        """Messages over sockets of somebody signed out and of somebody signed in; a new one when it was closed."""
        left = count
        while left > 0:
            signed_in = self.random.random() < 0.6
            cookie = f"clickker_session={self.random.choice(self.known[-4:-2])}" if signed_in else "a=b"
            with suppress(InvalidStatus, ConnectionClosed, TimeoutError):
                async with self._socket(cookie) as connection:
                    page = await self._widgets(connection)
                    for _message in range(min(left, 40)):
                        left -= 1
                        self.outcome.inputs["socket"] += 1
                        await connection.send(self.message(page))
                        await self._listen(connection, 0.02)
                    await self._listen(connection, 0.5)

    def _socket(self, cookie: str) -> connect:
        url = self.world.behind
        address = {"X-Forwarded-For": f"10.1.{self.random.randrange(255)}.{self.random.randrange(255)}"}
        protocols = ["streamlit", "x", *([self.piece_of_protocol()] if self.random.random() < 0.3 else [])]
        return connect(
            url.replace("http", "ws", 1) + "/_stcore/stream",
            origin=url,  # type: ignore[arg-type]
            subprotocols=protocols,  # type: ignore[arg-type]
            additional_headers={"Cookie": cookie, **address},
            max_size=None,
        )

    def piece_of_protocol(self) -> str:
        """A session id that is none."""
        return re.sub(r"[^A-Za-z0-9-]", "", self.piece())[:100] or "x"

    async def _widgets(self, connection: ClientConnection) -> Tab:
        entry = self.random.choice(ENTRIES)
        page = Tab(connection, address(entry.key).strip("/"), f"id={self.world.registration}")
        with suppress(RunFailed):
            await asyncio.wait_for(page.run(), 30)
        return page

    def message(self, page: Tab) -> bytes:
        """A message: garbage, a good one that was bent, or odd states for widgets that are there."""
        one = self.random
        if one.random() < 0.05:
            return one.randbytes(one.randrange(0, 300))
        back = BackMsg()
        rerun = back.rerun_script
        rerun.query_string = one.choice(("", self._query(), self.piece()))
        rerun.page_script_hash = one.choice(("", page._script_hash, self.piece()))
        if one.random() < 0.5:
            rerun.page_name = one.choice(
                (self.piece(), "../dashboard/main", *(entry.key for entry in ENTRIES))
            )
        if one.random() < 0.2:
            rerun.fragment_id = self.piece()
        rerun.context_info.timezone = one.choice(("Europe/Amsterdam", self.piece()))
        rerun.context_info.locale = one.choice(("nl-NL", self.piece()))
        rerun.context_info.timezone_offset = one.choice((0, -(2**31), 2**31 - 1))
        rerun.context_info.url = one.choice((self.world.behind, self.piece()))
        for _state in range(one.randrange(0, 5)):
            rerun.widget_states.widgets.append(self._state(page))
        data = bytearray(back.SerializeToString())
        for _bend in range(one.choice((0, 0, 0, 0, 1, 3))):
            data[one.randrange(len(data))] = one.randrange(256)
        return bytes(data)

    def _state(self, page: Tab) -> WidgetState:
        one = self.random
        known = [widget for widget, _kind, _fragment in page.widgets.values() if "sign_out" not in widget]
        state = WidgetState(id=one.choice(known) if known and one.random() < 0.8 else self.piece())
        match one.randrange(8):
            case 0:
                state.string_value = self.piece()
            case 1:
                state.int_value = one.choice((0, -1, 2**31, -(2**62), 7))
            case 2:
                state.bool_value = one.random() < 0.5
            case 3:
                state.trigger_value = True
            case 4:
                state.double_value = one.choice((float("nan"), float("inf"), -1.5))
            case 5:
                state.string_array_value.data.extend([self.piece(), self.piece()])
            case 6:
                state.json_value = self.piece()
            case _:
                state.bytes_value = one.randbytes(20)
        return state

    async def _listen(self, connection: ClientConnection, seconds: float) -> None:
        with suppress(TimeoutError):
            while True:
                data = await asyncio.wait_for(connection.recv(), seconds)
                told = ForwardMsg()
                told.ParseFromString(data if isinstance(data, bytes) else b"")
                if told.delta.new_element.WhichOneof("type") == "exception" or "Traceback" in str(told):
                    self._wrong("socket", "a message", str(told.delta.new_element.exception)[:300])


def _line(text: str) -> str:
    """What can stand in a header at all."""
    return re.sub(r"[\x00-\x1f\x7f]", "?", text).strip()[:8_000]


def _quoted(text: str) -> str:
    """As a careless client would: some characters as they are."""
    return "".join(f"%{byte:02X}" if byte < 33 or byte > 126 or chr(byte) in "#?&" else chr(byte)
                   for byte in text.encode("utf-8", "surrogatepass"))  # fmt: skip


def fuzz(world: World, count: int, seed: int) -> Outcome:
    """``count`` inputs: half of them over HTTP, a third for callback and forms among them, half over the socket."""
    round_ = Fuzz(world, seed)
    third = count // 6
    round_.requests(third, "any address", round_.any_path)
    round_.requests(third, "callback", round_.callback)
    round_.requests(third, "form", round_.form)
    run(round_.sockets(count - 3 * third), 3_600)
    if (wrong := world.well()) != "":
        round_.outcome.wrong.append(wrong)
    with httpx.Client(timeout=30) as client:
        assert MARK not in client.get(world.behind + "/export/registrations.csv").text
    return round_.outcome
