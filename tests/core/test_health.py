"""What cannot be written is told: to whoever asks /readyz, and on open pages."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import event
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core import clock
from core.accounts import knocks
from core.accounts.roles import Role
from core.application import Application
from core.registrations.customer_links import create_customer_link
from dashboard.navigation import ENTRIES
from dashboard.routes import routes
from tests.factories import make_operator, make_registration
from tests.support.frame import cookies, frame

URL = "sqlite:///"


@contextmanager
def from_now_on(app: Application, sqlite_says: str, postgresql_says: str) -> Iterator[None]:
    """Every connection of the product is prepared so, as the server's or the disk's own state would."""
    said = sqlite_says if app.database.is_sqlite else postgresql_says

    def prepare(connection: Any, _record: object) -> None:
        connection.cursor().execute(said)
        connection.commit()

    app.database.dispose()
    event.listen(app.database.engine, "connect", prepare)
    try:
        yield
    finally:
        event.remove(app.database.engine, "connect", prepare)
        app.database.dispose()


def ready(app: Application) -> tuple[int, str]:
    app.__dict__.pop("health", None)
    answer = TestClient(Starlette(routes=routes())).get("/readyz")
    return answer.status_code, answer.json()["status"]


def test_all_is_well(app: Application) -> None:
    assert ready(app) == (200, "ok")


def test_a_database_that_only_reads_is_not_ready(app: Application) -> None:
    with from_now_on(app, "PRAGMA query_only=ON", "SET default_transaction_read_only = on"):
        assert ready(app) == (503, "database not writable")
    assert ready(app) == (200, "ok")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_full_database_is_not_ready(app: Application) -> None:
    with from_now_on(app, "PRAGMA max_page_count=1", ""):
        assert ready(app) == (503, "database not writable")
    assert ready(app) == (200, "ok")


def test_one_that_somebody_else_writes_to_is_ready(app: Application) -> None:
    with somebody_else_writes(app):
        assert ready(app) == (200, "ok")


def test_a_journal_that_cannot_be_written_is_not_ready(app: Application) -> None:
    assert ready(app) == (200, "ok")
    shutil.rmtree(app.journal.folder)
    app.journal.folder.write_text("a file in its place")
    assert ready(app) == (503, "journal not writable")


def test_open_pages_say_so_and_take_it_back(app: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    cookies(monkeypatch, app, make_operator(app.database, "Sanne"))
    with from_now_on(app, "PRAGMA query_only=ON", "SET default_transaction_read_only = on"):
        app.health.trouble(app, fresh=True)
        page = frame("overview")
        assert [told.value for told in page.error] == [
            "Nothing can be saved at the moment: the server cannot write. You can read everything; keep what you have "
            "typed, and tell your admin."
        ]
    app.health.trouble(app, fresh=True)
    assert not frame("overview").error


ALL_PAGES = [
    entry.file.removesuffix(".py") for entry in ENTRIES if entry.key not in {"register", "choose", "bulk"}
]


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_reading_waits_for_nobody(app: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that was quiet for two minutes is touched by the next page; a link is opened for the first time."""
    admin = make_operator(app.database, "Anna", Role.ADMIN)
    cookies(monkeypatch, app, admin)
    number = make_registration(app.database)
    link = create_customer_link(app, admin, number).rpartition("/")[2]
    client = TestClient(Starlette(routes=routes()))
    with clock.shifted(timedelta(minutes=2)), somebody_else_writes(app):
        for name in ALL_PAGES:
            page = frame(name, **({"id": str(number)} if name == "registration" else {}))
            assert not page.exception
            assert not page.error
        assert client.get(f"/customer/{link}").status_code == 200
        assert client.get("/exact/callback").status_code == 400


def test_what_is_noted_while_somebody_reads_waits_for_nobody(app: Application) -> None:
    door = f"a door of {app.settings.journal_dir}"
    with somebody_else_writes(app):
        assert knocks.allow(app, door, 2)
        assert knocks.allow(app, door, 2)
        assert not knocks.allow(app, door, 2), "each process counts for itself meanwhile"
    assert knocks.allow(app, door, 2), "and the database's count is what it was"


@contextmanager
def somebody_else_writes(app: Application) -> Iterator[None]:
    """A transaction that goes on and on."""
    url = app.settings.database_url.get_secret_value()
    if app.database.is_sqlite:
        holder = sqlite3.connect(url.removeprefix(URL), isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            holder.close()
        return
    with psycopg.connect(url) as locker:
        locker.execute("LOCK TABLE sessions, operators, knocks, counters, customer_links IN EXCLUSIVE MODE")
        yield
