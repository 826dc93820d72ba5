"""A database that cannot be served is a sentence, from every command, and no piece of a password is in it."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from core.accounts.operators import list_operators
from core.accounts.passwords import check_password
from core.application import Application
from core.demo import OPERATORS, PASSWORD, add_operators
from core.errors import InvalidInput
from core.settings import Settings
from core.starting_database import told_at_start
from dashboard.cli import app as clickker
from dashboard.serving import ROOT
from tests.factories import make_operator
from tests.support.live import environment, free_port

Run = Callable[..., Result]
COMMANDS = [("doctor",), ("db", "upgrade"), ("serve",)]
OTHERS = [("operator", "list"), ("keys", "list"), ("audit", "verify"), ("tokens", "recover"), ("keeper",)]
SECRET = "Zw4luw#Nest/2026"


@pytest.fixture
def run(app: Application, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Type a command on a machine whose settings are those of the test, but for what is changed."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(os, "execv", lambda *_given: None)

    def typed(*arguments: str, **changes: str) -> Result:
        given = environment(app.settings, PORT=str(free_port()), **changes)
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")
        return CliRunner().invoke(clickker, list(arguments))

    return typed


def sentence(told: Result) -> str:
    """What was said by a command that did not go on; no traceback, and nothing of the password."""
    assert told.exit_code in {1, 2}, told.output
    assert told.exception is None or isinstance(told.exception, SystemExit), repr(told.exception)
    for at in range(len(SECRET) - 3):
        assert SECRET[at : at + 4] not in told.output
    return told.output


@pytest.mark.parametrize("command", [*COMMANDS, *OTHERS])
def test_a_database_that_a_newer_version_has_upgraded(
    run: Run, app: Application, command: tuple[str, ...]
) -> None:
    with app.database.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert "newer version of the product" in sentence(run(*command))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "address",
    [
        "no address at all",
        "",
        "postgresql://user:Zw4l@uw#Nest@db.example/name",
        f"postgresql://user@db.example:{SECRET}/name",
        f"mysql://user:{SECRET}@db.example/name",
        f"postgres://user:{SECRET}@db.example/name",
    ],
)
def test_an_address_that_cannot_be_read(run: Run, command: tuple[str, ...], address: str) -> None:
    assert "CLICKKER_DATABASE_URL cannot be read" in sentence(run(*command, DATABASE_URL=address))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("command", [*COMMANDS, *OTHERS])
def test_a_server_that_is_not_there(run: Run, command: tuple[str, ...]) -> None:
    address = f"postgresql://user:Zw4luwNest@127.0.0.1:{free_port()}/name"
    assert "Cannot be reached" in sentence(run(*command, DATABASE_URL=address))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_database_of_the_demo_is_not_served(run: Run, app: Application) -> None:
    assert run("serve").exit_code == 0
    add_operators(app)
    assert "database of the demo" in sentence(run("serve"))
    assert "database of the demo" in run("doctor").output
    for one in list_operators(app, None):
        with app.database.transaction() as session:
            session.execute(text("UPDATE operators SET active = false WHERE id = :id"), {"id": one.id})
    make_operator(app.database, "Anna")
    assert run("serve").exit_code == 0


@pytest.mark.parametrize("password", [PASSWORD, PASSWORD.title(), f"{PASSWORD}!1"])
def test_nobody_may_choose_the_password_of_the_demo(password: str) -> None:
    assert OPERATORS
    with pytest.raises(InvalidInput, match="often guessed"):
        check_password(password, "anna@example.com")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ("https://connections.example.nl", "SQLite", "in the dashboard", "Exact Online itself")),
        ({"simulator": True, "keeper": "off"}, ("SIMULATOR", "elsewhere")),
    ],
)
def test_one_line_says_what_is_served(
    settings: Settings, changes: dict[str, object], words: tuple[str, ...]
) -> None:
    told = told_at_start(
        settings.model_copy(update={"public_url": "https://connections.example.nl"} | changes)
    )
    assert all(word in told for word in words)
    assert "\n" not in told


def test_that_line_holds_no_password(settings: Settings) -> None:
    address = "postgresql://user:Zw4luwNest@db.example:5433/name?password=Zw4luwNest"
    told = told_at_start(Settings(**(dict(settings) | {"database_url": address})))
    assert "PostgreSQL database name on db.example:5433" in told
    assert "Zw4l" not in told
    assert "user" not in told
