"""Fail closed: what keeps the product from serving."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from pydantic import SecretStr

from core.errors import SettingsError
from core.settings import ExactApp, Settings, SingleSignOn
from core.starting import read_settings, reasons_not_to_serve
from core.tokens.vault import EXAMPLE_KEY


def _reasons(settings: Settings, **changes: object) -> str:
    return " ".join(reasons_not_to_serve(settings.model_copy(update=changes)))


def test_good_settings_may_serve(settings: Settings) -> None:
    assert reasons_not_to_serve(settings) == ()


@pytest.mark.parametrize(
    ("key", "word"),
    [
        ("", "missing"),
        (base64.b64encode(b"short").decode(), "not 32 bytes"),
        (EXAMPLE_KEY, "example"),
        (base64.b64encode(bytes(32)).decode(), "example"),
        ("not base64 at all!", "not 32 bytes"),
    ],
)
def test_it_refuses_a_missing_short_or_example_key(settings: Settings, key: str, word: str) -> None:
    assert word in _reasons(settings, encryption_keys=SecretStr(key))


@pytest.mark.parametrize(
    "url", ["http://connections.example.com", "http://10.0.0.5:8501", "http://localhost.example"]
)
def test_it_refuses_http_for_others_than_this_computer(settings: Settings, url: str) -> None:
    assert "https://" in _reasons(settings, public_url=url)


@pytest.mark.parametrize("url", ["connections.example.com", "", "ftp://connections.example.com"])
def test_it_refuses_a_public_url_that_is_no_address(settings: Settings, url: str) -> None:
    assert "CLICKKER_PUBLIC_URL" in _reasons(settings, public_url=url)


@pytest.mark.parametrize(
    "url", ["https://connections.example.com", "http://localhost:8501", "http://127.0.0.1:1"]
)
def test_it_takes_https_and_this_computer(settings: Settings, url: str) -> None:
    assert _reasons(settings, public_url=url) == ""


SSO = SingleSignOn(
    name="Contoso",
    client_id="clickker",
    client_secret=SecretStr("secret"),
    metadata_url="https://id.contoso.test/tenant/.well-known/openid-configuration",
)


def test_it_takes_a_provider_that_is_set_up_whole(settings: Settings) -> None:
    assert _reasons(settings, sso=SSO) == ""
    assert (
        _reasons(settings, sso=SSO, passwords="off", break_glass="anna@clickker.test bram@clickker.test")
        == ""
    )


@pytest.mark.parametrize("field", ["name", "client_id", "client_secret", "metadata_url"])
def test_it_refuses_half_a_provider(settings: Settings, field: str) -> None:
    empty = SecretStr("") if field == "client_secret" else ""
    half = SSO.model_copy(update={field: empty})
    assert f"CLICKKER_SSO__{field.upper()}" in _reasons(settings, sso=half)


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("http://id.contoso.test/.well-known/openid-configuration", "https://"),
        ("ftp://id.contoso.test/.well-known/openid-configuration", "https://"),
        ("/.well-known/openid-configuration", "https://"),
        ("https://id.contoso.test", "end with"),
        ("https://id.contoso.test/.well-known/openid-configuration?x=1", "end with"),
        ("https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration", "tenant"),
        ("https://login.microsoftonline.com/organizations/v2.0/.well-known/openid-configuration", "tenant"),
        ("https://login.microsoftonline.com/consumers/v2.0/.well-known/openid-configuration", "tenant"),
    ],
)
def test_it_refuses_a_provider_that_anybody_could_be(settings: Settings, url: str, word: str) -> None:
    assert word in _reasons(settings, sso=SSO.model_copy(update={"metadata_url": url}))


def test_http_to_the_provider_is_for_practice_on_this_computer(settings: Settings) -> None:
    local = SSO.model_copy(update={"metadata_url": "http://127.0.0.1:9400/.well-known/openid-configuration"})
    assert _reasons(settings, sso=local) == ""
    assert "https://" in _reasons(settings, sso=local, public_url="https://connections.example.com")


def test_it_refuses_to_lock_everybody_out(settings: Settings) -> None:
    assert "CLICKKER_PASSWORDS" in _reasons(settings, passwords="off")
    assert "CLICKKER_BREAK_GLASS" in _reasons(settings, sso=SSO, passwords="off", break_glass="anna")


def test_it_refuses_the_simulator_unless_told_so(settings: Settings) -> None:
    assert "simulator" in _reasons(settings, simulator=True)
    assert _reasons(settings, simulator=True, allow_simulator=True) == ""


def test_an_app_that_points_elsewhere_is_a_simulator(settings: Settings) -> None:
    elsewhere = {"nl": ExactApp(client_id="a", base_url="https://exact.example.com")}

    assert "simulator" in _reasons(settings, exact=elsewhere)


def test_an_app_that_is_missing_does_not_keep_it_from_serving(settings: Settings) -> None:
    assert _reasons(settings, exact={"nl": ExactApp()}) == ""


def test_every_reason_is_given_at_once(settings: Settings) -> None:
    wrong = settings.model_copy(
        update={"encryption_keys": SecretStr(""), "public_url": "http://example.com", "simulator": True}
    )

    assert len(reasons_not_to_serve(wrong)) == 3


def test_a_setting_that_cannot_be_read_is_named_without_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLICKKER_PORT", "hunter2")

    with pytest.raises(SettingsError) as raised:
        read_settings()

    assert "CLICKKER_PORT" in raised.value.message
    assert "hunter2" not in raised.value.message


def test_broken_secrets_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secrets.toml").write_text("[clickker\n")
    monkeypatch.setenv("CLICKKER_SECRETS_FILE", str(tmp_path / "secrets.toml"))

    with pytest.raises(SettingsError, match=r"secrets\.toml"):
        read_settings()


def test_secrets_are_read_from_their_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secrets.toml").write_text(
        '[clickker]\nport = 9000\n[clickker.exact.nl]\nclient_id = "from-file"\n'
    )
    monkeypatch.setenv("CLICKKER_SECRETS_FILE", str(tmp_path / "secrets.toml"))

    assert read_settings().port == 9000
    assert read_settings().exact["nl"].client_id == "from-file"


def test_the_example_of_secrets_is_readable_and_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    example = Path(__file__).parent.parent.parent / ".streamlit" / "secrets.toml.example"
    monkeypatch.setenv("CLICKKER_SECRETS_FILE", str(example))

    assert "example" in " ".join(reasons_not_to_serve(read_settings()))
