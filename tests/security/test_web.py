"""The web surface, checks 29 to 32: headers, doors, hosts and origins, sizes and rates, and failing closed."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from importlib.metadata import requires, version

import httpx
import pytest
import streamlit as st
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocket, WebSocketDisconnect
from streamlit.runtime import Runtime

from core.application import Application, use
from dashboard import middleware
from dashboard.assets import files
from dashboard.doors import CLOSED
from dashboard.middleware import Shield
from dashboard.routes import routes
from tests.support.live import ROOT

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


async def _swallow(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


def _drips(_request: Request) -> Response:
    def parts() -> Iterator[bytes]:
        yield b"first"
        raise RuntimeError("a secret in an exception")

    return StreamingResponse(parts())


async def _echo(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("hello")
    await socket.close()


def _served(app: Application) -> TestClient:
    served_routes = [
        Route("/", _page),
        Route("/healthz", lambda _request: PlainTextResponse("ok")),
        Route("/break", _break),
        Route("/drips", _drips),
        Route("/swallow", _swallow, methods=["POST"]),
        WebSocketRoute("/_stcore/stream", _echo),
        *(Route(f"{path.rstrip('/')}/x", _page) for path in CLOSED),
    ]
    served = Starlette(routes=served_routes, middleware=[Middleware(Shield)])
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
def test_check_29_every_answer_wears_the_headers(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert [name for name in EVERY if name not in answer.headers] == []
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "strict-transport-security" not in answer.headers


def test_check_29_https_is_demanded_from_then_on(secure_app: Application) -> None:
    answer = _served(secure_app).get("/")
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert "__Host-clickker_browser" in answer.headers["set-cookie"]
    assert "Secure" in answer.headers["set-cookie"]


def test_check_29_scripts_are_ours_or_named_by_hash(client: TestClient) -> None:
    policy = client.get("/").headers["content-security-policy"]
    scripts = next(part for part in policy.split("; ") if part.startswith("script-src"))
    assert "unsafe" not in scripts
    assert scripts.count("'sha256-") == 2, "the page's own, and the one that leads to a route"


def test_a_browser_gets_a_name_once(client: TestClient) -> None:
    first = client.get("/").headers["set-cookie"]
    assert "clickker_browser" in first
    assert "HttpOnly" in first
    assert "set-cookie" not in client.get("/").headers
    assert "set-cookie" not in client.get("/healthz").headers


@pytest.mark.parametrize("path", [*CLOSED, *(f"{path.rstrip('/')}/x" for path in CLOSED)])
def test_check_30_doors_that_nobody_uses_are_shut(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404
    assert client.post(path).status_code == 404


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "localhost@evil.example", "", "[", "a b"]
)
def test_check_30_another_host_name_is_not_answered(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"host": host}).status_code == 421


def test_check_30_a_load_balancer_may_ask_by_number(client: TestClient) -> None:
    assert client.get("/healthz", headers={"host": "10.0.0.7:8501"}).status_code == 200


def test_check_31_a_large_body_is_refused_unread(client: TestClient) -> None:
    assert client.post("/", content=b"x" * 70_000).status_code == 413
    assert client.post("/", headers={"content-length": "many"}).status_code == 413


def test_check_32_a_failure_is_a_calm_page_and_a_line_in_the_log(
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
def test_check_30_our_own_pages_open_a_socket(client: TestClient, origin: str) -> None:
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
def test_check_30_nobody_else_opens_a_socket(client: TestClient, origin: str | None) -> None:
    headers = {"host": "localhost:8501"} | ({} if origin is None else {"origin": origin})
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect("/_stcore/stream", headers=headers) as socket,
    ):
        socket.receive_text()


def test_check_30_a_socket_under_another_host_name_is_refused(client: TestClient) -> None:
    headers = {"origin": "http://localhost:8501", "host": "evil.example"}
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect("/_stcore/stream", headers=headers) as socket,
    ):
        socket.receive_text()


# --- Doors ------------------------------------------------------------------------------------------------

STREAMLIT = {
    "/_stcore/health": "open: asked by a page that lost its socket; it says ok or not",
    "/_stcore/host-config": "open: asked by a page that lost its socket; our own settings, the same for everybody",
    "/_stcore/stream": "open: the socket of every page; from our own origin alone",
    "/_stcore/metrics": "closed: figures of the process, for anybody",
    "/media/{file_id:path}": "closed: files without a session; exports are routes of ours",
    "/_stcore/upload_file/{session_id}/{file_id}": "closed: nothing is uploaded here",
    "/component/{path:path}": "closed: no page has components of others",
    "/_stcore/bidi-components/{path:path}": "closed: likewise",
    "/auth/login": "closed, unless single sign-on is on",
    "/auth/logout": "closed, unless single sign-on is on",
    "/oauth2callback": "closed, unless single sign-on is on",
    "/_stcore/agent/interact": "closed: a second way to drive the pages",
    "/_stcore/agent/openapi.json": "closed: likewise",
    "/_stcore/agent/mcp": "closed: likewise",
    "": "the files of Streamlit's client: open below /static/, closed beside it",
}
"""Every address of the installed Streamlit, and what we decided."""


@pytest.fixture(scope="module")
def real() -> Iterator[Starlette]:
    """The application as it is served, with every route of Streamlit; a process has one runtime."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Runtime, "_instance", None)
        served = st.App(ROOT / "dashboard" / "main.py", routes=routes(), middleware=[Middleware(Shield)])
        yield served._build_starlette_app()


