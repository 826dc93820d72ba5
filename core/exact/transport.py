"""One HTTP call to Exact Online, with limits that httpx does not have: total time, size, and never a redirect."""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import httpx

from core import clock
from core.exact.errors import ExactError, FailureKind

CONNECT_SECONDS = 20.0
"""Opening TLS to Exact has taken more than 5 s (exact-online.md, section 7)."""

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
    abandoned: bool = False
    keeper: Keeper | None = None
    answer: Answer | None = None
    failure: FailureKind | None = None
    error: BaseException | None = None


def new_client() -> httpx.Client:
    """A client that checks certificates, follows nothing, and reaches this computer without a proxy."""
    direct = dict.fromkeys(("all://localhost", "all://127.0.0.1", "all://[::1]"))
    return httpx.Client(
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
    only waiting from outside makes a total. A call that is given up ends by itself at its next time-out. With a
    ``keeper`` a body that came too late is still kept, and half a body is an answer that is not complete.

    Raises ``ExactError``: NOT_SENT when there was no connection, UNKNOWN when the answer is late, cut or too large;
    a late one with the moment from which no answer can come any more.
    """
    request.extensions["timeout"] = httpx.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds)).as_dict()
    call = _Call(keeper=keeper)
    threading.Thread(
        target=_run, args=(client, request, call, seconds, limit), name="exact-call", daemon=True
    ).start()
    if not call.done.wait(seconds):
        call.abandoned = True
        raise ExactError(FailureKind.UNKNOWN, retry_at=clock.now() + timedelta(seconds=seconds))
    if call.error is not None:
        raise call.error
    if call.answer is None:
        raise ExactError(call.failure or FailureKind.UNKNOWN)
    return call.answer


def _run(client: httpx.Client, request: httpx.Request, call: _Call, seconds: float, limit: int) -> None:
    # The exception of httpx stays here: it carries the request, and with it the client secret and the token.
    try:
        call.answer = _exchange(client, request, call, time.monotonic() + seconds, limit)
    except _NOTHING_SENT:
        call.failure = FailureKind.NOT_SENT
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, zlib.error):
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
        body, complete = _read(response.iter_raw(), call, deadline, limit)
        if body is not None and response.headers.get("content-encoding", "identity").lower() != "identity":
            body = _unpacked(body, limit) if complete else None
        if body is None:
            return None
        answer = Answer(response.status_code, response.headers, body, clock.now(), complete)
        if call.keeper is not None:
            call.keeper.keep(answer)
        return answer
    finally:
        response.close()


def _read(chunks: Iterable[bytes], call: _Call, deadline: float, limit: int) -> tuple[bytes | None, bool]:
    """The body, and whether it is whole; None when it is too large, too late, or of no use to anybody."""
    body = bytearray()
    try:
        for chunk in chunks:
            body += chunk
            too_late = time.monotonic() > deadline or call.abandoned
            if len(body) > limit or (too_late and call.keeper is None):
                return None, False
    except httpx.HTTPError:
        if call.keeper is None or not body:
            raise
        return bytes(body), False
    return bytes(body), True


def _unpacked(body: bytes, limit: int) -> bytes | None:
    """gzip or zlib undone without ever holding more than ``limit``: we ask for neither, but may get it."""
    unpacked = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32).decompress(body, limit + 1)
    return unpacked if len(unpacked) <= limit else None
