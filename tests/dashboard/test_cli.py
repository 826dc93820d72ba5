"""The command `clickker`, as it is typed."""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import select, update
from typer.testing import CliRunner, Result

from core.accounts.operator_list import operator_called
from core.accounts.operators import list_operators
from core.accounts.roles import CurrentOperator
from core.accounts.second_factor import second_factor_is_on
from core.accounts.sessions import session_operator
from core.alarms.outbox import AlarmKind
from core.application import Application
from core.audit.events import Event
from core.audit.record import record_alone
from core.settings import Settings
from core.storage import schema
from core.storage.audit_guard import unguard
from core.storage.database import Database
from core.storage.models import AuditEntry
from core.tokens.vault import Vault
from dashboard.cli import app as clickker
from dashboard.serving import ROOT
from tests.factories import make_alarm, make_broken
from tests.support.frame import new_session
from tests.support.live import environment
from tests.support.receivers import web_hook
from tests.support.second_factor import turned_on

Run = Callable[..., Result]


@pytest.fixture
def run(app: Application, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Type a command on a machine whose settings are those of the test."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")
    for name, value in environment(app.settings).items():
        monkeypatch.setenv(name, value)

    def typed(*arguments: str, stdin: str = "") -> Result:
        return CliRunner().invoke(clickker, list(arguments), input=stdin)

    return typed


def test_it_makes_a_key_that_the_vault_takes(run: Run) -> None:
    Vault(run("keys", "generate").output.strip())


def test_an_operator_is_invited_with_a_link(run: Run, app: Application) -> None:
    told = run("operator", "invite", "--email", "Alice@Example.com", "--name", "Alice", "--role", "admin")

    assert told.exit_code == 0
    assert f"{app.settings.public_url}/" in told.output
    [alice] = list_operators(app, None)
    assert (alice.email, alice.role, alice.link_open) == ("alice@example.com", "admin", True)


def test_inviting_again_makes_a_new_link(run: Run, app: Application) -> None:
    invite = ("operator", "invite", "--email", "alice@example.com", "--name", "Alice")

    first, second = run(*invite), run(*invite)

    assert second.exit_code == 0
    assert first.output.splitlines()[-1] != second.output.splitlines()[-1]
    assert len(list_operators(app, None)) == 1


def test_an_operator_is_added_with_a_password_that_is_asked_for(run: Run, app: Application) -> None:
    told = run(
        "operator", "add", "--email", "bob@example.com", "--name", "Bob", stdin="tulips in the rain\n" * 2
    )

    assert told.exit_code == 0
    assert "tulips" not in told.output
    assert [operator.account_created for operator in list_operators(app, None)] == [True]


def test_a_bad_password_is_refused_with_a_sentence(run: Run) -> None:
    told = run("operator", "add", "--email", "bob@example.com", "--name", "Bob", stdin="short\n" * 2)

    assert told.exit_code == 2
    assert "at least 12" in told.output
    assert "Traceback" not in told.output


def test_operators_are_listed(run: Run) -> None:
    run("operator", "invite", "--email", "alice@example.com", "--name", "Alice")

    assert run("operator", "list").output == "alice@example.com\tAlice\tsupport\twaiting\t-\t-\n"


def test_a_reset_link_is_made(run: Run) -> None:
    run("operator", "add", "--email", "bob@example.com", "--name", "Bob", stdin="tulips in the rain\n" * 2)

    assert "http://localhost" in run("operator", "reset", "--email", "bob@example.com").output
    assert run("operator", "reset", "--email", "nobody@example.com").exit_code == 2


def test_when_all_is_lost_a_shell_does_what_the_page_does(run: Run, app: Application) -> None:
    for name, role in (("Anna", "admin"), ("Bob", "support")):
        email = f"{name.lower()}@example.com"
        added = ("operator", "add", "--email", email, "--name", name, "--role", role)
        assert run(*added, stdin="tulips in the rain\n" * 2).exit_code == 0
    bob = operator_called(app, "bob@example.com")
    cookie = new_session(app, CurrentOperator(bob.id, bob.email, bob.name, bob.role))
    of_bob = ("--email", "Bob@example.com")

    assert run("operator", "end-sessions", *of_bob).output == "Bob is signed out everywhere.\n"
    assert session_operator(app, cookie) is None
    assert run("operator", "role", *of_bob, "--role", "admin").output == "Bob is Admin now.\n"
    assert run("operator", "disable", *of_bob).exit_code == 0
    assert not operator_called(app, bob.email).active
    assert run("operator", "enable", *of_bob).exit_code == 0
    assert operator_called(app, bob.email).active
    turned_on(app, CurrentOperator(bob.id, bob.email, bob.name, bob.role), "tulips in the rain")
    assert "second-factor" in run("operator", "list").output
    assert run("operator", "second-factor-off", *of_bob).exit_code == 0
    assert not second_factor_is_on(app, bob.id)


