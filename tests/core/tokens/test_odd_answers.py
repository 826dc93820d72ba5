"""Whatever Exact answers, over a real socket: nothing unhandled, and no valid successor dropped."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from shutil import copyfile

import pytest
from pydantic import SecretStr

from core import clock
from core.application import Application, build
from core.exact.errors import ExactError
from core.exact.oauth import TokenPair
from core.settings import ExactApp, Settings
from core.storage.models import Grant
from core.tokens.grants import read_refresh_token, save_candidate
from core.tokens.rotation import access_token
from core.tokens.vault import Vault
from tests.support.odd_answers import ACCESS, REFRESH, Odd, odd_answers

SPENT = "spent"
ENDS = b"client_secret=secret"
ODD = odd_answers()


class RawServer:
    """Says ``raw`` to every request, and hangs up."""

    def __init__(self) -> None:
        self.raw = b""
        self.asked = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _address = self._listener.accept()
                with connection, suppress(OSError):
                    request = b""
                    while ENDS not in request and (part := connection.recv(65536)):
                        request += part
                    self.asked += 1
                    connection.sendall(self.raw)
                    connection.shutdown(socket.SHUT_WR)
                    connection.recv(
                        1
                    )  # until the other side has closed: closing first may throw away what was sent


@pytest.fixture(scope="module")
def server() -> Iterator[RawServer]:
    running = RawServer()
    yield running
    running.close()


@pytest.fixture(scope="module")
def app(
    server: RawServer, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Application]:
    path = tmp_path_factory.mktemp("odd") / "test.db"
    copyfile(sqlite_template, path)
    built = build(
        Settings(
            database_url=SecretStr(f"sqlite:///{path}"),
            encryption_keys=SecretStr(Vault.generate_key()),
            exact={"nl": ExactApp(client_id="id", client_secret=SecretStr("secret"), base_url=server.url)},
            journal_slots=2,
        )
    )
    yield built
    built.exact.close()
    built.journal.close()
    built.database.dispose()


def test_there_are_enough_of_them() -> None:
    assert len([odd for odd in ODD if odd.kept]) >= 60
    assert len({odd.name for odd in ODD}) == len(ODD)


@pytest.mark.parametrize("odd", ODD, ids=[odd.name for odd in ODD])
def test_no_odd_answer_costs_the_successor(app: Application, server: RawServer, odd: Odd) -> None:
    grant_id = save_candidate(app, "nl", TokenPair("access", SPENT, clock.now() + timedelta(seconds=600)))
    server.raw, asked = odd.raw, server.asked
    token: str | ExactError
    with clock.shifted(timedelta(seconds=601)):
        try:
            token = access_token(app, grant_id)
        except ExactError as error:
            token = error
    with app.database.read() as session:
        held = session.get_one(Grant, grant_id)
    assert server.asked == asked + 1
    assert read_refresh_token(app.vault, held) == (REFRESH if odd.kept else SPENT)
    assert token == ACCESS or isinstance(token, ExactError)
    assert held.failures == (0 if odd.kept else 1)
    assert held.lease_owner is None
    assert list(app.journal.slots.left_behind()) == []
