"""Small messages leave at once, also over a socket that Streamlit bound without saying TCP."""

from __future__ import annotations

import socket

from dashboard.sockets import send_at_once


def test_what_a_listening_socket_accepts_sends_at_once() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        send_at_once()
        with socket.create_connection(listening.getsockname()):
            accepted, _address = listening.accept()
            with accepted:
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
