"""One typed Settings, read from the environment (CLICKKER_...) and `.streamlit/secrets.toml`, table [clickker]."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, SecretStr
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)


def secrets_file() -> Path:
    """Where secrets are read from. The demo and the tests name another one: they must not reach the real Exact."""
    return Path(os.environ.get("CLICKKER_SECRETS_FILE", ".streamlit/secrets.toml"))


class ExactApp(BaseModel):
    """One app registration at Exact: an app is registered per country."""

    client_id: str = ""
    client_secret: SecretStr = SecretStr("")
    base_url: str = ""
    """Overrules the country's host; the demo points it at the simulator."""


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

    encryption_keys: SecretStr = SecretStr("")
    """Keys of 32 bytes in base64, separated by commas; the first encrypts, all decrypt."""

    exact: dict[str, ExactApp] = {}
    """By environment code, e.g. CLICKKER_EXACT__NL__CLIENT_ID."""
    simulator: bool = False
    """The Exact apps above point at a local simulator."""
    allow_simulator: bool = False
    """`serve` starts with the simulator only when told so outright."""

    consent_seconds: int = 600
    customer_link_days: int = 7
    invitation_days: int = 7
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
    """So many logins of one environment that begin to fail together are Exact's trouble, not the customers'."""
    incident_minutes: int = 10
    """How close together they begin."""
    token_timeout_seconds: float = 120.0
    """Exact's token endpoint has taken 35 s at night; 100 s and more is advised."""
    api_timeout_seconds: float = 60.0

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

    @property
    def redirect_uri(self) -> str:
        """Where Exact sends the browser back; from the settings alone, never from a request."""
        return self.public_url.rstrip("/") + "/exact/callback"

    @property
    def secure(self) -> bool:
        """Whether browsers reach us over https: cookies are then Secure and carry the __Host- prefix."""
        return self.public_url.startswith("https://")

    @property
    def fresh(self) -> timedelta:
        return timedelta(days=self.fresh_days)

    @property
    def incident_window(self) -> timedelta:
        return timedelta(minutes=self.incident_minutes)

    @property
    def consent_life(self) -> timedelta:
        return timedelta(days=self.consent_life_days)