def test_check_30_every_address_that_streamlit_brings_has_been_decided(real: Starlette) -> None:
    ours = {route.path for route in routes() if isinstance(route, Route)}
    brought = {route.path for route in real.routes if isinstance(route, Route | WebSocketRoute | Mount)}
    assert brought - ours == set(STREAMLIT), "decide it in dashboard/doors.py, then write the reason here"


def test_check_30_what_was_decided_is_so(real: Starlette, app: Application) -> None:
    client = TestClient(real, base_url=app.settings.public_url, raise_server_exceptions=False)
    for path, decision in STREAMLIT.items():
        asked = re.sub(r"\{[^}]+\}", "x", path)
        if decision.startswith("closed"):
            assert {client.request(method, asked).status_code for method in ("GET", "POST")} == {404}, path
        elif decision.startswith("open") and path != "/_stcore/stream":
            assert client.get(asked).status_code in {200, 503}, path


SPELLINGS = [
    "//_stcore/metrics",
    "/_stcore//metrics",
    "/./_stcore/metrics",
    "/x/../_stcore/metrics",
    "/%5fstcore/metrics",
    "/_stcore%2Fmetrics",
    "/_STCORE/metrics",
    "/_stcore/metrics/",
    "/_stcore/metrics;x",
    "/_stcore\\metrics",
    "/%2e%2e/_stcore/metrics",
    "/static/../_stcore/metrics",
    "/static/../../../../etc/passwd",
    "/static/%2e%2e/%2e%2e/index.html",
    "/static/%00",
    "/index.html",
    "/favicon.png",
    "/static/",
    "/nowhere",
    "/.streamlit/secrets.toml",
    "/dashboard/asgi.py",
    "/assets/..%2fmain.py",
    "/assets/",
]


@pytest.mark.parametrize("path", SPELLINGS)
def test_check_30_no_spelling_opens_what_is_closed(real: Starlette, app: Application, path: str) -> None:
    client = TestClient(real, base_url=app.settings.public_url, raise_server_exceptions=False)
    assert client.get(httpx.URL(app.settings.public_url, raw_path=path.encode())).status_code in {400, 404}


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"])
def test_check_30_a_method_that_nobody_uses_is_refused_with_headers(client: TestClient, method: str) -> None:
    answer = client.request(method, "/")
    assert answer.status_code == 405
    assert [name for name in EVERY if name not in answer.headers] == []


def test_check_29_every_kind_of_answer_wears_the_headers(real: Starlette, app: Application) -> None:
    client = TestClient(
        real, base_url=app.settings.public_url, raise_server_exceptions=False, follow_redirects=False
    )
    js = next(name for name in files() if name.endswith(".js"))
    answers = [
        client.get("/"),
        client.get("/nowhere"),
        client.put("/"),
        client.post("/registrations"),
        client.get("/", headers={"host": "evil.example"}),
        client.get("/session/end"),
        client.get("/session/end", headers={"sec-fetch-site": "same-origin"}),
        client.get("/invitation/unknown"),
        client.get("/export/registrations.csv"),
        client.get("/exact/callback"),
        client.get(f"/static/{js}"),
        client.get("/assets/plain.css"),
        client.get("/assets/unknown"),
        client.get("/healthz"),
        client.get("/_stcore/health"),
        client.get("/registrations/"),
        client.post("/", content=b"x" * 70_000),
    ]
    assert {answer.status_code for answer in answers} >= {200, 303, 400, 403, 404, 405, 413, 421}
    for answer in answers:
        assert [name for name in EVERY if name not in answer.headers] == [], (answer.url, answer.status_code)


