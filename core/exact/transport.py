"""One HTTP call to Exact Online, with limits that httpx does not have: total time, size, and never a redirect."""

from __future__ import annotations

import ssl
import threading
import time
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Protocol

import httpx

from core import clock
from core.exact.errors import ExactError, FailureKind

CONNECT_SECONDS = 20.0
"""Opening TLS to Exact has taken more than 5 s (exact-online.md, section 7)."""

LATE = 2
"""An answer that somebody wants to keep is waited for this many times as long, though the caller is told sooner."""

_NOTHING_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


@dataclass(frozen=True)
class Answer:
    """An answer. Its body may hold tokens, so it is never shown."""

    status: int
    headers: Mapping[str, str]
    """Case is ignored in the names."""
    body: bytes = field(repr=False)
    received_at: datetime
    complete: bool = True
    """False when the connection broke in the middle of the body."""


class Keeper(Protocol):
    """Who wants an answer before anybody else looks at it, and even when nobody waits for it any more."""

    def keep(self, answer: Answer) -> None:
        """Called in the thread of the call as soon as the body has been read."""

    def end(self) -> None:
        """The call is over: nothing will be kept after this. Called once."""


@dataclass
class _Call:
    """What the thread that does the call leaves behind for the one that waits."""

    done: threading.Event = field(default_factory=threading.Event)
    guard: threading.Lock = field(default_factory=threading.Lock)
    abandoned: bool = False
    sent: bool = False
    keeper: Keeper | None = None
    answer: Answer | None = None
    failure: FailureKind | None = None
    error: BaseException | None = None


@cache
def _trusted() -> ssl.SSLContext:
    """The authorities that httpx trusts; reading them takes 25 ms, and they are for every client the same."""
    return httpx.create_ssl_context()


def new_client() -> httpx.Client:
    """A client that checks certificates, follows nothing, and reaches this computer without a proxy."""
    direct = dict.fromkeys(("all://localhost", "all://127.0.0.1", "all://[::1]"))
    return httpx.Client(
        verify=_trusted(),
        follow_redirects=False,
        mounts=direct,
        headers={"Accept-Encoding": "identity", "User-Agent": "Clickker-Connections"},
        limits=httpx.Limits(max_connections=50, max_keepalive_connections=10, keepalive_expiry=30),
    )


def send(
    client: httpx.Client, request: httpx.Request, *, seconds: float, limit: int, keeper: Keeper | None = None
) -> Answer:
    """Send ``request`` and read at most ``limit`` bytes of answer within ``seconds`` in all.

    The call runs in a thread of its own: httpx counts its time-outs per read, and a look-up of a name has none, so
    only waiting from outside makes a total. A call that is given up ends by itself at its next time-out, and sends
    nothing if it had not begun to. With a ``keeper`` a body that came too late is still kept, and half a body, or the
    first ``limit`` bytes of one that is too large, is an answer that is not complete.

    Raises ``ExactError``: NOT_SENT when there was no connection, UNKNOWN when the answer is late, cut or too large;
    a late one with the moment from which no answer can come any more.
    """
    call = _Call(keeper=keeper)
    longest = seconds if keeper is None else seconds * LATE
    timeout = httpx.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds), read=longest)
    request.extensions["timeout"] = timeout.as_dict()
    request.extensions["trace"] = partial(_watch, call)
    threading.Thread(
        target=_run, args=(client, request, call, longest, limit), name="exact-call", daemon=True
    ).start()
    if not call.done.wait(seconds):
        raise _given_up(call, longest - seconds)
    if call.error is not None:
        raise call.error
    if call.answer is None:
        raise ExactError(call.failure or FailureKind.UNKNOWN)
    return call.answer


def _given_up(call: _Call, still: float) -> ExactError:
    """It is late; an answer may still come for ``still`` seconds."""
    with call.guard:
        call.abandoned = True
        if not call.sent:
            return ExactError(FailureKind.NOT_SENT)
    return ExactError(FailureKind.UNKNOWN, retry_at=clock.now() + timedelta(seconds=still))


def _watch(call: _Call, event: str, _info: Mapping[str, object]) -> None:
    """Told by httpcore of each of its steps. Nothing leaves after we have given up: the token may be tried again."""
    if event == "http11.send_request_headers.started":
        with call.guard:
            if call.abandoned:
                raise httpx.ConnectTimeout("given up before anything was sent")
            call.sent = True


def _run(client: httpx.Client, request: httpx.Request, call: _Call, seconds: float, limit: int) -> None:
    # The exception of httpx stays here: it carries the request, and with it the client secret and the token.
    try:
        call.answer = _exchange(client, request, call, time.monotonic() + seconds, limit)
    except _NOTHING_SENT:
        call.failure = FailureKind.NOT_SENT
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError):
        call.failure = FailureKind.UNKNOWN
    except BaseException as error:
        call.error = error
    finally:
        if call.keeper is not None:
            call.keeper.end()
        call.done.set()


def _exchange(
    client: httpx.Client, request: httpx.Request, call: _Call, deadline: float, limit: int
) -> Answer | None:
    response = client.send(request, stream=True)
    try:
        received, whole = _read(response.iter_raw(), call, deadline, limit)
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        body, unpacked = _unpacked(received, encoding, limit)
        answer = Answer(response.status_code, response.headers, body, clock.now(), whole and unpacked)
        if call.keeper is not None:
            call.keeper.keep(answer)
            return answer
        return answer if answer.complete else None
    finally:
        response.close()


def _read(chunks: Iterable[bytes], call: _Call, deadline: float, limit: int) -> tuple[bytes, bool]:
    """The body, or as much of it as came in time, fits, and came before the connection broke; whether it is whole."""
    body = bytearray()
    try:
        for chunk in chunks:
            body += chunk
            given_up = call.abandoned and call.keeper is None
            if len(body) > limit or time.monotonic() > deadline or given_up:
                return bytes(body[:limit]), False
    except httpx.HTTPError:
        if call.keeper is None or not body:
            raise
        return bytes(body), False
    return bytes(body), True


def _unpacked(body: bytes, encoding: str, limit: int) -> tuple[bytes, bool]:
    """gzip or zlib undone as far as it goes, without ever holding more than ``limit``; whether nothing is missing.

    We ask for neither, but may get it, and a header may be missing or lie.
    """
    plain = encoding in {"", "identity"}
    if plain and not body.startswith(b"\x1f\x8b"):
        return body, True
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    try:
        unpacked = unpacker.decompress(body, limit + 1)
    except zlib.error:
        return body, plain
    return unpacked[:limit], unpacker.eof and len(unpacked) <= limit
