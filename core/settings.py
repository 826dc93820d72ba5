"""One typed Settings, read from the environment (CLICKKER_...) and `.streamlit/secrets.toml`, table [clickker]."""

from __future__ import annotations

import os
from datetime import timedelta
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from core.public_address import WrongAddress, canonical
from core.storage.database_address import read_address


def secrets_file() -> Path:
    """Where secrets are read from. The demo and the tests name another one: they must not reach the real Exact."""
    return Path(os.environ.get("CLICKKER_SECRETS_FILE", ".streamlit/secrets.toml"))


@cache
def _networks(listed: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(part) for part in listed.replace(",", " ").split())


@cache
def _public_address(text: str) -> str:
    try:
        return canonical(text)
    except WrongAddress:
        return text


class ExactApp(BaseModel):
    """One app registration at Exact: an app is registered per country."""

    client_id: str = ""
    client_secret: SecretStr = SecretStr("")
    base_url: str = ""
    """Overrules the country's host; the demo points it at the simulator."""


class SingleSignOn(BaseModel):
    """Our app at the provider whose accounts sign operators in: Microsoft Entra ID, Google, any of OpenID Connect."""

    name: str = ""
    """As people call it: "Sign in with Microsoft"."""
    client_id: str = ""
    client_secret: SecretStr = SecretStr("")
    metadata_url: str = ""
    """Where the provider describes itself; ends in /.well-known/openid-configuration."""

    @property
    def on(self) -> bool:
        """Whether anybody can sign in that way; half of the settings is refused at start."""
        return bool(self.name and self.client_id and self.client_secret and self.metadata_url)


class _ClickkerTable(TomlConfigSettingsSource):
    """The table [clickker] of secrets.toml; Streamlit keeps its own tables beside it."""

    def __init__(self, settings_cls: type[BaseSettings]) -> None:
        super().__init__(settings_cls, toml_file=secrets_file())
        table = self.toml_data.get("clickker", {})
        self.init_kwargs = dict(table) if isinstance(table, dict) else {}


