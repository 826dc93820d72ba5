"""One anonymous address stops nobody: what strangers may take, each and together. Limits are looked at, no times."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import Any

import pytest
from starlette.types import Message
from uvicorn.config import Config
from uvicorn.server import ServerState
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from core import descriptors
from core.accounts.roles import CurrentOperator, Role
from core.accounts.sessions import end_session
from core.application import Application
from core.doctor import Verdict, examine
from dashboard import budgets, callers, messages, server
from dashboard.budgets import SOCKETS, Budget, Guest, Guests
from dashboard.messages import AGAIN, LARGEST_OF_STRANGERS, TOO_LARGE, TOO_MUCH, Gate
from tests.security import siege
from tests.support.frame import new_session
from tests.support.live import Live, get

# --- Budgets ----------------------------------------------------------------------------------------------


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    held = [100.0]
    monkeypatch.setattr(budgets, "monotonic", lambda: held[0])
    return held


def test_a_budget_is_each_names_own_and_fills_up_again(moment: list[float]) -> None:
    budget = Budget(each=(1.0, 2.0), everybody=(10.0, 100.0))
    assert [budget.take("a") for _time in range(3)] == [0, 0, None]
    assert budget.take("b") == 0
    moment[0] += 1
    assert budget.take("a") == 0
    assert budget.take("a") is None


def test_all_names_together_have_a_budget_too(moment: list[float]) -> None:
    budget = Budget(each=(1.0, 2.0), everybody=(1.0, 5.0))
    assert [budget.take(str(number)) for number in range(6)] == [0, 0, 0, 0, 0, None]


def test_who_waits_is_served_in_turn_and_who_would_wait_too_long_takes_nothing(moment: list[float]) -> None:
    budget = Budget(each=(2.0, 1.0), everybody=(100.0, 100.0))
    assert [budget.take("a", patience=1.0) for _time in range(4)] == [0, 0.5, 1.0, None]
    moment[0] += 0.5
    assert budget.take("a", patience=1.0) == 1.0


def test_a_budget_forgets_names_that_owe_nothing(
    moment: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budgets, "MOST_NAMES", 10)
    budget = Budget(each=(1.0, 2.0), everybody=(1e6, 1e6))
    for number in range(1_000):
        moment[0] += 1
        budget.take(str(number))
    assert len(budget._owed) <= 11


def crowd(guests: Guests, names: str) -> tuple[list[str], list[Guest]]:
    """Guests called a0, b1, ...; who was sent away."""
    gone: list[str] = []
    made = []
    for number, name in enumerate(names):
        made.append(Guest(name, partial(gone.append, f"{name}{number}")))
        guests.enter(made[-1])
    return gone, made


def test_of_one_address_the_longest_silent_goes() -> None:
    guests = Guests(of_one=2, in_all=10)
    gone, made = crowd(guests, "aab")
    guests.hear(made[0])
    guests.enter(Guest("a", lambda: gone.append("new")))
    assert gone == ["a1"]
    assert len(guests) == 3


def test_when_all_is_full_the_address_that_has_the_most_gives_way() -> None:
    gone, _made = crowd(Guests(of_one=4, in_all=5), "baaaac")
    assert gone == ["a1"]


def test_who_has_just_come_is_left_for_a_moment(moment: list[float]) -> None:
    guests = Guests(of_one=2, in_all=10, grace=1.0)
    gone, _made = crowd(guests, "aaaa")
    assert gone == []
    moment[0] += 1
    guests.enter(Guest("a", lambda: None))
    assert gone == ["a0", "a1", "a2"]


# --- The gate of a socket ---------------------------------------------------------------------------------


def rerun(typed: str = "") -> bytes:
    return siege.rerun(typed)


def through(guest: Guest | None, *said: bytes) -> tuple[int, list[int]]:
    """How many messages pass, and the codes that the socket was closed with."""
    waiting, passed, closed = list(said), [], []

    async def receive() -> Message:
        if not waiting:
            await asyncio.Event().wait()
        return {"type": "websocket.receive", "bytes": waiting.pop(0)}

    async def send(message: Message) -> None:
        closed.append(message["code"])

    async def listen() -> None:
        gate = Gate(receive, send, guest)
        while (message := await gate())["type"] == "websocket.receive":
            passed.append(message)

    asyncio.run(listen())
    return len(passed), closed


def stranger() -> Guest:
    return Guest("192.0.2.1", lambda: None, largest=LARGEST_OF_STRANGERS)


def test_check_31_a_message_of_a_stranger_has_at_most_8_kib() -> None:
    assert LARGEST_OF_STRANGERS == 8_192
    assert through(stranger(), rerun("x" * 9_000)) == (0, [TOO_LARGE])


def test_check_31_an_idle_socket_of_a_stranger_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "IDLE_SECONDS", 0.05)
    assert through(stranger(), rerun()) == (1, [AGAIN])


def test_check_31_strangers_of_one_address_share_a_budget_of_messages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(messages, "MESSAGES", Budget(each=(0.001, 5.0), everybody=(1.0, 100.0)))
    assert through(stranger(), *[rerun()] * 3, b"\xff")[0] == 3
    assert through(stranger(), *[rerun()] * 9) == (2, [TOO_MUCH])


def test_check_31_a_stranger_who_goes_on_while_he_waits_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "MESSAGES", Budget(each=(0.2, 3.0), everybody=(100.0, 100.0)))
    assert through(stranger(), *[rerun()] * 60) == (3, [TOO_MUCH])


# --- Requests that do not end -----------------------------------------------------------------------------


async def hello(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@contextmanager
def fresh_callers(monkeypatch: pytest.MonkeyPatch, of_one: int, seconds: float) -> Iterator[None]:
    monkeypatch.setattr(callers, "WHOLE_SECONDS", seconds)
    monkeypatch.setattr(callers, "UNHEARD", Guests(of_one, 1_000))
    monkeypatch.setattr(callers, "CONNECTIONS", Guests(1_000, 1_000))
    yield


async def served(*pieces: bytes, count: int = 1) -> list[bytes]:
    """What each of ``count`` connections hears that sends these pieces and then nothing."""
    config = Config(hello, http=server.Protocol, ws=server.Sockets, log_config=None)
    config.load()
    state = ServerState()
    listening = await asyncio.get_running_loop().create_server(
        lambda: server.Protocol(config, state, {}), "127.0.0.1", 0
    )
    port = listening.sockets[0].getsockname()[1]

    async def one() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        heard = b""
        with suppress(ConnectionError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.02)
            heard = await asyncio.wait_for(reader.read(), 20)
        writer.close()
        return heard

    try:
        return list(await asyncio.gather(*(one() for _number in range(count))))
    finally:
        listening.close()


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize(
    "pieces",
    [
        (),
        (b"G",),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-A: ",),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n", b"1", b"2"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HT"),
    ],
    ids=["nothing", "a letter", "half a head", "half a body", "half of the second"],
)
def test_check_31_a_request_that_does_not_end_is_hung_up_on(
    pieces: tuple[bytes, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    with fresh_callers(monkeypatch, of_one=10, seconds=0.2):
        heard = asyncio.run(served(*pieces))
        assert len(callers.UNHEARD) == len(callers.CONNECTIONS) == 0
    assert len(heard) == 1


@pytest.mark.usefixtures("app")
def test_check_31_of_half_sent_requests_there_are_only_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    most = 0

    def count(*_nothing: object) -> None:
        nonlocal most
        most = max(most, len(callers.UNHEARD))

    with fresh_callers(monkeypatch, of_one=10, seconds=1.0):
        monkeypatch.setattr(server.Protocol, "connection_lost", _also(server.Protocol.connection_lost, count))
        asyncio.run(served(b"GET / HTTP/1.1\r\n", count=100))
    assert 0 < most <= 10


def _also(done: Any, more: Any) -> Any:
    def both(self: Any, *given: Any) -> None:
        more()
        done(self, *given)

    return both


@pytest.mark.usefixtures("app")
def test_a_whole_request_is_answered_and_an_idle_line_is_no_half_sent_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with fresh_callers(monkeypatch, of_one=10, seconds=0.2):
        [heard] = asyncio.run(served(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
    assert heard.startswith(b"HTTP/1.1 200")


# --- A real server ----------------------------------------------------------------------------------------


def opened(live: Live, cookie: str = "") -> ClientConnection:
    return connect(
        live.url.replace("http", "ws", 1) + "/_stcore/stream",
        origin=Origin(live.url),
        subprotocols=[Subprotocol("streamlit")],
        additional_headers={"Cookie": f"clickker_session={cookie}"} if cookie else {},
        max_size=None,
        legacy=True,
    )


def code_of(line: ClientConnection) -> int | None:
    """Hear the socket to its end; how it was closed."""
    with suppress(ConnectionClosed):
        while True:
            line.recv(20)
    return line.close_code


@pytest.fixture(scope="module")
def cookie(live: Live) -> str:
    number = live.add_operator("siege@clickker.test", "Sieger", Role.SUPPORT, "en")
    return new_session(live.app, CurrentOperator(number, "siege@clickker.test", "Sieger", Role.SUPPORT))


def test_the_log_begins_with_what_is_served(live: Live) -> None:
    begun = [line for line in live.log.read_text().splitlines() if "Serving " in line]
    assert len(begun) == 1
    assert f"Serving {live.url}; database SQLite file /" in begun[0]
    assert "keeper in the dashboard" in begun[0]
    assert "SIMULATOR" in begun[0]


@pytest.mark.parametrize("missing", ["dashboard.routes_consent", "dashboard.routes_export"])
def test_routes_that_cannot_be_imported_are_not_left_out(missing: str) -> None:
    work = f"import sys; sys.modules['{missing}'] = None; import dashboard.routes as r; r.routes()"
    done = subprocess.run([sys.executable, "-c", work], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert missing in done.stderr


def test_check_31_a_megabyte_of_a_stranger_ends_his_socket_and_one_of_an_operator_does_not(
    live: Live, cookie: str
) -> None:
    with opened(live) as line:
        with suppress(ConnectionClosed):
            line.send(rerun("x" * 9_000))
        assert code_of(line) == 1009
    with opened(live, cookie) as line:
        line.send(rerun("x" * 500_000))
        assert line.recv(20)


def test_a_page_whose_session_has_ended_may_still_say_what_it_holds(live: Live) -> None:
    number = live.add_operator("late@clickker.test", "Late", Role.SUPPORT, "en")
    before = new_session(live.app, CurrentOperator(number, "late@clickker.test", "Late", Role.SUPPORT))
    end_session(live.app, before)
    with opened(live, before) as line:
        line.send(rerun("x" * 20_000))
        assert line.recv(20)


def test_check_31_more_sockets_than_one_address_may_hold_close_the_longest_silent(
    live: Live, cookie: str
) -> None:
    process = siege.server_of(live)
    with ExitStack() as stack, opened(live, cookie) as ours:
        lines = [stack.enter_context(opened(live)) for _number in range(SOCKETS.of_one + 5)]
        assert [code_of(line) for line in lines[:5]] == [AGAIN] * 5
        assert siege.descriptors_of(process) < 4 * SOCKETS.of_one + 200
        ours.send(rerun())
        assert ours.recv(20), "whoever is signed in has his page"


def test_check_31_pings_and_pieces_of_messages_are_counted(live: Live) -> None:
    with opened(live) as line, pytest.raises(ConnectionClosed):
        for _number in range(20_000):
            line.ping()
    with opened(live) as line, pytest.raises(ConnectionClosed):
        line.send(b"" for _piece in range(20_000))


def test_check_31_a_small_siege_leaves_a_few_lines_in_the_log(live: Live) -> None:
    before = len(live.log.read_text().splitlines())
    seen = siege.Seen()

    async def all_at_once() -> None:
        await asyncio.gather(
            siege.reruns(live.url, 10, 1.0, seen),
            siege.halves(live.url, 150, 1.0, seen),
            siege.megabytes(live.url, 10, 1.0, seen),
        )

    asyncio.run(all_at_once())
    assert seen.opened > 100
    assert get(live.port, "/healthz") == 200
    lines = live.log.read_text().splitlines()[before:]
    assert len(lines) <= 6
    assert not [line for line in lines if "Traceback" in line]


# --- Descriptors ------------------------------------------------------------------------------------------


def test_check_31_the_limit_of_descriptors_is_raised_at_start() -> None:
    work = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (256, 2048));"
        "from core.descriptors import raise_limit; print(raise_limit(), resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    told = subprocess.run([sys.executable, "-c", work], capture_output=True, text=True, check=True).stdout
    assert told.split() == ["2048", "(2048,", "2048)"]


@pytest.mark.parametrize(("limit", "verdict"), [(1_024, Verdict.NOTE), (20_000, Verdict.GOOD)])
def test_the_doctor_tells_the_limit(
    app: Application, monkeypatch: pytest.MonkeyPatch, limit: int, verdict: Verdict
) -> None:
    monkeypatch.setattr(descriptors, "reachable_limit", lambda: limit)
    found = [one for one in examine(app.settings) if f"{limit}" in one.sentence]
    assert [one.verdict for one in found] == [verdict]
