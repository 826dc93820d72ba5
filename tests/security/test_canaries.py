"""Check 16: canaries as secrets through every error path, at every level of the log; nobody may say one."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr
from sqlalchemy import select, text
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from core import application, clock
from core.accounts import passwords
from core.accounts.invitations import accept_invitation, invite
from core.accounts.operators import add_operator
from core.accounts.passwords import hash_password
from core.accounts.roles import CurrentOperator, Role
from core.accounts.sessions import session_operator, start_session, start_ticket
from core.accounts.signing_in import change_password, confirm_password
from core.application import Application
from core.doctor import examine
from core.exact.client import ExactClient
from core.exact.oauth import TokenPair
from core.registrations.consent import begin_consent, create_consent
from core.registrations.customer_links import create_customer_link
from core.registrations.recovery import recover_chains, replay_journal
from core.registrations.register import register
from core.registrations.views import RegistrationForm
from core.settings import ExactApp, Settings
from core.simulator.faults import AT_AUTHORIZE, NAMES
from core.simulator.server import RunningSimulator
from core.starting import read_settings, reasons_not_to_serve
from core.storage.database import Database
from core.storage.models import Consent, Grant, Operator
from core.tokens.grants import pair_columns, save_candidate
from core.tokens.keys_in_use import check_keys, list_keys
from core.tokens.rekeying import rekey
from core.tokens.rotation import access_token, distrust
from core.tokens.vault import Vault
from dashboard.cookies import browser_cookie, session_cookie
from dashboard.feedback import report
from dashboard.middleware import Shield
from dashboard.routes import routes
from tests.factories import make_operator
from tests.security.ears import Ears, all_ears
from tests.support.exact import exact_apps, new_simulator
from tests.support.frame import cookies, frame
from tests.support.live import free_port

USER = "test@testbv.example"
API = ("me", "divisions", "all_divisions")


def canary(name: str) -> str:
    return f"canary{name}{secrets.token_hex(8)}"


@pytest.fixture
def ears() -> Iterator[Ears]:
    with all_ears() as heard:
        yield heard


@pytest.fixture
def app(ears: Ears, database_url: str, tmp_path: Path) -> Iterator[Application]:
    """An application that is made while everybody listens, with an Exact that takes its tokens at any time."""
    keys, secret = [Vault.generate_key(), Vault.generate_key()], canary("secret")
    for key in keys:
        raw = base64.b64decode(key)
        ears.keep("key", key, raw.hex(), repr(raw)[2:-1])
    ears.keep("client secret", secret)
    with new_simulator() as simulator:
        apps = {
            code: each.model_copy(update={"client_secret": SecretStr(secret)})
            for code, each in exact_apps(simulator).items()
        }
        known = tuple(replace(each, client_secret=secret) for each in simulator.config.apps)
        simulator.engine.configure(
            apps=known, min_refresh_age=0, calls_per_minute=0, calls_per_day=0, errors_per_hour=0
        )
        settings = Settings(
            database_url=SecretStr(database_url),
            encryption_keys=SecretStr(",".join(keys)),
            journal_dir=str(tmp_path / "journal"),
            token_min_age_seconds=0,
            simulator=True,
            exact=apps,
        )
        made = Application(settings, Database(database_url), Vault(",".join(keys)), ExactClient(settings))
        made.__dict__["simulator"] = simulator
        application.use(made)
        ears.hear(settings, made, made.vault, vars(made.vault), made.exact, vars(made.exact), made.journal)
        yield made
        application.use(None)
        made.exact.close()
        made.journal.close()
        made.database.dispose()


@pytest.fixture
def simulator(app: Application) -> RunningSimulator:
    found = app.__dict__["simulator"]
    assert isinstance(found, RunningSimulator)
    return found


@pytest.fixture
def visitor(app: Application) -> Iterator[TestClient]:
    served = Starlette(routes=routes(), middleware=[Middleware(Shield)])
    with TestClient(served, base_url=app.settings.public_url, follow_redirects=False) as client:
        yield client


def _sign_in(app: Application, client: TestClient, who: CurrentOperator, ears: Ears) -> None:
    ticket = start_ticket(app, who.id, "browser", "/")
    started = start_session(app, ticket, "browser", "", "")
    ears.hear(started, session_operator(app, started.cookie))
    ears.keep("session", started.cookie)
    ears.keep("ticket", ticket)
    client.cookies.set(session_cookie(app.settings), started.cookie)


def _keep_issued(ears: Ears, simulator: RunningSimulator) -> None:
    for pair in simulator.engine.journal():
        ears.keep(f"refresh token of {pair.user}, {pair.issued_at}", pair.refresh_token)
    with simulator.engine._lock:
        for chain_pair in simulator.engine._context.state.pairs.values():
            ears.keep(f"access token {chain_pair.issued_at}", chain_pair.access_token)


@pytest.mark.parametrize("fault", sorted(set(NAMES) - set(AT_AUTHORIZE)))
def test_check_16_no_fault_of_exact_makes_anybody_tell_a_secret(
    app: Application, simulator: RunningSimulator, visitor: TestClient, ears: Ears, fault: str
) -> None:
    alice = make_operator(app.database, "Alice")
    _sign_in(app, visitor, alice, ears)
    number = register(app, alice, None, RegistrationForm(name="Test B.V.", environment="nl"))
    details: dict[str, Any] = {"seconds": 0.02, "status": 400, "body": '"soon"'}

    # A consent comes back, and the token address fails.
    going = visitor.get("/exact/connect", params={"consent": create_consent(app, alice, number)})
    [state] = parse_qs(urlsplit(going.headers["location"]).query)["state"]
    with app.database.read() as session:
        [consent] = session.scalars(select(Consent)).all()
    verifier = app.vault.decrypt(consent.verifier or b"", table="consents", column="verifier", row=consent.id)
    code = simulator.engine.grant_code("nl", USER)
    ears.keep("state", state)
    ears.keep("verifier", verifier)
    ears.keep("code", code)
    ears.keep("browser", *(value for name, value in visitor.cookies.items() if "session" not in name))
    simulator.engine.add_fault(fault, endpoint="token", **details)
    shown = visitor.get("/exact/callback", params={"code": code, "state": state})
    again = visitor.get("/exact/callback", params={"code": code, "state": state})
    ears.hear(shown.text, again.text, shown.headers.get("location"), again.headers.get("location"))

    # A refresh fails, and what it left is looked for.
    simulator.engine.clear_faults()
    pair = app.exact.exchange("nl", simulator.engine.grant_code("nl", USER), "v" * 43)
    ears.hear(pair)
    grant_id = save_candidate(app, "nl", pair)
    simulator.engine.add_fault(fault, endpoint="token", **details)
    for step in (
        lambda: access_token(app, grant_id) and None,
        lambda: access_token(app, grant_id) and None,
        lambda: replay_journal(app),
        lambda: recover_chains(app),
        lambda: distrust(app, grant_id, pair.access_token),
    ):
        with ears.errors():
            ears.hear(step())
    with app.database.read() as session:
        row = session.get_one(Grant, grant_id)
        ears.hear(row, row.last_failure_message, row.last_failure_kind)

    # So do the calls that only read.
    simulator.engine.clear_faults()
    for endpoint in API:
        simulator.engine.add_fault(fault, endpoint=endpoint, **details)
    for call in (
        lambda: app.exact.me("nl", pair.access_token),
        lambda: app.exact.divisions("nl", pair.access_token, 1),
        lambda: app.exact.user_divisions("nl", pair.access_token, 1),
    ):
        with ears.errors():
            ears.hear(call())
    with ears.errors():
        ears.hear(rekey(app), list_keys(app))

    _keep_issued(ears, simulator)
    assert ears.told() == []
    assert {"core", "httpcore", "sqlalchemy"} <= ears.loggers, "somebody was not listened to"


def test_check_16_no_wrong_database_makes_anybody_tell_a_secret(
    app: Application, ears: Ears, capfd: pytest.CaptureFixture[str]
) -> None:
    token, password, access = canary("refresh"), canary("password"), canary("access")
    ears.keep("typed", token, password, access)
    pair = TokenPair(access, token, clock.now())
    columns = pair_columns(app.vault, "row", pair)
    ears.keep("stored", columns["fingerprint"], columns["refresh_token"].hex())
    row = {"id": "row", "environment": "nl", "client_id": "c", "created_at": clock.now(), **columns}

    for wrong in (
        {"environment": None},
        {"fingerprint": token * 20},
        {"refresh_token": token},
        {"rotated_at": password},
        {"environment": token},
        {},
        {},
    ):
        with ears.errors(), app.database.transaction() as session:
            session.add(Grant(**(row | wrong)))
    for statement in ("SELECT :one FROM nowhere", "SELECT CAST(:one AS integer), 1/0, :one + 1 FROM grants"):
        with ears.errors(), app.database.transaction() as session:
            session.execute(text(statement), {"one": token})
    with ears.errors(), app.database.transaction() as session:
        session.add(Operator(email=None, name="x", role="admin", password_hash=password))
    for url in (
        f"postgresql://clickker:{password}@127.0.0.1:{free_port()}/x",
        f"oracle://{password}@x/y",
        f"nonsense {password}",
        f"postgresql://clickker:{password}@127.0.0.1:port/x",
    ):
        with ears.errors():
            Database(url).ping()
        gone = app.settings.model_copy(update={"database_url": SecretStr(url)})
        with ears.errors():
            for finding in examine(gone):
                ears.hear(finding.sentence)
    with ears.errors():
        report(RuntimeError("a page fails"))
    ears.hear(*capfd.readouterr())

    assert ears.told() == []


def test_check_16_no_wrong_setting_makes_anybody_tell_a_secret(
    settings: Settings, ears: Ears, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in Settings.model_fields.keys() - {"break_glass"}:  # addresses, and the sentence says which
        with monkeypatch.context() as patch:
            secret = canary(name)
            ears.keep(name, secret)
            patch.setenv(f"CLICKKER_{name.upper()}", secret)
            with ears.errors():
                read = read_settings()
                ears.hear(*reasons_not_to_serve(read))
                application.build(read)
    for name in ("encryption_keys", "alarm_support", "alarm_owner", "database_url"):
        secret = canary(name)
        ears.keep(f"read {name}", secret)
        ears.hear(settings.model_copy(update={name: SecretStr(secret)}))
    file, secret = tmp_path / "secrets.toml", canary("file")
    ears.keep("file", secret)
    monkeypatch.setenv("CLICKKER_SECRETS_FILE", str(file))
    for content in (
        f"[clickker]\nencryption_keys = {secret}\n",
        f'[clickker]\nencryption_keys = "{secret}\n',
        f"[clickker]\n{secret} {secret}\n",
        f'[clickker]\nport = "{secret}"\n',
        f'[clickker.exact.nl]\nclient_secret = ["{secret}"]\n',
        f'[clickker]\nexact = "{secret}"\n',
    ):
        file.write_text(content)
        with ears.errors():
            read_settings()
    ears.hear(ExactApp(client_id="a", client_secret=SecretStr(secret)))

    assert ears.told() == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_check_16_no_wrong_password_link_or_cookie_is_repeated(
    app: Application,
    visitor: TestClient,
    ears: Ears,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(passwords, "ROUNDS", 4)
    present, wrong, chosen = canary("present"), canary("wrong"), canary("chosen") + " " * 3
    ears.keep("password", present, wrong, chosen.strip())
    alice = CurrentOperator(
        add_operator(app, "alice@clickker.test", "Alice", Role.ADMIN, present, "en"),
        "alice@clickker.test",
        "Alice",
        Role.ADMIN,
    )

    # At the form.
    held = cookies(monkeypatch, app, None)
    for password in (wrong, wrong + " ", wrong * 9, wrong + "\0", *(wrong for _ in range(5)), present):
        test = frame()
        test.text_input[0].set_value("alice@clickker.test")
        test.text_input[1].set_value(password)
        test.button[0].click().run()
        ears.hear([each.value for each in (*test.error, *test.markdown, *test.exception)])
        ears.hear(test.session_state._state.filtered_state)
    assert held.session is None

    # In the account.
    for attempt in (
        lambda: confirm_password(app, alice, wrong),
        lambda: change_password(app, alice, wrong, canary("new")),
        lambda: change_password(app, alice, present, chosen),
        lambda: change_password(app, alice, present, "alice " + wrong * 9),
        lambda: hash_password(wrong),
    ):
        with ears.errors():
            attempt()

    # Links and cookies that are not, or no longer, good.
    link = invite(app, alice, "bob@clickker.test", "Bob", Role.SUPPORT)
    ears.hear(link)
    ears.keep("invitation", link.url.rsplit("/", 1)[1])
    with ears.errors():
        accept_invitation(app, link.url.rsplit("/", 1)[1], wrong[:5])
    with ears.errors():
        accept_invitation(app, canary("token"), wrong)
    odd = canary("link")
    ears.keep("odd link", odd)
    number = register(app, alice, None, RegistrationForm(name="Test B.V.", environment="nl"))
    for way in (
        f"/invitation/{odd}",
        f"/session/start?ticket={odd}",
        f"/connect/{odd}",
        f"/exact/connect?consent={odd}",
        f"/exact/callback?code={odd}&state={odd}",
        f"/exact/callback?error={odd}&state={odd}",
        f"/assets/{odd}",
        f"/nowhere/{odd}",
    ):
        for cookie in (None, odd):
            visitor.cookies.clear()
            if cookie:
                visitor.cookies.set(session_cookie(app.settings), cookie)
                visitor.cookies.set(browser_cookie(app.settings), cookie)
            answer = visitor.get(way)
            ears.hear(answer.text, {k: v for k, v in answer.headers.items() if k != "location"})
    with ears.errors():
        customers = create_customer_link(app, alice, number)
        ears.hear(customers)
    with ears.errors():
        begun = begin_consent(app, alice, create_consent(app, alice, number))
        ears.hear(begun)
        ears.keep("browser token", begun.browser_token)
        ears.keep("state", *parse_qs(urlsplit(begun.authorize_url).query)["state"])
    ears.hear(*capfd.readouterr())

    assert ears.told() == []


def test_check_16_no_wrong_key_makes_anybody_tell_a_key(app: Application, ears: Ears) -> None:
    other = Vault.generate_key()
    ears.keep("other key", other, base64.b64decode(other).hex())
    save_candidate(app, "nl", TokenPair(canary("access"), canary("refresh"), clock.now()))
    tries: tuple[Callable[[], object], ...] = (
        lambda: check_keys(app.database, Vault(other)),
        lambda: list_keys(Application(app.settings, app.database, Vault(other), app.exact)),
        lambda: rekey(Application(app.settings, app.database, Vault(other), app.exact)),
        lambda: Vault(other[:-4]),
        lambda: Vault(f"{other},{other[:-4]}"),
        lambda: Vault(other + other),
    )
    for one in tries:
        with ears.errors():
            ears.hear(one())

    assert ears.told() == []
