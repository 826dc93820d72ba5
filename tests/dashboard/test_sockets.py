"""Messages leave at once, also over a socket that Streamlit bound without saying TCP."""

from __future__ import annotations

import socket

import pytest
from streamlit.runtime import runtime

from dashboard.sockets import look_at_once, send_at_once


def test_what_a_listening_socket_accepts_sends_at_once() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        send_at_once()
        with socket.create_connection(listening.getsockname()):
            accepted, _address = listening.accept()
            with accepted:
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_streamlit_waits_no_more_between_two_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "MESSAGE_FLUSH_INTERVAL_SECS"
    monkeypatch.setattr(runtime, name, 0.005)  # another test may have started a server in this process
    look_at_once()
    assert getattr(runtime, name) == 0
    assert name in runtime.Runtime._loop_coroutine.__code__.co_names
