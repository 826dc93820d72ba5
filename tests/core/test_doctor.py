"""What `clickker doctor` finds, and that it says how to mend it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import respx
from pydantic import SecretStr
from respx import MockRouter

from core import clock
from core.accounts.roles import Role
from core.application import Application
from core.audit.events import Event
from core.audit.record import record_alone
from core.doctor import Finding, Verdict, examine
from core.registrations.heartbeat import beat
from core.settings import ExactApp, Settings, SingleSignOn
from core.simulator.server import RunningSimulator
from tests.factories import make_operator
from tests.support.live import free_port


def _wrong(settings: Settings) -> str:
    return " ".join(f"{f.subject}: {f.sentence}" for f in examine(settings) if f.verdict is Verdict.WRONG)


def _found(settings: Settings) -> list[Finding]:
    return list(examine(settings))


def _add_admin(app: Application) -> None:
    make_operator(app.database, "Aisha", Role.ADMIN, password_hash="$2b$12$not-a-real-one")


def test_a_good_installation_has_nothing_wrong(app: Application, simulator: RunningSimulator) -> None:
    _add_admin(app)

    assert _wrong(app.settings.model_copy(update={"allow_simulator": True})) == ""


def test_it_tells_that_a_simulator_stands_in(app: Application, simulator: RunningSimulator) -> None:
    notes = [
        f.sentence
        for f in _found(app.settings.model_copy(update={"allow_simulator": True}))
        if f.verdict == "note"
    ]

    assert any("simulator stands in" in note for note in notes)


def test_it_tells_of_a_database_without_our_tables(settings: Settings, tmp_path: Path) -> None:
    empty = settings.model_copy(update={"database_url": SecretStr(f"sqlite:///{tmp_path / 'empty.db'}")})

    assert "clickker db upgrade" in _wrong(empty)


@pytest.mark.parametrize(
    "url", ["postgresql://clickker:hunter2@127.0.0.1:{port}/x", "oracle://hunter2@x/y", "nonsense hunter2"]
)
def test_it_tells_of_a_database_out_of_reach_without_its_password(
    settings: Settings, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    gone = settings.model_copy(update={"database_url": SecretStr(url.format(port=free_port()))})

    assert "CLICKKER_DATABASE_URL" in _wrong(gone)
    assert "hunter2" not in _wrong(gone)
    assert list(tmp_path.iterdir()) == []


def test_it_tells_when_nobody_can_sign_in_as_admin(app: Application) -> None:
    make_operator(app.database, "Alice", Role.SUPPORT, password_hash="$2b$12$not-a-real-one")

    assert "operator invite --role admin" in _wrong(app.settings)


def test_it_tells_what_the_database_can_do(app: Application) -> None:
    sentences = " ".join(f.sentence for f in _found(app.settings) if f.subject == "Database")

    assert ("(WAL)" if app.database.is_sqlite else "PostgreSQL with pg_trgm") in sentences


def test_it_tells_when_no_country_is_set_up(settings: Settings) -> None:
    assert "CLICKKER_EXACT__NL__CLIENT_ID" in _wrong(settings)


def test_it_tells_of_a_country_that_does_not_exist(settings: Settings) -> None:
    odd = settings.model_copy(update={"exact": {"at": ExactApp(client_id="a")}})

    assert "“at”" in _wrong(odd)


def test_it_tells_of_an_app_without_a_secret(settings: Settings) -> None:
    half = settings.model_copy(update={"exact": {"nl": ExactApp(client_id="a")}})

    assert "no client secret" in _wrong(half)


def test_it_tells_of_an_environment_out_of_reach(settings: Settings) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    app = ExactApp(client_id="a", client_secret=SecretStr("b"), base_url=url)

    assert "Exact Online Netherlands: Cannot be reached" in _wrong(
        settings.model_copy(update={"exact": {"nl": app}})
    )


def test_it_tells_of_secrets_that_others_can_read(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = tmp_path / "secrets.toml"
    secrets.write_text("")
    secrets.chmod(0o644)
    monkeypatch.setenv("CLICKKER_SECRETS_FILE", str(secrets))
    assert f"chmod 600 {secrets}" in _wrong(settings)

    secrets.chmod(0o600)
    assert "chmod" not in _wrong(settings)


def test_it_tells_when_a_keeper_was_last_at_work(app: Application) -> None:
    def told() -> tuple[str, str]:
        [found] = [f for f in _found(app.settings) if f.subject == "Keeper"]
        return found.verdict, found.sentence

    assert told()[0] == Verdict.NOTE
    with app.database.transaction() as session:
        beat(session, clock.now())
    assert told()[0] == Verdict.GOOD
    with clock.shifted(timedelta(hours=2)):
        verdict, sentence = told()
    assert verdict == Verdict.WRONG
    assert "No one is keeping the connections alive" in sentence


def test_it_tells_whether_the_head_of_the_audit_log_stands_outside(app: Application) -> None:
    def told() -> list[tuple[Verdict, str]]:
        return [(f.verdict, f.sentence) for f in _found(app.settings) if f.subject == "Audit log"]

    file = app.settings.audit_head_file
    record_alone(app, Event.SIGN_IN, None)
    assert told() == [(Verdict.GOOD, f"Its head stands outside the database too, in {file}.")]
    file.rename(file.with_suffix(".kept"))
    [(verdict, sentence)] = told()
    assert verdict is Verdict.WRONG
    assert "could not be written" in sentence
    file.with_suffix(".kept").rename(file)
    with file.open("a") as lines:
        lines.write(f"9 {'0' * 64} 2026-11-26T10:00:00+00:00\n")
    [(verdict, sentence)] = told()
    assert verdict is Verdict.WRONG
    assert "Entries are missing" in sentence


# --- Single sign-on --------------------------------------------------------------------------------------


@pytest.fixture
def metadata() -> Iterator[MockRouter]:
    """What the provider says of itself; a test may change it."""
    with respx.mock(assert_all_called=False) as router:
        router.get(SSO.metadata_url).respond(json=METADATA)
        yield router


SSO = SingleSignOn(
    name="Contoso",
    client_id="clickker",
    client_secret=SecretStr("secret"),
    metadata_url="https://id.contoso.test/.well-known/openid-configuration",
)
METADATA = {
    "issuer": "https://id.contoso.test",
    "authorization_endpoint": "https://id.contoso.test/authorize",
    "token_endpoint": "https://id.contoso.test/token",
    "jwks_uri": "https://id.contoso.test/jwks",
}


def _single_sign_on(settings: Settings, **changes: object) -> list[tuple[Verdict, str]]:
    asked = settings.model_copy(update={"sso": SSO, **changes})
    return [(f.verdict, f.sentence) for f in examine(asked) if f.subject == "Single sign-on"]


def test_a_provider_that_answers_is_good(app: Application, metadata: MockRouter) -> None:
    ((verdict, sentence),) = _single_sign_on(app.settings)
    assert verdict is Verdict.GOOD
    assert "http://localhost:8501/oauth2callback" in sentence


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (httpx.ConnectError("no route"), "no route"),
        (httpx.Response(404), "Nothing describes a provider"),
        (httpx.Response(200, text="<html>"), "Nothing describes a provider"),
        (httpx.Response(200, json=[]), "Nothing describes a provider"),
        (httpx.Response(302, headers={"location": "https://elsewhere.test"}), "Nothing describes a provider"),
        (
            httpx.Response(200, json=METADATA | {"issuer": "https://elsewhere.test"}),
            "calls itself https://elsewhere.test",
        ),
        (
            httpx.Response(200, json=METADATA | {"issuer": "https://id.contoso.test/{tenantid}"}),
            "calls itself",
        ),
        (
            httpx.Response(200, json=METADATA | {"token_endpoint": "http://id.contoso.test/token"}),
            "token_endpoint",
        ),
        (httpx.Response(200, json=METADATA | {"jwks_uri": ""}), "jwks_uri"),
    ],
)
def test_it_tells_what_is_wrong_with_the_provider(
    app: Application, metadata: MockRouter, answer: httpx.Response | Exception, word: str
) -> None:
    metadata.get(SSO.metadata_url).mock(side_effect=[answer])
    ((verdict, sentence),) = _single_sign_on(app.settings)
    assert verdict is Verdict.WRONG
    assert word in sentence


def test_it_tells_when_nobody_gets_in_without_the_provider(app: Application, metadata: MockRouter) -> None:
    make_operator(app.database, "Aisha", Role.ADMIN, email="aisha@clickker.test", password_hash="$2b$12$none")
    off = {"passwords": "off"}
    named = {"break_glass": "aisha@clickker.test"}
    stranger = {"break_glass": "aisha@clickker.test nobody@clickker.test"}
    assert "nobody gets in" in _single_sign_on(app.settings, **off)[0][1]
    assert len(_single_sign_on(app.settings, **off, **named)) == 1
    assert "nobody@clickker.test" in _single_sign_on(app.settings, **off, **stranger)[0][1]
    assert "Nobody can sign in as admin" in _wrong(app.settings.model_copy(update={"sso": SSO} | off))