def test_check_29_a_refused_socket_wears_the_headers(client: TestClient) -> None:
    headers = {"host": "localhost:8501", "origin": "http://evil.example"}
    with (
        pytest.raises(WebSocketDenialResponse) as caught,
        client.websocket_connect("/_stcore/stream", headers=headers),
    ):
        pass
    assert caught.value.status_code == 403
    assert [name for name in EVERY if name not in caught.value.headers] == []


def test_check_30_a_redirect_never_repeats_the_host_header(real: Starlette, app: Application) -> None:
    client = TestClient(real, base_url=app.settings.public_url, follow_redirects=False)
    told = client.get("/registrations/", headers={"host": "localhost:6666", "x-forwarded-proto": "gopher"})
    assert "6666" not in told.headers.get("location", "")
    assert "gopher" not in told.headers.get("location", "")


# --- Sizes and rates --------------------------------------------------------------------------------------


def test_check_31_a_body_without_a_length_is_measured(client: TestClient) -> None:
    def drip() -> Iterator[bytes]:
        for _part in range(70):
            yield b"x" * 1_000

    for path in ("/swallow", "/"):
        answer = client.post(path, content=drip())
        assert answer.status_code in {405, 413}, path
    assert client.post("/swallow", content=drip()).status_code == 413
    assert client.post("/swallow", content=b"x" * 1_000).text == "1000"


@pytest.mark.parametrize("length", ["-1", "1e9", "9" * 30, "\u00b2", "0x10", "5, 5", " "])
def test_check_31_an_odd_length_is_no_reason_to_fall_over(client: TestClient, length: str) -> None:
    answer = client.post("/", headers={"content-length": length.encode("latin-1")})
    assert answer.status_code in {400, 413}


@pytest.mark.parametrize(
    ("path", "limit"),
    [("/session/start", 60), ("/invitation/x", 30), ("/exact/callback", 60), ("/customer/x", 60)],
)
def test_check_31_open_doors_are_braked_for_all_processes_together(
    app: Application, path: str, limit: int
) -> None:
    """Two servers over one database: what one let in counts at the other."""
    first, second = (
        TestClient(
            Starlette(routes=routes(), middleware=[Middleware(Shield)]), base_url=app.settings.public_url
        )
        for _server in range(2)
    )
    answers = [client.get(path).status_code for _round in range(limit) for client in (first, second)]
    assert 429 in answers
    assert len([code for code in answers if code != 429]) <= limit + 5


def test_check_31_sockets_are_braked(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(middleware, "SOCKETS_PER_MINUTE", 3)
    headers = {"host": "localhost:8501", "origin": "http://localhost:8501"}
    for _socket in range(3):
        with client.websocket_connect("/_stcore/stream", headers=headers) as socket:
            assert socket.receive_text() == "hello"
    with (
        pytest.raises(WebSocketDenialResponse) as caught,
        client.websocket_connect("/_stcore/stream", headers=headers),
    ):
        pass
    assert caught.value.status_code == 429


# --- Failing closed ---------------------------------------------------------------------------------------


def test_check_32_with_the_database_down_no_socket_opens_and_no_page_tells_why(
    app: Application, client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def down(*_args: object) -> None:
        raise OSError("the disk is gone, path /secret/place")

    monkeypatch.setattr(app.database, "read", down)
    headers = {"host": "localhost:8501", "origin": "http://localhost:8501"}
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect("/_stcore/stream", headers=headers) as socket,
    ):
        socket.receive_text()
    assert "reference" in caplog.text


def test_check_32_a_download_that_breaks_is_cut_off_and_written_down(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = client.get("/drips")
    assert answer.text == "first"
    assert [record.message for record in caplog.records if "Request failed, reference" in record.message]


FLOORS = {
    "authlib": "1.9.0",
    "starlette": "1.3.1",
    "streamlit": "1.54",
    "python-multipart": "0.0.27",
    "cryptography": "50",
}


@pytest.mark.parametrize(("library", "floor"), FLOORS.items())
def test_check_32_no_library_with_a_known_hole_is_installed(library: str, floor: str) -> None:
    def numbers(text: str) -> tuple[int, ...]:
        return tuple(int(part) for part in re.findall(r"\d+", text)[:3])

    assert numbers(version(library)) >= numbers(floor)
    wanted = next(line for line in requires("clickker-connections") or () if line.startswith(library))
    assert numbers(wanted.partition(">=")[2]) >= numbers(floor), "the floor stands in pyproject.toml as well"
