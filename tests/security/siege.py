"""What one anonymous address can do to everybody else: the attacks, and what somebody signed in notices of each.

The besiegers are a process of their own, from this very machine: its processor and its address are ours too, so what is
printed is worse than it would be from elsewhere.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import re
import resource
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from core.accounts.roles import CurrentOperator, Role
from tests.bench.figures import figure
from tests.bench.websocket import Tab, tab
from tests.support.frame import new_session
from tests.support.live import Live, get

GONE = (ConnectionClosed, InvalidHandshake, OSError, TimeoutError, EOFError)


def rerun(typed: str = "") -> bytes:
    """An empty run of the page, or one with so much in a field."""
    back = BackMsg()
    back.rerun_script.SetInParent()
    if typed:
        back.rerun_script.widget_states.widgets.add(id="$$ID-0-e_mail", string_value=typed)
    return bytes(back.SerializeToString())


@dataclass
class Seen:
    """What the besiegers saw of it."""

    opened: int = 0
    refused: int = 0
    closed: int = 0
    sent: int = 0


async def _socket(url: str, seen: Seen, work: Callable[[ClientConnection], Awaitable[None]]) -> None:
    try:
        async with connect(
            url.replace("http", "ws", 1) + "/_stcore/stream",
            origin=url,  # type: ignore[arg-type]
            subprotocols=["streamlit"],  # type: ignore[list-item]
            max_size=None,
            open_timeout=30,
        ) as line:
            seen.opened += 1
            await work(line)
    except ConnectionClosed:
        seen.closed += 1
    except GONE:
        seen.refused += 1


async def reruns(url: str, count: int, seconds: float, seen: Seen) -> None:
    """``count`` sockets that each send an empty rerun every 55 ms, and come back when they are closed."""
    end = time.monotonic() + seconds

    async def keep_on(line: ClientConnection) -> None:
        while time.monotonic() < end:
            await line.send(rerun())
            seen.sent += 1
            await asyncio.sleep(0.055)

    async def one() -> None:
        while time.monotonic() < end:
            await _socket(url, seen, keep_on)
            await asyncio.sleep(0.5)

    await asyncio.gather(*(one() for _number in range(count)))


async def megabytes(url: str, count: int, seconds: float, seen: Seen) -> None:
    """``count`` sockets that each put a megabyte into the field for the e-mail address, and stay."""
    end = time.monotonic() + seconds
    told = rerun("x" * 1_000_000)

    async def fill(line: ClientConnection) -> None:
        await line.send(told)
        seen.sent += 1
        with suppress(TimeoutError):
            await asyncio.wait_for(line.wait_closed(), max(0.0, end - time.monotonic()))
        await line.send(rerun())

    await _many(url, count, seen, fill)


async def idlers(url: str, count: int, seconds: float, seen: Seen) -> None:
    """``count`` sockets that run the page once and stay."""
    end = time.monotonic() + seconds

    async def stay(line: ClientConnection) -> None:
        await line.send(rerun())
        seen.sent += 1
        await asyncio.sleep(max(0.0, end - time.monotonic()))
        await line.send(rerun())

    await _many(url, count, seen, stay)


async def _many(
    url: str, count: int, seen: Seen, work: Callable[[ClientConnection], Awaitable[None]]
) -> None:
    few = asyncio.Semaphore(200)  # a handshake of its own each, but not all in one instant

    async def one() -> None:
        async with few:
            pass
        await _socket(url, seen, work)

    await asyncio.gather(*(one() for _number in range(count)))


async def halves(url: str, count: int, seconds: float, seen: Seen) -> None:
    """``count`` connections with half a request head, which stay."""
    parts, end = urlsplit(url), time.monotonic() + seconds

    async def one() -> None:
        try:
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            seen.opened += 1
            writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ")
            with suppress(TimeoutError):
                await asyncio.wait_for(reader.read(), max(0.0, end - time.monotonic()))
                seen.closed += 1
            writer.close()
        except OSError:
            seen.refused += 1

    few = asyncio.Semaphore(500)

    async def opened() -> None:
        async with few:
            await asyncio.sleep(0)
        await one()

    await asyncio.gather(*(opened() for _number in range(count)))


async def requests(url: str, count: int, seconds: float, seen: Seen) -> None:
    """``count`` lines that ask for the sign-in page as fast as it comes."""
    parts, end = urlsplit(url), time.monotonic() + seconds
    asked = f"GET / HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()

    async def one() -> None:
        while time.monotonic() < end:
            try:
                reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
                while time.monotonic() < end:
                    writer.write(asked)
                    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
                    seen.sent += 1
                    seen.refused += b" 429 " in head[:20]
                    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
                    await reader.readexactly(int(length[1]) if length else 0)
            except (OSError, EOFError, TimeoutError, asyncio.IncompleteReadError):
                seen.closed += 1
                await asyncio.sleep(0.05)

    await asyncio.gather(*(one() for _number in range(count)))


ATTACKS: dict[str, tuple[Callable[[str, int, float, Seen], Awaitable[None]], int]] = {
    "empty reruns": (reruns, 20),
    "a megabyte in the e-mail field": (megabytes, 230),
    "sockets that stay": (idlers, 240),
    "half-sent heads": (halves, 1_100),
    "requests for the page": (requests, 20),
}
"""Each with the size at which it once stopped the house."""


@dataclass
class Figures:
    """What was measured while an attack, or none, was under way."""

    what: str
    p95: float
    """Milliseconds from a click of somebody signed in to the end of its run, and of a page opened anew."""
    opening: float
    healthz: float
    memory: float
    """Megabytes, the most that the server held."""
    descriptors: int
    log: int
    """Bytes that the log grew by."""
    seen: Seen = field(default_factory=Seen)

    def line(self) -> str:
        """As it is printed."""
        return (
            f"{self.what:42} click p95 {self.p95:7.1f} ms  open p95 {self.opening:7.1f} ms  "
            f"healthz worst {self.healthz:7.1f} ms  {self.memory:5.0f} MB  {self.descriptors:5} descriptors  "
            f"log {self.log / 1024:6.1f} KiB  {self.seen}"
        )


def server_of(live: Live) -> int:
    """The process that listens on the port."""
    wanted = f"{live.port:04X}"
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for row in Path(table).read_text().splitlines()[1:]:
            columns = row.split()
            if columns[1].endswith(":" + wanted) and columns[3] == "0A":
                inodes.add(f"socket:[{columns[9]}]")
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if any(str(one.readlink()) in inodes for one in (process / "fd").iterdir()):
                return int(process.name)
    raise LookupError(live.port)


def memory_of(process: int) -> float:
    """Megabytes that it holds."""
    told = Path(f"/proc/{process}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", told)[0]) / 1024


def descriptors_of(process: int) -> int:
    """Files and connections that it has open."""
    return len(list(Path(f"/proc/{process}/fd").iterdir()))


def _besiege(name: str, url: str, count: int, seconds: float, told: multiprocessing.Queue[Seen]) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    seen = Seen()
    with suppress(TimeoutError):
        asyncio.run(asyncio.wait_for(ATTACKS[name][0](url, count, seconds, seen), seconds + 30))
    told.put(seen)


@contextmanager
def besieged(name: str, url: str, count: int, seconds: float) -> Iterator[multiprocessing.Queue[Seen]]:
    """An attack from another process for as long as the block runs."""
    context = multiprocessing.get_context("spawn")
    told: multiprocessing.Queue[Seen] = context.Queue()
    process = context.Process(target=_besiege, args=(name, url, count, seconds, told))
    process.start()
    try:
        yield told
    finally:
        process.join(seconds + 40)
        if process.is_alive():
            process.kill()


async def _watch(live: Live, cookie: str, seconds: float, what: str) -> Figures:
    clicks, opens, health = [], [], []
    process, log = server_of(live), live.log.stat().st_size
    memory, descriptors = 0.0, 0
    cookies = {"clickker_session": cookie}
    end = time.monotonic() + seconds
    async with tab(live.url, "registrations", "", cookies) as opened:
        await opened.run()
        while time.monotonic() < end:
            for _click in range(5):
                clicks.append((await opened.run()).milliseconds)
                await asyncio.sleep(0.05)
            opens.append(await _open(live.url, cookies))
            started = time.perf_counter()
            assert await asyncio.to_thread(get, live.port, "/healthz") == 200
            health.append((time.perf_counter() - started) * 1000)
            memory = max(memory, memory_of(process))
            descriptors = max(descriptors, descriptors_of(process))
    grown = live.log.stat().st_size - log
    return Figures(what, figure(clicks).p95, figure(opens).p95, max(health), memory, descriptors, grown)


async def _open(url: str, cookies: dict[str, str]) -> float:
    started = time.perf_counter()
    async with tab(url, "registrations", "", cookies) as opened:
        run: Tab = opened
        await run.run()
        return (time.perf_counter() - started) * 1000


def siege(
    live: Live, say: Callable[[str], object], times: int = 10, seconds: float = 12.0
) -> list[tuple[Figures, Figures]]:
    """Each attack at ``times`` its size; (alone, under attack) of each."""
    number = live.add_operator("siege@clickker.test", "Sieger", Role.SUPPORT, "en")
    cookie = new_session(live.app, CurrentOperator(number, "siege@clickker.test", "Sieger", Role.SUPPORT))
    asyncio.run(_watch(live, cookie, 2.0, "warm"))
    results = []
    for name, (_attack, count) in ATTACKS.items():
        alone = asyncio.run(_watch(live, cookie, seconds / 2, "alone"))
        with besieged(name, live.url, count * times, seconds + 4) as told:
            time.sleep(2.5)  # the other process imports its libraries first
            under = asyncio.run(_watch(live, cookie, seconds, f"{name}, {count * times}"))
        under.seen = told.get()
        results.append((alone, under))
        say(alone.line())
        say(f"{under.line()}  {under.p95 / alone.p95:.2f} and {under.opening / alone.opening:.2f} times")
    return results
