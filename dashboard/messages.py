"""What may come in over a page's socket, and how fast.

Whoever has not signed in yet has a socket too: the sign-in form is a page. So each message is looked at before
Streamlit gets it, which writes a whole traceback to the log for one that it cannot read, and has doors behind its
socket that none of our pages use (files, caches, installing things).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from time import monotonic

from starlette.types import Message, Receive, Send
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.runtime.state.common import is_element_id

from dashboard.budgets import IDLE_SECONDS, MESSAGE_PATIENCE, MESSAGES, SOCKETS, Guest

_log = logging.getLogger("clickker.dashboard")

SPOKEN = frozenset({"rerun_script", "stop_script", "app_heartbeat"})
"""What our pages say; anything else is dropped."""
PER_SECOND, AT_ONCE = 20.0, 100.0
"""Messages of one socket: somebody who types and clicks sends a few a second."""
MOST_WAITING = 20
"""Messages of one stranger that wait for their turn."""
UNSUPPORTED, MALFORMED, TOO_MUCH, TOO_LARGE, AGAIN = 1003, 1002, 1008, 1009, 1013
LARGEST_MESSAGE = 1 << 20
"""Bytes of a message that a browser may send over its socket: no form here comes near."""
LARGEST_OF_STRANGERS = 8 * 1024
"""The same of whoever has not signed in yet: there is one form, with two fields."""
_GONE: Message = {"type": "websocket.disconnect", "code": TOO_MUCH}


class Gate:
    """Stands before the messages of one socket; ``guest``: of somebody who has not signed in."""

    def __init__(self, receive: Receive, send: Send, guest: Guest | None = None) -> None:
        self._receive, self._send = receive, send
        self._guest = guest
        self._level, self._at = 0.0, monotonic()
        self._shut = False
        self._waiting: deque[Message] = deque()

    async def __call__(self) -> Message:
        """The next message that may pass; the end of the socket once it has said what none of our pages would."""
        while not self._shut:
            message = await self._next()
            if message["type"] != "websocket.receive":
                return message
            wrong = self._wrong(message)
            if wrong is None and await self._turn_comes():
                return message
            if wrong:
                await self._close(wrong)
        return _GONE

    async def _next(self) -> Message:
        if self._waiting:
            return self._waiting.popleft()
        if self._guest is None:
            return await self._heard()
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                return await self._heard()
        except TimeoutError:
            await self._close(AGAIN)
            return _GONE

    async def _heard(self) -> Message:
        """What comes in; too much of it ends the socket."""
        message = await self._receive()
        if message["type"] == "websocket.receive" and self._too_fast():
            await self._close(TOO_MUCH)
            return _GONE
        return message

    async def _turn_comes(self) -> bool:
        """Wait until a message of a stranger may be worked on; False, and the end, when that would take too long."""
        if self._guest is None:
            return True
        SOCKETS.hear(self._guest)
        wait = MESSAGES.take(self._guest.name, patience=MESSAGE_PATIENCE)
        if wait is None:
            await self._close(TOO_MUCH)
            return False
        return not wait or await self._wait(wait)

    async def _wait(self, seconds: float) -> bool:
        """Whoever goes on talking meanwhile is heard, and sent away when it is too much: no page of ours does."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    message = await self._heard()
                    self._waiting.append(message)
                    if message["type"] != "websocket.receive":
                        return False
                    if len(self._waiting) > MOST_WAITING:
                        await self._close(TOO_MUCH)
                        return False
        except TimeoutError:
            return True

    def _wrong(self, message: Message) -> int | None:
        """None when it may pass, 0 when it is dropped, else the code to close with."""
        data = message.get("bytes")
        if data is None:
            return UNSUPPORTED
        if self._guest is not None and len(data) > self._guest.largest:
            return TOO_LARGE
        back = BackMsg()
        try:
            back.ParseFromString(data)
        except Exception:  # protobuf's own, and RecursionError: either way no page of ours wrote it
            return MALFORMED
        # Streamlit takes what is no name of a widget for a value that a page of ours has set.
        if not all(is_element_id(widget.id) for widget in back.rerun_script.widget_states.widgets):
            return MALFORMED
        return None if back.WhichOneof("type") in SPOKEN else 0

    def _too_fast(self) -> bool:
        moment = monotonic()
        self._level = max(0.0, self._level - (moment - self._at) * PER_SECOND) + 1
        self._at = moment
        return self._level > AT_ONCE

    async def _close(self, code: int) -> None:
        self._shut = True
        _log.warning("Closed a WebSocket with code %s: no page of ours sends that, or so much", code)
        await self._send({"type": "websocket.close", "code": code})
