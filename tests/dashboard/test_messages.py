"""What comes in over a socket before Streamlit sees it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.types import Message
from streamlit.proto.BackMsg_pb2 import BackMsg

from dashboard import messages
from dashboard.messages import MALFORMED, TOO_MUCH, UNSUPPORTED, Gate


def through(*received: Message) -> tuple[list[Message], list[int]]:
    """What passes, and the codes that the socket was closed with."""
    waiting, passed, closed = [*received, {"type": "websocket.disconnect", "code": 1000}], [], []

    async def receive() -> Message:
        return waiting.pop(0)

    async def send(message: Message) -> None:
        closed.append(message["code"])

    async def listen() -> None:
        gate = Gate(receive, send)
        while (message := await gate())["type"] == "websocket.receive":
            passed.append(message)

    asyncio.run(listen())
    return passed, closed


def says(kind: str, value: Any = True) -> Message:
    back = BackMsg()
    if isinstance(value, bool | str):
        setattr(back, kind, value)
    else:
        getattr(back, kind).SetInParent()
    return {"type": "websocket.receive", "bytes": back.SerializeToString()}


def test_what_our_pages_say_passes() -> None:
    said = [says("rerun_script", None), says("stop_script"), says("app_heartbeat")]
    assert through(*said) == (said, [])


@pytest.mark.parametrize(
    "other",
    [
        says("clear_cache"),
        says("load_git_info"),
        says("set_run_on_save"),
        says("file_urls_request", None),
        says("backend_operation_request", None),
        says("debug_shutdown_runtime"),
        {"type": "websocket.receive", "bytes": b""},
    ],
)
def test_what_none_of_our_pages_says_is_dropped(other: Message) -> None:
    said = says("rerun_script", None)
    assert through(other, said) == ([said], [])


@pytest.mark.parametrize("garbage", [b"\xff\xff\xff", b"A" * 100, b"\x0a\xff\xff\xff\xff\x0f"])
def test_garbage_ends_the_socket(garbage: bytes) -> None:
    assert through({"type": "websocket.receive", "bytes": garbage}, says("rerun_script", None)) == (
        [],
        [MALFORMED],
    )


def test_a_value_for_what_is_no_widget_ends_the_socket() -> None:
    back = BackMsg()
    back.rerun_script.widget_states.widgets.add(id="_session_hash", string_value="x")
    assert through({"type": "websocket.receive", "bytes": back.SerializeToString()}) == ([], [MALFORMED])


def test_text_ends_the_socket() -> None:
    assert through({"type": "websocket.receive", "text": "hello"}) == ([], [UNSUPPORTED])


def test_check_31_a_flood_ends_the_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "monotonic", lambda: 5.0)
    passed, closed = through(*[says("rerun_script", None)] * 300)
    assert len(passed) == messages.AT_ONCE
    assert closed == [TOO_MUCH]


def test_a_socket_that_waits_may_speak_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty a second, a hundred at once: after two seconds of silence forty more pass."""
    moment = [5.0]
    monkeypatch.setattr(messages, "monotonic", lambda: moment[0])
    said = says("rerun_script", None)
    waiting: list[Message] = [said] * 141
    passed, closed = [0], [0]

    async def receive() -> Message:
        if len(waiting) == 41:
            moment[0] += 2.0
        return waiting.pop(0)

    async def send(message: Message) -> None:
        closed[0] = message["code"]

    async def listen() -> None:
        gate = Gate(receive, send)
        while (await gate())["type"] == "websocket.receive":
            passed[0] += 1

    asyncio.run(listen())
    assert (passed[0], closed[0]) == (140, TOO_MUCH)


def test_silence_saves_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = [5.0]
    monkeypatch.setattr(messages, "monotonic", lambda: moment[0])
    gate = Gate(None, None)  # type: ignore[arg-type]
    moment[0] += 3600
    assert [gate._too_fast() for _message in range(101)] == [False] * 100 + [True]
