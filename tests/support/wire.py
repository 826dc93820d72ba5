"""A network without sockets between the real client and the simulator's engine, and what goes wrong on it.

What the simulator's ``Delivery`` does to a connection is done to the stream that httpx reads instead.
"""

from __future__ import annotations

import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

import httpx

from core import clock
from core.simulator.answers import Answer, Delivery
from core.simulator.api import ApiRequest
from core.simulator.engine import Engine
from core.simulator.token_endpoint import TokenRequest

ROOT = "http://127.0.0.1:1"
"""Nobody listens there: a call that went around the wire would fail."""
Instead = Callable[[httpx.Request], httpx.Response | None]
WIRE: dict[str, Callable[[], Exception]] = {
    "dns": lambda: httpx.ConnectError("[Errno -2] Name or service not known"),
    "refused": lambda: httpx.ConnectError("[Errno 111] Connection refused"),
    "tls": lambda: httpx.ConnectError(str(ssl.SSLCertVerificationError("certificate verify failed"))),
    "connect_timeout": lambda: httpx.ConnectTimeout("timed out"),
    "reset_while_sending": lambda: httpx.WriteError("[Errno 104] Connection reset by peer"),
    "reset_before": lambda: httpx.ReadError("[Errno 104] Connection reset by peer"),
    "read_timeout": lambda: httpx.ReadTimeout("timed out"),
}
"""What a network does before Exact has done anything."""
_REFRESH_TOKEN = re.compile(rb'"refresh_token": ?"([^"]+)"')
NOT_SENT = frozenset({"dns", "refused", "tls", "connect_timeout"})


class Wire(httpx.BaseTransport):
    """Brings requests to the engine. ``next`` holds what happens to the calls of the token address that come, oldest
    first: a name of ``WIRE``, or a callable that answers in the engine's place, or does something and answers None."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.next: list[str | Instead] = []
        self.always: str | Instead | None = None
        self.afterwards: list[Callable[[], None]] = []
        self.spends: list[tuple[datetime, bool]] = []
        """Every call of the token address that was sent, and whether it brought a good answer."""
        self.delivered: set[str] = set()
        """Refresh tokens that reached this side whole."""
        self.refused: list[tuple[datetime, str]] = []
        """When Exact said no for good, and to which call."""
        self.before_sending: Callable[[httpx.Request], None] = lambda _request: None
        self.in_flight: dict[str, int] = {}
        self.most_in_flight = 0
        self.release = threading.Event()
        self._guard = threading.Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        _none, environment, _api, *rest = request.url.path.split("/")
        if rest[-1] != "token":
            headers = request.headers
            asked = ApiRequest(
                environment,
                f"{ROOT}/{environment}",
                "/".join(rest[1:]),
                request.url.query.decode(),
                headers.get("authorization", ""),
                headers.get("accept", ""),
            )
            return _response(self.engine.api(asked))
        planned = self.next.pop(0) if self.next else self.always
        if planned == "dns_without_end":
            self.release.wait(20)
        elif isinstance(planned, str) and planned in NOT_SENT:
            raise WIRE[planned]()
        _about_to_send(request)
        self.before_sending(request)
        with self._flying(request):
            at = clock.now()
            try:
                response = self._answer(request, planned)
            except httpx.HTTPError:
                self.spends.append((at, False))
                raise
            self.spends.append((at, _holds_a_pair(response)))
            self._note(at, request, response.stream)
            while self.afterwards:
                self.afterwards.pop(0)()
            return response

    def _note(self, at: datetime, request: httpx.Request, stream: object) -> None:
        body = stream.body if isinstance(stream, Whole | _Dripping) else b""
        self.delivered.update(token.decode() for token in _REFRESH_TOKEN.findall(body))
        if any(word in body for word in (b"invalid_grant", b"unauthorized_client", b"token expired at")):
            self.refused.append((at, request.content.decode()))

    @contextmanager
    def _flying(self, request: httpx.Request) -> Iterator[None]:
        body = request.content.decode()
        with self._guard:
            self.in_flight[body] = self.in_flight.get(body, 0) + 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight[body])
        try:
            yield
        finally:
            with self._guard:
                self.in_flight[body] -= 1

    def _answer(self, request: httpx.Request, planned: str | Instead | None) -> httpx.Response:
        if isinstance(planned, str):
            raise WIRE[planned]()
        if planned is not None and (response := planned(request)) is not None:
            return response
        environment = request.url.path.split("/")[1]
        answer = self.engine.token(
            TokenRequest(environment, request.content, request.headers["content-type"])
        )
        if answer.delay and answer.delivery is Delivery.WHOLE:
            self.release.wait(answer.delay)
        return _response(answer)


class Whole(httpx.SyncByteStream):
    """A body in one piece."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def __iter__(self) -> Iterator[bytes]:
        yield self.body


class Broken(httpx.SyncByteStream):
    """A piece of a body, then the end of the connection."""

    def __init__(self, piece: bytes) -> None:
        self._piece = piece

    def __iter__(self) -> Iterator[bytes]:
        yield self._piece
        raise httpx.ReadError("[Errno 104] Connection reset by peer")


class _Dripping(httpx.SyncByteStream):
    def __init__(self, body: bytes, seconds: float) -> None:
        self.body, self._seconds = body, seconds

    def __iter__(self) -> Iterator[bytes]:
        length = max(1, -(-len(self.body) // 10))
        for start in range(0, len(self.body), length):
            yield self.body[start : start + length]
            time.sleep(self._seconds / 10)


def _about_to_send(request: httpx.Request) -> None:
    request.extensions["trace"]("http11.send_request_headers.started", {})


def answer_with(status: int, headers: Mapping[str, str], body: bytes) -> httpx.Response:
    """A whole answer, not read yet."""
    return httpx.Response(status, headers=dict(headers), stream=Whole(body))


def _holds_a_pair(response: httpx.Response) -> bool:
    stream = response.stream
    if isinstance(stream, Whole):
        return response.status_code == 200 and b"refresh_token" in stream.body
    return isinstance(stream, _Dripping)


def _response(answer: Answer) -> httpx.Response:
    if answer.delivery is Delivery.DROPPED:
        raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
    headers = dict(answer.headers)
    if answer.delivery is Delivery.CUT:
        return httpx.Response(
            answer.status, headers=headers, stream=Broken(answer.body[: len(answer.body) // 2])
        )
    if answer.delivery is Delivery.DRIPPED:
        return httpx.Response(answer.status, headers=headers, stream=_Dripping(answer.body, answer.delay))
    return answer_with(answer.status, headers, answer.body)
