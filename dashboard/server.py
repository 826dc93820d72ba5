"""The server as a process: ``python -m dashboard.server``, which ``dashboard.serving`` starts.

uvicorn opens the socket itself, and asyncio then sets TCP_NODELAY. `streamlit run` hands over a socket of its own
(starlette_server._bind_socket) on which asyncio does not: each run of a page then waits some 40 ms for the other side's
delayed acknowledgement (`make bench` shows both, beside each other).
"""

from __future__ import annotations

import argparse
import logging
from typing import Any

import uvicorn
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from core.logs import begin_service, hand_over, set_up
from core.redaction import secrets_of
from core.settings import Settings
from dashboard.headers import NOTHING, security_headers

LARGEST_MESSAGE = 1 << 20
"""Bytes of a message that a browser may send over its WebSocket: no form here comes near, and whoever has not signed in
yet can send as much."""
PING_SECONDS = 30.0
"""As Streamlit does."""


class Protocol(H11Protocol):
    """Also what is no HTTP is answered with our headers."""

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
    """A socket that was refused with an answer in HTTP is a finished one."""

    async def send(self, message: ASGISendEvent) -> None:
        """uvicorn 0.54 forgets to note it, and writes an error to the log for each."""
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
    write_logs(Settings(), log)
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
