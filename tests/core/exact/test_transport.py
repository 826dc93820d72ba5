"""Limits that hold against a server that misbehaves: time in all, size, redirects. Over real sockets."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

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


class Kept:
    """A keeper that remembers."""

    def __init__(self) -> None:
        self.answers: list[transport.Answer] = []
        self.over = threading.Event()

    def keep(self, answer: transport.Answer) -> None:
        self.answers.append(answer)

    def end(self) -> None:
        self.over.set()


def ask_keeping(url: str, kept: Kept, seconds: float, limit: int = 9) -> FailureKind | None:
    with transport.new_client() as client:
        try:
            transport.send(
                client,
                client.build_request("POST", url, content="x"),
                seconds=seconds,
                limit=limit,
                keeper=kept,
            )
        except ExactError as error:
            assert kept.over.wait(10)
            return error.kind
    return None


def test_nothing_is_sent_once_we_have_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on, connect, heard, kept = threading.Event(), socket.create_connection, list[bytes](), Kept()

    def slow_look_up(*arguments: Any, **options: Any) -> socket.socket:
        go_on.wait(10)
        return connect(*arguments, **options)

    monkeypatch.setattr(socket, "create_connection", slow_look_up)
    with socket.create_server(("127.0.0.1", 0)) as listener, transport.new_client() as client:
        request = client.build_request("POST", f"http://127.0.0.1:{listener.getsockname()[1]}/", content="x")
        with pytest.raises(ExactError) as caught:
            transport.send(client, request, seconds=0.05, limit=9, keeper=kept)
        go_on.set()
        assert kept.over.wait(10)
        client.close()
        with listener.accept()[0] as connection:
            heard.append(connection.recv(100))
    assert caught.value.kind == FailureKind.NOT_SENT
    assert heard == [b""]


def test_a_body_that_came_too_late_is_kept_all_the_same() -> None:
    go_on, kept = threading.Event(), Kept()

    def talk(connection: socket.socket) -> None:
        go_on.wait(10)
        connection.sendall(HEAD + b"Content-Length: 2\r\n\r\n{}")

    with server(talk) as url, transport.new_client() as client:
        request = client.build_request("POST", url, content="x")
        with pytest.raises(ExactError) as caught:
            transport.send(client, request, seconds=1, limit=9, keeper=kept)
        go_on.set()
        assert kept.over.wait(10)
    assert caught.value.kind == FailureKind.UNKNOWN
    assert caught.value.retry_at is not None
    assert [(answer.body, answer.complete) for answer in kept.answers] == [(b"{}", True)]


def test_a_body_that_drips_without_end_is_not_waited_for_without_end() -> None:
    over, kept = threading.Event(), Kept()

    def talk(connection: socket.socket) -> None:
        connection.sendall(HEAD + b"Content-Length: 999999\r\n\r\n")
        while not over.wait(0.05):
            connection.sendall(b"\r")

    with server(talk) as url:
        assert ask_keeping(url, kept, seconds=0.2, limit=9999) == FailureKind.UNKNOWN
        over.set()
    assert [answer.complete for answer in kept.answers] == [False]


def test_of_a_body_that_is_too_large_its_beginning_is_kept() -> None:
    kept = Kept()
    with server(says(HEAD + b"\r\n" + b"0123456789" * 10)) as url:
        assert ask_keeping(url, kept, seconds=5) is None
    assert [(answer.body, answer.complete) for answer in kept.answers] == [(b"012345678", False)]
