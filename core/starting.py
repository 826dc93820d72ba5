"""What must be right before the product may serve. Fail closed: a wrong setting stops the start."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from pydantic import ValidationError

from core.accounts.sso_settings import wrong_single_sign_on
from core.alarms.addresses import wrong_addresses
from core.errors import SettingsError
from core.exact.environments import ENVIRONMENTS
from core.i18n import _
from core.public_address import WrongAddress, canonical
from core.settings import Settings
from core.tokens.vault import Vault

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


def read_settings() -> Settings:
    """The settings of this machine; raises ``SettingsError`` that names the wrong ones, without their values."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = "; ".join(
            f"CLICKKER_{'__'.join(str(part) for part in problem['loc']).upper()}: {problem['msg']}"
            for problem in error.errors(include_input=False, include_url=False)
        )
        raise SettingsError(_("The settings cannot be read: {wrong}").format(wrong=wrong)) from None
    except ValueError as error:  # secrets.toml is not TOML
        raise SettingsError(
            _("The settings in .streamlit/secrets.toml cannot be read: {wrong}").format(wrong=error)
        ) from None


def reasons_not_to_serve(settings: Settings) -> tuple[str, ...]:
    """Sentences, one for each thing that must be mended first; empty when the product may start."""
    return tuple(_reasons(settings))


def uses_simulator(settings: Settings) -> bool:
    """Whether any app points at something else than Exact's own hosts."""
    hosts = {urlsplit(environment.base_url).hostname for environment in ENVIRONMENTS.values()}
    elsewhere = (app.base_url for app in settings.exact.values() if app.base_url)
    return settings.simulator or any(urlsplit(url).hostname not in hosts for url in elsewhere)


def _reasons(settings: Settings) -> Iterator[str]:
    try:
        Vault(settings.encryption_keys.get_secret_value())
    except SettingsError as error:
        yield error.message
    yield from _wrong_address(settings)
    if uses_simulator(settings) and not settings.allow_simulator:
        yield _(
            "The settings point at an Exact Online simulator. Take that out for real work, or set "
            "CLICKKER_ALLOW_SIMULATOR=true to practise."
        )
    yield from wrong_single_sign_on(settings)
    yield from _wrong_proxies(settings)
    yield from wrong_addresses(settings)


def _wrong_address(settings: Settings) -> Iterator[str]:
    try:
        url = urlsplit(canonical(settings.public_url))
    except WrongAddress as error:
        yield _(error.args[0])
        return
    if url.scheme != "https" and url.hostname not in LOCAL_HOSTS:
        yield _(
            "CLICKKER_PUBLIC_URL must start with https://, unless people open the product on this computer only."
        )


def _wrong_proxies(settings: Settings) -> Iterator[str]:
    try:
        networks = settings.proxy_networks
    except ValueError:
        yield _("CLICKKER_TRUSTED_PROXIES must list addresses or networks, such as 10.0.0.5 or 10.1.0.0/16.")
        return
    if any(network.prefixlen == 0 for network in networks):
        yield _("CLICKKER_TRUSTED_PROXIES must name your own proxies; it names the whole world.")
