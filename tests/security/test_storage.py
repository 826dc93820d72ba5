"""Checks 14 and 15: what is stored, and the keys it is stored with. Check 16 is in test_canaries.py."""

from __future__ import annotations

import ast
import base64
import os
import threading
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import LargeBinary
from typer.testing import CliRunner, Result

from core import clock
from core.accounts import key_rotation, passwords
from core.accounts.operators import add_operator
from core.accounts.roles import Role
from core.application import Application
from core.doctor import Verdict, examine
from core.errors import SettingsError
from core.exact.oauth import TokenPair
from core.keeping.working import keep
from core.storage.models import Base, Grant, Registration
from core.tokens.grants import read_access_token, read_refresh_token, save_candidate, store_pair
from core.tokens.keys_in_use import check_keys, list_keys
from core.tokens.records import _PLACE
from core.tokens.rekeying import rekey
from core.tokens.sealed import SEALED
from core.tokens.vault import EXAMPLE_KEY, DamagedSecret, Vault, key_name
from dashboard import housekeeping
from dashboard.cli import app as clickker
from tests.crash.rekeying import OFTEN, play
from tests.crash.scene import open_scene
from tests.crash.workers import Workers, ready_workers
from tests.factories import make_connected, make_operator
from tests.support.live import environment, free_port

ROOT = Path(__file__).parent.parent.parent
PLACES = [(each.table.name, column.key) for each in SEALED for column in each.columns]
PASSWORD = "a herring in the tea"
Run = Callable[..., Result]


# --- Check 14 --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("table", "column"), PLACES)
def test_check_14_a_ciphertext_opens_in_its_own_place_alone(table: str, column: str) -> None:
    vault = Vault(Vault.generate_key())
    sealed = vault.encrypt("secret", table=table, column=column, row=7)

    assert vault.decrypt(sealed, table=table, column=column, row=7) == "secret"
    tables = {"journal", *(name for name, _column in PLACES)}
    columns = {"answer", *(name for _table, name in PLACES)}
    rows: tuple[int | str, ...] = (7, 8, 77, "record")
    elsewhere = list(product(tables, columns, rows))
    elsewhere.remove((table, column, 7))
    for other, another, row in elsewhere:
        with pytest.raises(DamagedSecret):
            vault.decrypt(sealed, table=other, column=another, row=row)


def test_check_14_swapped_tokens_are_refused_and_never_encrypted_anew(app: Application) -> None:
    pairs = [TokenPair(f"access {name}", f"refresh {name}", clock.now()) for name in ("one", "two")]
    one, two = (save_candidate(app, "nl", pair) for pair in pairs)
    with app.database.transaction() as session:
        first, second = session.get_one(Grant, one), session.get_one(Grant, two)
        first.refresh_token, second.refresh_token = second.refresh_token, first.refresh_token
        second.access_token = second.refresh_token
    with app.database.read() as session:
        for row, read in ((one, read_refresh_token), (two, read_refresh_token), (two, read_access_token)):
            with pytest.raises(DamagedSecret):
                read(app.vault, session.get_one(Grant, row))
        before = session.get_one(Grant, one).refresh_token

    result = rekey(_with_keys(app, Vault.generate_key(), _keys(app)))

    assert result.stuck == {f"grants {one}", f"grants {two}"}
    with app.database.read() as session:
        assert session.get_one(Grant, one).refresh_token == before


def test_check_14_every_binary_column_is_in_the_list_of_what_is_encrypted() -> None:
    binary = {
        (table.name, column.name)
        for table in Base.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, LargeBinary)
    }

    assert binary == set(PLACES), "core/tokens/sealed.py lists every encrypted column, and those alone"


@pytest.mark.parametrize("method", ["encrypt", "decrypt"])
def test_check_14_whatever_is_encrypted_anywhere_is_in_the_list(method: str) -> None:
    found = set(_places_in_the_source(method))

    assert found >= set(PLACES)
    assert found - set(PLACES) == {(_PLACE["table"], _PLACE["column"])}, "list it in core/tokens/sealed.py"


def _places_in_the_source(method: str) -> Iterator[tuple[str, str]]:
    """(table, column) of every call of the vault; what a call says must be readable without running the product."""
    for path in sorted((ROOT / "core").rglob("*.py")) + sorted((ROOT / "dashboard").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if name in {"core/tokens/vault.py", "core/tokens/sealed.py"}:  # these take any place
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == method
            ):
                module = import_module(name.removesuffix(".py").replace("/", "."))
                place: dict[str, Any] = {}
                for word in node.keywords:
                    if word.arg is None:
                        place |= _value(word.value, module)
                    elif word.arg in {"table", "column"}:
                        place[word.arg] = _value(word.value, module)
                assert {"table", "column"} <= set(place), f"{name}:{node.lineno} does not say its place"
                yield place["table"], place["column"]


def _value(node: ast.expr, module: object) -> Any:
    """What a constant, a name of the module or an attribute of one is worth."""
    if isinstance(node, ast.Attribute):
        return getattr(_value(node.value, module), node.attr)
    return getattr(module, node.id) if isinstance(node, ast.Name) else ast.literal_eval(node)


