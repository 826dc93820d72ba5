"""Limits that hold against a server that misbehaves: time in all, size, redirects. Over real sockets."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from core.exact import transport
from core.exact.errors import ExactError, FailureKind

Talk = Callable[[socket.socket], None]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@contextmanager
def server(talk: Talk) -> Iterator[str]:
    """One connection: reads the request, then ``talk`` says whatever it likes."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _address = listener.accept()
        with connection:
            connection.recv(65536)
            try:
                talk(connection)
            except OSError:
                return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    listener.close()
    thread.join(5)


def ask(url: str, seconds: float = 5.0, limit: int = 1000) -> transport.Answer:
    with transport.new_client() as client:
        return transport.send(client, client.build_request("GET", url), seconds=seconds, limit=limit)


def kind_of(talk: Talk, seconds: float = 5.0) -> FailureKind:
    with server(talk) as url, pytest.raises(ExactError) as caught:
        ask(url, seconds)
    return caught.value.kind


def says(*parts: bytes, pause: float = 0.0) -> Talk:
    def talk(connection: socket.socket) -> None:
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)

    return talk


def test_a_good_answer_comes_whole() -> None:
    with server(says(HEAD + b"Content-Length: 2\r\n\r\n{}")) as url:
        answer = ask(url)
    assert (answer.status, answer.body, answer.headers["CONTENT-TYPE"]) == (200, b"{}", "application/json")
    assert "{}" not in repr(answer)


@pytest.mark.parametrize(
    "talk",
    [
        says(*[b"H", b"T", b"T", b"P"] * 20, pause=0.1),
        says(HEAD, *[b"X-A: b\r\n"] * 80, pause=0.1),
        says(HEAD + b"Content-Length: 900\r\n\r\n", *[b" "] * 80, pause=0.1),
        says(b"", pause=1.2),
    ],
    ids=["drips its first line", "drips headers", "drips its body", "says nothing"],
)
def test_the_deadline_is_a_total_however_the_answer_drips(talk: Talk) -> None:
    began = time.monotonic()
    assert kind_of(talk, seconds=0.5) == FailureKind.UNKNOWN
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    "talk",
    [
        says(HEAD + b"Content-Length: 2000\r\n\r\n" + b" " * 2000),
        says(HEAD + b"\r\n" + b" " * 2000),
        says(HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b" " * 100_000)),
        says(HEAD + b"Content-Encoding: gzip\r\n\r\nnot gzip at all"),
        says(HEAD + b"Content-Length: 900\r\n\r\n{}"),
        says(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
        says(b"nonsense\r\n\r\n"),
        says(),
    ],
    ids=["large", "large, unsaid", "bomb", "not gzip", "cut", "bad chunks", "no HTTP", "closed"],
)
def test_what_is_too_large_or_broken_is_unknown(talk: Talk) -> None:
    assert kind_of(talk) == FailureKind.UNKNOWN


def test_packed_answers_are_read_though_none_was_asked_for() -> None:
    with server(says(HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"{}"))) as url:
        assert ask(url).body == b"{}"


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    with server(says(moved)) as url:
        assert ask(url).status == 302


def test_without_a_listener_nothing_was_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ExactError) as caught:
        ask(f"http://127.0.0.1:{port}/")
    assert caught.value.kind == FailureKind.NOT_SENT


def test_plain_http_behind_https_was_not_sent_either() -> None:
    with server(says(b"HTTP/1.1 400 no TLS here\r\n\r\n")) as url, pytest.raises(ExactError) as caught:
        ask(url.replace("http://", "https://"))
    assert caught.value.kind == FailureKind.NOT_SENT


def test_a_proxy_of_this_machine_does_not_see_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with server(says(HEAD + b"Content-Length: 2\r\n\r\n{}")) as url:
        assert ask(url).body == b"{}"


def test_an_unexpected_error_reaches_whoever_waits() -> None:
    def explode(request: httpx.Request) -> httpx.Response:
        raise LookupError("a bug of ours")

    with httpx.Client(transport=httpx.MockTransport(explode)) as client, pytest.raises(LookupError):
        transport.send(client, client.build_request("GET", "http://127.0.0.1/"), seconds=5, limit=10)
