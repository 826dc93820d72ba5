"""Serving the simulator: in the foreground for people, in a thread for tests and the demo."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import uvicorn

from core.simulator.config import SimulatorApp, SimulatorConfig
from core.simulator.engine import Engine
from core.simulator.statefile import StateFile, open_engine
from core.simulator.web import create_app

DEMO_ENVIRONMENTS = ("nl", "be", "de")
"""The countries in which the fictional customers live."""
START_SECONDS = 20.0


def apps_for(
    client_id: str, client_secret: str, redirect_uri: str, environments: tuple[str, ...] = DEMO_ENVIRONMENTS
) -> tuple[SimulatorApp, ...]:
    """The same app, registered in each of these countries."""
    return tuple(SimulatorApp(code, client_id, client_secret, redirect_uri) for code in environments)


def run(
    config: SimulatorConfig, *, host: str = "127.0.0.1", port: int, state_file: Path | None = None
) -> None:
    """Serve until interrupted. Raises ``ValueError`` when ``state_file`` is not a state of the simulator."""
    engine = open_engine(config, state_file)
    _server(engine, state_file, host, port).run()


def _server(engine: Engine, state_file: Path | None, host: str, port: int) -> uvicorn.Server:
    app = create_app(engine, StateFile(engine, state_file).save) if state_file else create_app(engine)
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            http="h11",  # the faults that break a connection need its transport
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
    )


class RunningSimulator:
    """A simulator served from a thread of this process, as a context manager.

    ``url`` is the bare root, which is the Netherlands; ``base_url(environment)`` each country's. ``engine`` and
    ``config`` are the live ones. Without a config it serves the demo's three countries to one app, control included.
    """

    def __init__(
        self,
        config: SimulatorConfig | None = None,
        *,
        client_id: str = "",
        client_secret: str = "",
        redirect_uri: str = "",
        port: int = 0,
        state_file: Path | None = None,
    ) -> None:
        self._socket = socket.create_server(("127.0.0.1", port))
        # asyncio sets it on sockets of its own alone; without it an answer takes 40 ms longer.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        if config is None:
            config = SimulatorConfig(
                apps_for(client_id, client_secret, redirect_uri), enabled=True, control=True
            )
        self.engine = open_engine(replace(config, base_url=self.url), state_file)
        self._server = _server(self.engine, state_file, "127.0.0.1", 0)
        self._thread = threading.Thread(target=self._serve, name="exact-simulator", daemon=True)

    @property
    def config(self) -> SimulatorConfig:
        return self.engine.config

    def base_url(self, environment: str) -> str:
        """Where this country's API starts, as ``https://start.exactonline.be`` does."""
        return f"{self.url}/{environment}"

    def control(self, path: str, document: Mapping[str, Any] | None = None, method: str = "") -> Any:  # noqa: ANN401
        """Call /control/``path``: POST when there is a document, else GET. The JSON that came back.

        Raises ``ValueError`` with the simulator's sentence when it refuses.
        """
        connection = HTTPConnection(self.url.removeprefix("http://"), timeout=10)
        try:
            body = None if document is None else json.dumps(document)
            headers = {"Content-Type": "application/json"} if body is not None else {}
            verb = method or ("GET" if body is None else "POST")
            connection.request(verb, f"/control/{path}".rstrip("/"), body, headers)
            answer = connection.getresponse()
            result = json.loads(answer.read() or b"{}")
        finally:
            connection.close()
        if answer.status != 200:  # noqa: PLR2004
            raise ValueError(str(result.get("error", answer.status)))
        return result

    def __enter__(self) -> Self:
        self.start()
        return self

    def start(self) -> None:
        """Serve, and return when it answers."""
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise RuntimeError("the simulator did not start")
            time.sleep(0.005)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._thread.join(timeout=10)
        self._socket.close()

    def stop(self) -> None:
        """Ask it to end, which takes it a fifth of a second; leaving the block waits for that."""
        self._server.should_exit = True

    def _serve(self) -> None:
        self._server.run(sockets=[self._socket])
