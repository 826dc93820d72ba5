"""Seven countries, and addresses that are safe to send secrets to."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from core import i18n
from core.errors import SettingsError
from core.exact.environments import ENVIRONMENTS, available, base_url, environment_name
from core.settings import ExactApp, Settings


def with_app(url: str = "", secret: str = "s3cret") -> Settings:  # noqa: S107 - fictional
    app = ExactApp(client_id="id", client_secret=SecretStr(secret), base_url=url)
    return Settings(exact={"nl": app})


def test_every_country_has_its_own_https_host() -> None:
    assert list(ENVIRONMENTS) == ["nl", "be", "de", "uk", "us", "es", "fr"]
    hosts = {base_url(Settings(), code) for code in ENVIRONMENTS}
    assert len(hosts) == 7
    assert all(host.startswith("https://start.exactonline.") for host in hosts)


def test_names_are_countries_and_an_unknown_code_shows_itself() -> None:
    with i18n.language("en"):
        assert environment_name("uk") == "United Kingdom"
        assert environment_name("zz") == "zz"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8502/nl",
        "http://localhost:8502/nl/",
        "http://[::1]:9/nl",
        "https://exact.example/pre/fix",
    ],
)
def test_an_address_of_its_own_may_carry_a_path(url: str) -> None:
    assert base_url(with_app(url), "nl") == url.rstrip("/")
    assert available(with_app(url), "nl") == ""


@pytest.mark.parametrize(
    "url",
    [
        "http://start.exactonline.nl",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "ftp://localhost",
        "//localhost",
        "https://",
        "https://user:secret@start.exactonline.nl",
        "https://start.exactonline.nl?x=1",
        "https://start.exactonline.nl#x",
        "https://start.exactonline.nl:port",
        "https://[::1",
        "nonsense",
    ],
)
def test_an_unsafe_address_is_refused_with_the_country_named(url: str) -> None:
    with pytest.raises(SettingsError, match="Netherlands"):
        base_url(with_app(url), "nl")
    assert "https://" in available(with_app(url), "nl")


def test_an_environment_without_an_app_says_what_is_missing() -> None:
    assert "client id" in available(Settings(), "be")
    assert "client secret" in available(with_app(secret=" "), "nl")
    assert available(with_app(), "nl") == ""


def test_an_unknown_environment_is_no_environment() -> None:
    with pytest.raises(SettingsError):
        base_url(Settings(), "xx")
    assert "xx" in available(Settings(), "xx")
