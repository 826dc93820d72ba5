"""The last few steps of an answer: late, in pieces, or not at all. Plain ASGI, no framework."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from core.simulator.answers import Answer, Delivery

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY = "simulator.body"
_TRANSPORT = "simulator.transport"
MOST_BYTES = 1024 * 1024
_PIECES = 20


class WholeRequest:
    """Reads the body before the app runs, so that its routes can be plain functions, and keeps the connection at
    hand, so that it can be broken. A body over 1 MiB gets 413."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            body = await _read(receive)
            if body is None:
                await deliver(Answer(413), scope, send)
                return
            # uvicorn hands in a bound method of its request cycle; ASGI itself has no way to hang up.
            scope[_TRANSPORT] = getattr(getattr(send, "__self__", None), "transport", None)
            scope[BODY] = body
        await self._app(scope, receive, send)


async def _read(receive: Receive) -> bytes | None:
    body: bytes = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if len(body) > MOST_BYTES:
            return None
        if not message.get("more_body", False):
            return body


async def deliver(answer: Answer, scope: Scope, send: Send) -> None:
    """Send the answer the way it says."""
    headers = {"content-length": str(len(answer.body))} | {k.lower(): v for k, v in answer.headers.items()}
    start = {
        "type": "http.response.start",
        "status": answer.status,
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
    }
    if answer.delivery is not Delivery.DRIPPED:
        await asyncio.sleep(answer.delay)
    if answer.delivery is Delivery.DROPPED:
        await _hang_up(scope)
        return
    await send(start)
    if answer.delivery is Delivery.CUT:
        await send(_piece(answer.body[: len(answer.body) // 2], more=True))
        await _hang_up(scope)
        return
    if answer.delivery is Delivery.DRIPPED:
        await _drip(answer, send)
    await send(_piece(b"" if answer.delivery is Delivery.DRIPPED else answer.body))


async def _drip(answer: Answer, send: Send) -> None:
    length = max(1, -(-len(answer.body) // _PIECES))
    for start in range(0, len(answer.body), length):
        await send(_piece(answer.body[start : start + length], more=True))
        await asyncio.sleep(answer.delay / _PIECES)


def _piece(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


async def _hang_up(scope: Scope) -> None:
    transport = scope.get(_TRANSPORT)
    if transport is None:
        raise ConnectionResetError("the simulator broke the connection")
    # What was written reaches the caller first, then the end of the connection.
    await asyncio.sleep(0.01)
    transport.abort()
    await asyncio.sleep(0.01)
