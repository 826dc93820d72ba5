"""The server as a process: ``python -m dashboard.server``, which ``dashboard.serving`` starts.

uvicorn opens the socket itself, and asyncio then sets TCP_NODELAY. `streamlit run` hands over a socket of its own
(starlette_server._bind_socket) on which asyncio does not: each run of a page then waits some 40 ms for the other side's
delayed acknowledgement (`make bench` shows both, beside each other).
"""

from __future__ import annotations

import argparse
import asyncio
import logging
from typing import Any

import uvicorn
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from core.descriptors import raise_limit
from core.logs import begin_service, hand_over, set_up
from core.redaction import secrets_of
from core.settings import Settings
from core.starting_database import told_at_start
from dashboard.budgets import BYTES, Budget
from dashboard.callers import Caller
from dashboard.headers import NOTHING, security_headers
from dashboard.messages import LARGEST_MESSAGE, LARGEST_OF_STRANGERS
from dashboard.proxies import caller_name

FRAMES = (50.0, 500.0)
"""Frames of one socket, (a second, at once): pings and pieces of messages are frames too, and a page sends few."""
__all__ = ["LARGEST_MESSAGE", "Protocol", "Sockets", "options", "serve", "write_logs"]
SWITCHING = 101
PING_SECONDS = 30.0
"""As Streamlit does."""
CLOSE_SECONDS = 2.0
"""How long the other side has to agree that a socket is closed."""


class Protocol(H11Protocol):
    """Waits for a request only so long; and also what is no HTTP is answered with our headers."""

    caller: Caller | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The clock runs from here."""
        super().connection_made(transport)
        self.caller = Caller(caller_name(self.client), transport.abort)
        self.caller.waits()

    def data_received(self, data: bytes) -> None:
        """Whatever comes: is the request whole now?"""
        super().data_received(data)
        if self.caller is None or self.transport.get_protocol() is not self:
            return
        if self._waits_for_more():
            self.caller.waits()
        else:
            self.caller.heard()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody waits any more."""
        if self.caller is not None:
            self.caller.gone()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: Any) -> None:  # noqa: ANN401 - h11's, which is not ours to import
        """A page's socket has budgets of its own."""
        if self.caller is not None:
            self.caller.gone()
        super().handle_websocket_upgrade(event)
        opened = self.transport.get_protocol()
        if (
            isinstance(opened, Sockets) and not opened.handshake_initiated
        ):  # a head that the library cannot read
            self.send_400_response("Invalid HTTP request received.")

    def _waits_for_more(self) -> bool:
        state = self.conn.their_state.__name__
        if state == "IDLE":  # between two requests nothing of the next one is here
            return self.cycle is None or bool(self.conn.trailing_data[0])
        return state == "SEND_BODY"

    def send_400_response(self, msg: str) -> None:
        """uvicorn answers by itself here: what came is no request that an application could see."""
        headers = {**security_headers(Settings()), "content-security-policy": NOTHING}
        lines = [f"{name}: {value}" for name, value in headers.items()]
        lines += [
            "content-type: text/plain; charset=utf-8",
            f"content-length: {len(msg)}",
            "connection: close",
        ]
        self.transport.write("\r\n".join(["HTTP/1.1 400 Bad Request", *lines, "", msg]).encode("latin-1"))
        self.transport.close()


