"""Somewhere for alarms to arrive: a web hook and a mail server, real ones, on this machine."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from pydantic import SecretStr

from core import application
from core.application import Application


@dataclass
class Hook:
    """A web hook that keeps what it was sent, and answers with ``status``."""

    port: int
    status: int = 200
    received: list[dict[str, Any]] = field(default_factory=list)
    """What Apprise's json:// sends: "title", "message" ..."""
    then: Callable[[], None] = lambda: None
    """Done when a message has come in, before it is answered."""

    def address(self, path: str = "hook") -> str:
        return f"json://127.0.0.1:{self.port}/{path}"

    @property
    def titles(self) -> list[str]:
        return [message["title"] for message in self.received]


@dataclass
class Mailbox:
    """A mail server that takes everything, and keeps it."""

    port: int
    refuses: str = ""
    """Answered to every recipient, such as "550 no such user"; "" takes the message."""
    received: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"mailto://127.0.0.1:{self.port}?from=connections@clickker.test&to={{email}}"


def addressed(app: Application, support: str = "", owner: str = "", **settings: Any) -> Application:
    """The application with these addresses in its settings, served by ``application()`` as well."""
    addresses = {"alarm_support": SecretStr(support), "alarm_owner": SecretStr(owner)}
    made = replace(app, settings=app.settings.model_copy(update=addresses | settings))
    application.use(made)
    return made


@contextmanager
def web_hook(port: int = 0) -> Iterator[Hook]:
    """Listens until the block ends; on a free port unless one is given."""
    with ThreadingHTTPServer(("127.0.0.1", port), _Posts) as server:
        hook = Hook(server.server_port)
        server.hook = hook  # type: ignore[attr-defined]
        with _serving(server):
            yield hook


@contextmanager
def mail_server() -> Iterator[Mailbox]:
    """Listens on a free port until the block ends."""
    with _MailServer(("127.0.0.1", 0), _Conversation) as server:
        server.mailbox = Mailbox(server.server_address[1])
        with _serving(server):
            yield server.mailbox


@contextmanager
def _serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


class _Posts(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        hook: Hook = self.server.hook  # type: ignore[attr-defined]
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if hook.status < 300:
            hook.received.append(said)
            hook.then()
        with suppress(ConnectionError):  # whoever sent it may have been killed by now
            self.send_response(hook.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class _MailServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    mailbox: Mailbox


class _Conversation(socketserver.StreamRequestHandler):
    """As much SMTP as smtplib speaks without encryption (RFC 5321)."""

    def handle(self) -> None:
        self._say("220 mail.test")
        for line in self.rfile:
            said = line.decode().strip()
            command = said.split(" ")[0].split(":")[0].upper()
            if command == "DATA":
                self._take()
            elif command == "QUIT":
                self._say("221 bye")
                return
            elif command == "RCPT" and self._mailbox.refuses:
                self._say(self._mailbox.refuses)
            else:
                if command == "RCPT":
                    self._mailbox.recipients.append(said.partition(":")[2].strip("<>"))
                self._say("250 mail.test")

    def _take(self) -> None:
        self._say("354 go on")
        lines = []
        for line in self.rfile:
            if line == b".\r\n":
                break
            lines.append(line.removeprefix(b"."))
        message = message_from_bytes(b"".join(lines), policy=policy.default)
        self._mailbox.received.append(message)
        self._say("250 taken")

    @property
    def _mailbox(self) -> Mailbox:
        return cast(_MailServer, self.server).mailbox

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())