# --- Check 15 --------------------------------------------------------------------------------------------


def _keys(app: Application) -> str:
    return app.settings.encryption_keys.get_secret_value()


def _with_keys(app: Application, *keys: str) -> Application:
    """The same installation after a start with these keys."""
    settings = app.settings.model_copy(update={"encryption_keys": SecretStr(",".join(keys))})
    return Application(settings, app.database, Vault(",".join(keys)), app.exact)


def _name(key: str) -> str:
    return key_name(Vault(key).heads[0])


@pytest.fixture
def run(app: Application, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Type a command on a machine with these keys."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")
    monkeypatch.setattr(passwords, "ROUNDS", 4)
    free = app.settings.model_copy(update={"port": free_port()})

    def typed(keys: str, *arguments: str, stdin: str = "") -> Result:
        given = environment(free) | {"CLICKKER_ENCRYPTION_KEYS": keys}
        return CliRunner().invoke(clickker, list(arguments), input=stdin, env=given)

    return typed


@pytest.fixture
def audited(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    """(who, outcome, detail) of what goes into the audit log."""
    written: list[tuple[str, str, str]] = []

    def note(
        _app: object, event: object, by: Any, *, outcome: str = "done", detail: str = "", **_more: str
    ) -> None:
        assert str(event) == "keys.rotated"
        written.append((by.email if by else "", outcome, detail))

    monkeypatch.setattr(key_rotation, "record_alone", note)
    return written


@pytest.fixture
def token(app: Application) -> str:
    """A row with a pair in it."""
    return save_candidate(app, "nl", TokenPair("access", "refresh", clock.now()))


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with ready_workers() as ready:
        yield ready


def test_check_15_keys_rotate_under_load_and_go_on_after_kills(
    database_url: str, tmp_path: Path, workers: Workers
) -> None:
    with open_scene(database_url, tmp_path, workers, **OFTEN) as scene:
        change = play(scene, seed=15, kills=6)

    assert change.mended > 0, "no kill struck in the middle: nothing was resumed"


@pytest.mark.parametrize(
    "key", ["", base64.b64encode(b"short").decode(), EXAMPLE_KEY, base64.b64encode(bytes(32)).decode(), "x"]
)
@pytest.mark.parametrize("command", ["serve", "keeper", "keys list", "keys rotate --no-input"])
def test_check_15_nothing_starts_with_a_missing_default_or_short_key(
    run: Run, key: str, command: str
) -> None:
    told = run(key, *command.split())

    assert told.exit_code == 2
    assert "ncryption key" in told.output
    assert "clickker keys generate" in told.output


@pytest.mark.parametrize("command", ["serve", "keeper", "keys rotate --no-input"])
def test_check_15_a_wrong_key_is_named_when_it_starts(
    run: Run, app: Application, token: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    became: list[object] = []
    monkeypatch.setattr(os, "execv", lambda *given: became.append(given))
    other = Vault.generate_key()

    told = run(other, *command.split())

    assert (told.exit_code, became) == (2, [])
    assert f"2 stored secrets were made with key {_name(_keys(app))}" in told.output
    assert f"has only {_name(other)}" in told.output
    assert "after the others" in told.output


def test_check_15_the_server_itself_does_not_start_with_a_wrong_key(
    app: Application, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = _with_keys(app, Vault.generate_key())
    monkeypatch.setattr(housekeeping, "application", lambda: other)

    with pytest.raises(SettingsError, match="The encryption key is wrong"):
        housekeeping.warm_up()
    with pytest.raises(SettingsError, match="The encryption key is wrong"):
        keep(_practising(other), threading.Event())


def _practising(app: Application) -> Application:
    settings = app.settings.model_copy(update={"allow_simulator": True})
    return Application(settings, app.database, app.vault, app.exact)


def test_check_15_the_doctor_names_a_wrong_key_and_says_when_to_rotate(app: Application, token: str) -> None:
    def told(*keys: str) -> list[tuple[Verdict, str]]:
        found = examine(_with_keys(app, *keys).settings)
        return [(each.verdict, each.sentence) for each in found if each.subject == "Encryption keys"]

    new = Vault.generate_key()
    assert told(_keys(app)) == [(Verdict.GOOD, "The first key opens everything that is stored.")]
    [(verdict, sentence)] = told(new)
    assert (verdict, "is wrong" in sentence) == (Verdict.WRONG, True)
    [(verdict, sentence)] = told(new, _keys(app))
    assert (verdict, sentence.startswith("2 secrets are still")) == (Verdict.NOTE, True)


def test_check_15_an_old_key_is_retired_by_the_commands_of_the_readme(
    run: Run, app: Application, token: str, audited: list[tuple[str, str, str]]
) -> None:
    add_operator(app, "anna@clickker.test", "Anna", Role.ADMIN, PASSWORD, "en")
    old, new = _keys(app), run("", "keys", "generate").output.strip()

    before = run(f"{new},{old}", "keys", "list")
    told = run(f"{new},{old}", "keys", "rotate", stdin=f"anna@clickker.test\n{PASSWORD}\n")
    after = run(f"{new},{old}", "keys", "list")
    alone = run(new, "keys", "list")

    assert f"{_name(new)}\tencrypts\n{_name(old)}\topens what it encrypted before" in before.output
    assert "grants.refresh_token\t1" in before.output
    assert told.exit_code == 0, told.output
    assert "grants\t1" in told.output
    assert f"on this machine: {_name(old)}." in told.output
    assert f"{_name(old)}\tin use nowhere here" in after.output
    assert (alone.exit_code, _name(old) in alone.output) == (0, False)
    assert audited == [
        ("anna@clickker.test", "done", "begun"),
        ("anna@clickker.test", "done", "ended: grants 1"),
    ]
    with app.database.read() as session:
        row = session.get_one(Grant, token)
    assert read_refresh_token(Vault(new), row) == "refresh"
    assert PASSWORD not in told.output


@pytest.mark.parametrize(
    ("typed", "word"),
    [
        (("anna@clickker.test", "another herring"), "do not belong together"),
        (("nobody@clickker.test", PASSWORD), "do not belong together"),
        (("sanne@clickker.test", PASSWORD), "Your role does not allow this"),
    ],
)
def test_check_15_only_an_admin_with_his_password_rotates_keys(
    run: Run, app: Application, token: str, typed: tuple[str, str], word: str
) -> None:
    for name, role in (("anna", Role.ADMIN), ("sanne", Role.SUPPORT)):
        add_operator(app, f"{name}@clickker.test", name.title(), role, PASSWORD, "en")
    keys = f"{Vault.generate_key()},{_keys(app)}"

    told = run(keys, "keys", "rotate", "--email", typed[0], stdin=f"{typed[1]}\n")

    assert (told.exit_code, word in told.output) == (2, True)
    assert [key.count for key in list_keys(_with_keys(app, keys))] == [0, 2]


def test_check_15_guessing_an_admins_password_at_the_shell_is_slow(run: Run, app: Application) -> None:
    add_operator(app, "anna@clickker.test", "Anna", Role.ADMIN, PASSWORD, "en")
    for _number in range(5):
        run(_keys(app), "keys", "rotate", "--email", "anna@clickker.test", stdin="another herring\n")

    told = run(_keys(app), "keys", "rotate", "--email", "anna@clickker.test", stdin=f"{PASSWORD}\n")

    assert (told.exit_code, "Too many wrong passwords" in told.output) == (2, True)


def test_check_15_without_an_admin_nobody_is_asked_and_a_script_says_so(
    run: Run,
    app: Application,
    token: str,
    audited: list[tuple[str, str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = f"{Vault.generate_key()},{_keys(app)}"
    assert run(keys, "keys", "rotate").exit_code == 0
    make_operator(app.database, "Anna", Role.ADMIN, password_hash="$2b$04$nobody-knows-it")
    assert run(keys, "keys", "rotate", "--no-input").exit_code == 0
    assert {who for who, _outcome, _detail in audited} == {""}
    assert run(keys, "keys", "rotate").exit_code != 0, "it went on without an answer"


def test_check_15_what_no_key_opens_is_named_and_the_run_has_failed(
    run: Run, app: Application, token: str, audited: list[tuple[str, str, str]]
) -> None:
    with app.database.transaction() as session:
        session.get_one(Grant, token).access_token = (
            app.vault.heads[0] + b"nonsense of forty bytes at the very least"
        )

    told = run(f"{Vault.generate_key()},{_keys(app)}", "keys", "rotate")

    assert (told.exit_code, f"left as it is: grants {token}" in told.output) == (1, True)
    assert audited[-1][1] == "failed"


def test_check_15_a_key_that_is_lost_for_good_is_given_up_and_its_customers_connect_again(
    run: Run, app: Application
) -> None:
    number = make_connected(app.database)
    with app.database.transaction() as session:
        grant = session.get_one(Grant, session.get_one(Registration, number).grant_id)
        store_pair(session, app.vault, grant, TokenPair("access", "refresh", clock.now()))
    new = Vault.generate_key()
    kept = save_candidate(_with_keys(app, new), "nl", TokenPair("access", "refresh kept", clock.now()))
    add_operator(app, "anna@clickker.test", "Anna", Role.ADMIN, PASSWORD, "en")

    def forget(key: str) -> Result:
        return run(new, "keys", "forget", key, "--email", "anna@clickker.test", stdin=f"{PASSWORD}\n")

    assert run(new, "keeper").exit_code == 2
    assert (forget(_name(new)).exit_code, forget("nonsense").exit_code) == (2, 2)
    told = forget(_name(_keys(app)))

    assert (told.exit_code, "2 secrets that nobody can open" in told.output) == (0, True)
    check_keys(app.database, Vault(new))
    with app.database.read() as session:
        row, registration = session.get_one(Grant, grant.id), session.get_one(Registration, number)
        assert (row.refresh_token, row.access_token, row.fingerprint) == (None, None, None)
        assert registration.status == "reconnect_needed"
        assert read_refresh_token(Vault(new), session.get_one(Grant, kept)) == "refresh kept"