class Sockets(WebSocketsSansIOProtocol):
    """A page's socket: of a stranger, until the middleware says that somebody signed in holds it."""

    def __init__(self, *given: Any, **more: Any) -> None:  # noqa: ANN401 - as uvicorn makes them
        super().__init__(*given, **more)
        self.close_timeout = CLOSE_SECONDS
        self.conn.max_message_size = LARGEST_OF_STRANGERS
        self._bytes: Budget | None = BYTES
        self._frames = Budget(FRAMES, FRAMES)
        self._name = ""
        self._answer = self.conn.send_response
        vars(self.conn)["send_response"] = self._dressed

    def _dressed(self, response: Any) -> None:  # noqa: ANN401 - of websockets
        """What the library or uvicorn refuses by itself carries our headers, and repeats nothing of what was asked."""
        if response.status_code != SWITCHING and self.initial_response is None:
            response.body = b"Refused"
            for name in ("Content-Length", "Content-Type"):
                response.headers.pop(name, None)
            dressed = {**security_headers(Settings()), "content-security-policy": NOTHING}
            told = {"content-type": "text/plain; charset=utf-8", "content-length": str(len(response.body))}
            response.headers.update({**dressed, **told})
        self._answer(response)

    def trust(self) -> None:
        """Somebody signed in holds it."""
        self.conn.max_message_size = LARGEST_MESSAGE
        self._bytes = None

    def handle_connect(self, event: Any) -> None:  # noqa: ANN401 - of websockets
        """The middleware finds the socket in its scope."""
        super().handle_connect(event)
        if hasattr(self, "scope"):
            self.scope["clickker.trust"] = self.trust  # type: ignore[typeddict-unknown-key]

    def data_received(self, data: bytes) -> None:
        """Bytes are counted as they come: a message that never ends is none."""
        if self._bytes is not None:
            self._name = self._name or caller_name(self.client)
            if self._bytes.take(self._name, len(data)) is None:
                self.transport.abort()
                return
        super().data_received(data)

    def handle_cont(self, event: Any) -> None:  # noqa: ANN401 - of websockets
        """A piece of a message; empty ones cost nobody a byte."""
        if self._may_send():
            super().handle_cont(event)

    def handle_ping(self) -> None:
        """Answered by itself, but not for ever."""
        if self._may_send():
            super().handle_ping()

    def _may_send(self) -> bool:
        if self._frames.take("") is not None:
            return True
        self.transport.abort()
        return False

    async def send(self, message: ASGISendEvent) -> None:
        """One that was refused with an answer in HTTP is a finished one: uvicorn 0.54 forgets to note it, and writes an
        error to the log for each. What is said to one that we have closed goes nowhere, and is no error either."""
        if self.close_sent and self.initial_response is None:
            if message["type"] == "websocket.close":
                return
            raise ClientDisconnected
        await super().send(message)
        if self.initial_response is not None and self.close_sent:
            self.handshake_complete = True


def options(host: str, port: int) -> dict[str, Any]:
    """How uvicorn serves."""
    return {
        "host": host,
        "port": port,
        "http": Protocol,
        "ws": Sockets,
        "ws_max_size": LARGEST_MESSAGE,
        "ws_ping_interval": PING_SECONDS,
        "ws_ping_timeout": PING_SECONDS,
        # Whom to believe about addresses is for dashboard/proxies.py; uvicorn would believe anybody on this machine.
        "proxy_headers": False,
        "server_header": False,
        "access_log": False,  # addresses hold the secrets of links
        "log_config": None,  # core/logs.py
    }


def write_logs(settings: Settings, format: str) -> None:
    """Everything that is written down goes through one formatter, Streamlit's own loggers included."""
    import streamlit.logger  # takes a moment, and makes loggers

    # Streamlit gives each logger that it makes a handler of its own, and again whenever its settings are read.
    vars(streamlit.logger)["setup_formatter"] = hand_over_new
    # ``dashboard.feedback.report`` tells the same with a reference, as whoever reads the screen will quote it.
    logging.getLogger("streamlit.error_util").addFilter(lambda said: said.msg != "Uncaught app execution")
    set_up("json" if format == "json" else "text", secrets_of(settings))
    begin_service(quiet=format == "quiet")


def hand_over_new(logger: Any) -> None:  # noqa: ANN401 - as Streamlit declares it
    """What Streamlit calls for each logger, instead of giving it a handler."""
    hand_over(logger)
    logger.propagate = True


def serve(host: str, port: int, log: str) -> None:
    """Serve until a signal ends it; ``log`` is a format of ``core.logs``, or "quiet": text, and of trouble alone."""
    raise_limit()
    settings = Settings()
    write_logs(settings, log)
    logging.getLogger("clickker").info("%s; listening on %s:%s", told_at_start(settings), host, port)
    uvicorn.run("dashboard.asgi:app", **options(host, port))


def main() -> None:
    """What the command says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--log", choices=("json", "text", "quiet"), required=True)
    given = parser.parse_args()
    serve(given.host, given.port, given.log)


if __name__ == "__main__":
    main()
