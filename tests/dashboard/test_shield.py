"""What the outermost layer turns away reaches nobody behind it."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Message, Receive, Scope, Send

from core.application import Application
from dashboard.middleware import Shield

OURS = "http://localhost:8501"


def reached(path: str, origin: str, host: str = "localhost:8501") -> tuple[list[str], list[Message]]:
    """The paths that get through to what stands behind, and what is answered."""
    behind: list[str] = []
    answered: list[Message] = []

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        behind.append(scope["path"])

    async def receive() -> Message:
        return {"type": "websocket.disconnect", "code": 1000}

    async def send(message: Message) -> None:
        answered.append(message)

    headers = [(b"host", host.encode()), (b"origin", origin.encode())]
    scope: Scope = {"type": "websocket", "path": path, "headers": headers, "client": ("127.0.0.1", 5)}
    asyncio.run(Shield(inner)(scope, receive, send))
    return behind, answered


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("path", "origin", "host", "status"),
    [
        ("/_stcore/stream", "https://evil.example", "localhost:8501", 403),
        ("/_stcore/stream", "", "localhost:8501", 403),
        ("/_stcore/stream", OURS, "evil.example", 403),
        ("/_stcore/other", OURS, "localhost:8501", 404),
    ],
)
def test_a_socket_that_is_refused_is_answered_and_ends_there(
    app: Application, path: str, origin: str, host: str, status: int
) -> None:
    behind, answered = reached(path, origin, host)
    assert behind == []
    assert [message["type"] for message in answered] == [
        "websocket.http.response.start",
        "websocket.http.response.body",
    ]
    assert answered[0]["status"] == status


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_socket_of_our_own_page_gets_through(app: Application) -> None:
    assert reached("/_stcore/stream", OURS) == (["/_stcore/stream"], [])