class Settings(BaseSettings):
    """Every setting of the product. Durations are seconds unless the name says otherwise."""

    model_config = SettingsConfigDict(
        env_prefix="CLICKKER_", env_nested_delimiter="__", extra="ignore", hide_input_in_errors=True
    )

    database_url: SecretStr = SecretStr("sqlite:///var/clickker.db")
    public_url: str = "http://localhost:8501"
    port: int = 8501
    simulator_port: int = 8502
    trusted_proxies: str = ""
    """Addresses and networks (CIDR) of our own proxies, with commas or blanks between: what they say in X-Forwarded-For
    about where a visitor comes from is believed. Empty: nobody is."""
    log_format: Literal["", "json", "text"] = ""
    """Empty: JSON for `serve`, text for everything that a person types."""

    encryption_keys: SecretStr = SecretStr("")
    """Keys of 32 bytes in base64, separated by commas; the first encrypts, all decrypt."""

    exact: dict[str, ExactApp] = {}
    """By environment code, e.g. CLICKKER_EXACT__NL__CLIENT_ID."""
    simulator: bool = False
    """The Exact apps above point at a local simulator."""
    allow_simulator: bool = False
    """`serve` starts with the simulator only when told so outright."""

    sso: SingleSignOn = SingleSignOn()
    """E.g. CLICKKER_SSO__CLIENT_ID."""
    passwords: Literal["on", "off"] = "on"
    """"off": whoever is not named in ``break_glass`` signs in with the provider alone."""
    break_glass: str = ""
    """E-mail addresses, with blanks or commas between, whose passwords work while passwords are off: for the day the
    provider is out of reach."""

    consent_seconds: int = 600
    customer_link_days: int = 7
    invitation_days: int = 7
    account_managers_see: Literal["all", "own"] = "all"
    """Whether account managers see every registration, or those that they own."""
    fresh_minutes: float = 5.0
    """How long a password is fresh enough for what cannot be undone."""
    session_idle_minutes: int = 30
    session_hours: int = 12

    token_min_age_seconds: int = 570
    """Exact refuses a refresh sooner than this after the previous token (exact-online.md, section 3)."""
    consent_life_days: int = 30
    """An unused refresh token lapses after this many days."""
    fresh_days: int = 8
    """A success older than this is old news: the status is not green on it."""
    user_list: Literal["", "system/AllDivisions", "hrm/Divisions"] = "system/AllDivisions"
    """What is asked for the administrations that the Exact user reaches, permitted to us or not; "" asks nothing.
    That AllDivisions tells them is a single weak source (exact-online.md, section 5)."""
    incident_grants: int = 3
    """So many logins of one environment that begin to fail alike are an incident ..."""
    incident_share: float = 0.2
    """... if they are this part, too, of the logins that were checked in the same minutes."""
    incident_minutes: int = 10
    """How close together they begin."""
    token_timeout_seconds: float = 120.0
    """Exact's token endpoint has taken 35 s at night; 100 s and more is advised."""
    api_timeout_seconds: float = 60.0
    journal_dir: str = ""
    """Where answers of Exact's token address are made durable before they are parsed. Empty: beside the SQLite file, or
    var/journal with PostgreSQL. A disk of this machine, the same at every start."""
    audit_head: str = ""
    """Where the head of the audit log is written outside the database: a file, best on a disk that whoever owns the
    database cannot write. Empty: beside the journal's folder."""
    journal_slots: int = 32
    """How many tokens may be on their way at once."""
    keep_alive_days: int = 7
    """A refresh token that has rested this long is spent, so that the consent does not lapse."""

    alarm_support: SecretStr = SecretStr("")
    """Where support is told: addresses as Apprise reads them, with blanks between; each may hold a password."""
    alarm_owner: SecretStr = SecretStr("")
    """How an owner is told: such an address with ``{email}`` where the owner's e-mail address goes."""
    alarm_to: dict[str, Literal["owner", "support", "both", "nobody"]] = {}
    """By kind of alarm, e.g. CLICKKER_ALARM_TO__RECOVERED; ``core.alarms.addresses`` has the defaults."""
    alarm_digest_minutes: int = 15
    alarm_digest_after: int = 5
    """So many alarms in as many minutes are told one by one; what follows waits and is told in one message."""
    alarm_tries: int = 12
    """After so many failures it is left to a person to try again; the twelfth comes six days after the first."""

    calls_per_minute: int = 60
    calls_per_day: int = 5000
    """Per app and administration, until the headers of Exact say otherwise (exact-online.md, section 6)."""
    errors_per_hour: int = 4
    """Error answers risked per administration and hour: Exact blocks an app after ten."""

    keeper: Literal["dashboard", "off"] = "dashboard"
    """Whether the dashboard keeps connections alive itself; "off" leaves it to `clickker keeper`."""
    keeper_threads: int = 4
    keeper_seconds: float = 5.0
    """How often a keeper that has nothing to do looks whether something is due."""
    keeper_stop_seconds: float = 20.0
    """How long checks in flight may go on once the keeper has been asked to stop."""
    quiet_hour: int = 1
    """The hour of the Dutch night (1: from 01:00 to 02:00) in which nothing is asked that can wait: Exact takes long
    then, and has refused good tokens (exact-online.md, section 3). -1: there is none."""
    check_hours: float = 20.0
    """From one check to the next; a few hours less than a day, so that every day has one."""
    check_minutes: float = 10.0
    """The longest that one check goes on with its administrations; the others follow in the next round."""
    check_retry_minutes: float = 10.0
    check_retry_hours: float = 4.0
    """The first wait after a failed check, and the longest; each is twice the one before."""
    keep_alive_warn_days: float = 14.0
    keep_alive_alarm_days: float = 21.0
    keep_alive_critical_days: float = 27.0
    """How loudly the log tells of a consent that could not be kept alive, by the age of its token."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _ClickkerTable(settings_cls)

    @field_validator("public_url")
    @classmethod
    def _as_browsers_send_it(cls, value: str) -> str:
        return _public_address(value)

    @property
    def public_address(self) -> str:
        """``public_url`` as browsers send it; as it was typed when it is none, which is refused at start."""
        return _public_address(self.public_url)

    @property
    def proxy_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Where our own proxies are; raises ``ValueError`` for what is no address or network."""
        return _networks(self.trusted_proxies)

    @property
    def redirect_uri(self) -> str:
        """Where Exact sends the browser back; from the settings alone, never from a request."""
        return self.public_address + "/exact/callback"

    @property
    def provider_redirect_uri(self) -> str:
        """Where the provider of the single sign-on sends the browser back: Streamlit's own address for it."""
        return self.public_address + "/oauth2callback"

    @property
    def break_glass_accounts(self) -> frozenset[str]:
        return frozenset(self.break_glass.replace(",", " ").casefold().split())

    @property
    def journal_folder(self) -> Path:
        """The folder of the journal. It belongs to one database: a replay looks for its rows there."""
        if self.journal_dir:
            return Path(self.journal_dir)
        url = read_address(self.database_url.get_secret_value())
        if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
            return Path(f"{url.database}.journal")
        return Path("var/journal")

    @property
    def audit_head_file(self) -> Path:
        """The file that tells where the audit log's chain ends; it belongs to one database."""
        if self.audit_head:
            return Path(self.audit_head)
        return self.journal_folder.with_name(
            f"{self.journal_folder.name.removesuffix('.journal')}.audit.head"
        )

    @property
    def lease(self) -> timedelta:
        """How long one flight may spend a token: the deadline of the call, and half of it to spare."""
        return timedelta(seconds=self.token_timeout_seconds * 1.5)

    @property
    def keep_alive(self) -> timedelta:
        return timedelta(days=self.keep_alive_days)

    @property
    def secure(self) -> bool:
        """Whether browsers reach us over https: cookies are then Secure and carry the __Host- prefix."""
        return self.public_address.startswith("https://")

    @property
    def fresh(self) -> timedelta:
        return timedelta(days=self.fresh_days)

    @property
    def incident_window(self) -> timedelta:
        return timedelta(minutes=self.incident_minutes)

    @property
    def consent_life(self) -> timedelta:
        return timedelta(days=self.consent_life_days)
