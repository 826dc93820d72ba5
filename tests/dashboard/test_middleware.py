"""Every answer wears its headers, doors that nobody uses are shut, and only our own pages open a socket."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from core.application import Application, use
from dashboard.doors import CLOSED
from dashboard.middleware import Shield

SECURE = "https://connections.clickker.test"
EVERY = (
    "x-content-type-options",
    "x-frame-options",
    "referrer-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "permissions-policy",
    "content-security-policy",
)


def _page(_request: Request) -> Response:
    return Response("<html></html>", media_type="text/html")


def _break(_request: Request) -> Response:
    raise RuntimeError("a secret in an exception")


async def _echo(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("hello")
    await socket.close()


def _served(app: Application) -> TestClient:
    routes = [
        Route("/", _page),
        Route("/healthz", lambda _request: PlainTextResponse("ok")),
        Route("/break", _break),
        WebSocketRoute("/_stcore/stream", _echo),
        *(Route(f"{path.rstrip('/')}/x", _page) for path in CLOSED),
    ]
    served = Starlette(routes=routes, middleware=[Middleware(Shield)])
    return TestClient(served, base_url=app.settings.public_url, raise_server_exceptions=False)


@pytest.fixture
def client(app: Application) -> Iterator[TestClient]:
    with _served(app) as client:
        yield client


@pytest.fixture
def secure_app(app: Application) -> Iterator[Application]:
    settings = app.settings.model_copy(update={"public_url": SECURE})
    secure = Application(settings, app.database, app.vault, app.exact)
    use(secure)
    yield secure
    use(app)


@pytest.mark.parametrize("path", ["/", "/healthz", "/break", "/nowhere", "/_stcore/metrics"])
def test_every_answer_wears_the_headers(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert [name for name in EVERY if name not in answer.headers] == []
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "strict-transport-security" not in answer.headers


def test_https_is_demanded_from_then_on(secure_app: Application) -> None:
    answer = _served(secure_app).get("/")
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert "__Host-clickker_browser" in answer.headers["set-cookie"]
    assert "Secure" in answer.headers["set-cookie"]


def test_scripts_are_ours_or_named_by_hash(client: TestClient) -> None:
    policy = client.get("/").headers["content-security-policy"]
    scripts = next(part for part in policy.split("; ") if part.startswith("script-src"))
    assert "unsafe" not in scripts
    assert scripts.count("'sha256-") == 3


def test_a_browser_gets_a_name_once(client: TestClient) -> None:
    first = client.get("/").headers["set-cookie"]
    assert "clickker_browser" in first
    assert "HttpOnly" in first
    assert "set-cookie" not in client.get("/").headers
    assert "set-cookie" not in client.get("/healthz").headers


@pytest.mark.parametrize("path", [*CLOSED, *(f"{path.rstrip('/')}/x" for path in CLOSED)])
def test_doors_that_nobody_uses_are_shut(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404
    assert client.post(path).status_code == 404


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "localhost@evil.example", "", "[", "a b"]
)
def test_another_host_name_is_not_answered(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"host": host}).status_code == 421


def test_a_load_balancer_may_ask_by_number(client: TestClient) -> None:
    assert client.get("/healthz", headers={"host": "10.0.0.7:8501"}).status_code == 200


def test_a_large_body_is_refused_unread(client: TestClient) -> None:
    assert client.post("/", content=b"x" * 70_000).status_code == 413
    assert client.post("/", headers={"content-length": "many"}).status_code == 413


def test_a_failure_is_a_calm_page_and_a_line_in_the_log(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        answer = client.get("/break?token=in-the-address")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    reference = caplog.records[0].getMessage().split()[-1]
    assert reference in answer.text
    assert "in-the-address" not in caplog.text


@pytest.mark.parametrize("origin", ["http://localhost:8501", "http://127.0.0.1:8501"])
def test_our_own_pages_open_a_socket(client: TestClient, origin: str) -> None:
    with client.websocket_connect(
        "/_stcore/stream", headers={"host": "localhost:8501", "origin": origin}
    ) as socket:
        assert socket.receive_text() == "hello"


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "",
        "null",
        "http://evil.example",
        "http://localhost:8502",
        "https://localhost:8501",
        "http://localhost",
    ],
)
def test_nobody_else_opens_a_socket(client: TestClient, origin: str | None) -> None:
    headers = {"host": "localhost:8501"} | ({} if origin is None else {"origin": origin})
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect("/_stcore/stream", headers=headers) as socket,
    ):
        socket.receive_text()


def test_a_socket_under_another_host_name_is_refused(client: TestClient) -> None:
    headers = {"origin": "http://localhost:8501", "host": "evil.example"}
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect("/_stcore/stream", headers=headers) as socket,
    ):
        socket.receive_text()