def test_a_shell_refuses_with_a_sentence_too(run: Run, app: Application) -> None:
    added = ("operator", "add", "--email", "anna@example.com", "--name", "Anna", "--role", "admin")
    run(*added, stdin="tulips in the rain\n" * 2)

    for command in (("disable",), ("role", "--role", "support")):
        told = run("operator", *command, "--email", "anna@example.com")
        assert (told.exit_code, "last admin" in told.output) == (2, True)
    for command in (("reset",), ("disable",), ("enable",), ("end-sessions",), ("second-factor-off",)):
        told = run("operator", *command, "--email", "nobody@example.com")
        assert (told.exit_code, "no such operator" in told.output) == (2, True)
    told = run("operator", "second-factor-off", "--email", "anna@example.com")
    assert (told.exit_code, "No second factor" in told.output) == (2, True)


def test_the_database_is_upgraded(run: Run) -> None:
    assert run("db", "upgrade").output == "The database is up to date.\n"


def test_doctor_says_what_is_wrong_and_fails(run: Run) -> None:
    told = run("doctor")

    assert told.exit_code == 1
    assert "✗ Operators" in told.output
    assert "✓ Database" in told.output


def test_serve_refuses_a_short_key_with_a_sentence(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLICKKER_ENCRYPTION_KEYS", base64.b64encode(b"short").decode())

    told = run("serve")

    assert told.exit_code == 2
    assert "not 32 bytes" in told.output


def test_serve_refuses_a_setting_that_cannot_be_read(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLICKKER_PORT", "eighty")

    told = run("serve")

    assert (told.exit_code, "CLICKKER_PORT" in told.output) == (2, True)


def test_serve_becomes_the_server_at_the_root_of_the_project(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    became: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _path, command: became.append(command))

    assert run("serve", "--address", "127.0.0.1").exit_code == 0

    [command] = became
    assert command[0] == sys.executable
    assert "127.0.0.1" in command
    assert os.getcwd() == str(ROOT)  # noqa: PTH109 - config.toml counts only there


def test_it_speaks_the_language_of_the_shell(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")

    assert "up to date" in run("db", "upgrade").output


def test_a_test_alarm_arrives_or_says_why_not(
    run: Run, app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    with web_hook() as hook:
        monkeypatch.setenv("CLICKKER_ALARM_SUPPORT", f"{hook.address()} {hook.address('canary')}")
        told = run("alarms", "test")
        hook.status = 403
        refused = run("alarms", "test")

    assert (told.exit_code, told.output) == (0, "✓ Support 1 (json)\n✓ Support 2 (json)\n")
    assert (refused.exit_code, refused.output.count("error 403")) == (1, 2)
    assert len(hook.received) == 2
    assert "canary" not in told.output + refused.output


def test_a_test_alarm_without_an_address_says_what_to_set(run: Run) -> None:
    told = run("alarms", "test")

    assert (told.exit_code, "CLICKKER_ALARM_SUPPORT" in told.output) == (2, True)


def test_due_alarms_are_sent(run: Run, app: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    make_alarm(app.database, AlarmKind.RECONNECT_NEEDED, make_broken(app.database))
    with web_hook() as hook:
        monkeypatch.setenv("CLICKKER_ALARM_SUPPORT", hook.address())
        assert run("alarms", "send").output == "1 message sent.\n"

    assert len(hook.received) == 1


def test_it_says_whether_the_audit_log_is_as_it_was_written(run: Run, app: Application) -> None:
    record_alone(app, Event.SIGN_IN, None)
    whole = run("audit", "verify")
    with app.database.transaction() as session:
        unguard(session.connection())
        session.execute(update(AuditEntry).where(AuditEntry.sequence == 1).values(subject="x"))
    broken = run("audit", "verify")

    assert whole.exit_code == 0
    assert "1 entry, unbroken, head " in whole.output
    assert broken.exit_code == 1
    assert "Entry 1 has been changed." in broken.output


def _recorded(settings: Settings) -> list[tuple[str, str, str]]:
    database = Database(settings.database_url.get_secret_value())
    with database.read() as session:
        found = [(e.event, e.actor_name, e.detail) for e in session.scalars(select(AuditEntry))]
    database.dispose()
    return found


def test_upgrading_the_database_is_recorded_once(
    run: Run, app: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    monkeypatch.setenv("CLICKKER_DATABASE_URL", url)
    for _again in range(2):
        assert run("db", "upgrade").exit_code == 0
    new = app.settings.model_copy(update={"database_url": SecretStr(url)})
    assert _recorded(new) == [("database.upgraded", "shell", f"- {schema.newest_revision()}")]
    assert run("audit", "verify").exit_code == 0


def test_recovering_tokens_is_recorded(run: Run, app: Application) -> None:
    assert run("tokens", "recover").exit_code == 0
    assert _recorded(app.settings) == [("tokens.recovered", "shell", "0 0")]
