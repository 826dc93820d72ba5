"""The countries in which Exact Online runs, each with its own host and its own registration of our app."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from core.errors import SettingsError
from core.i18n import N_, _
from core.settings import ExactApp, Settings


@dataclass(frozen=True)
class Environment:
    """One country's Exact Online. Tokens, apps and divisions are not portable between them."""

    code: str
    country: str
    """Marked for translation; ``environment_name`` translates it."""
    base_url: str


ENVIRONMENTS: dict[str, Environment] = {
    environment.code: environment
    for environment in (
        Environment("nl", N_("Netherlands"), "https://start.exactonline.nl"),
        Environment("be", N_("Belgium"), "https://start.exactonline.be"),
        Environment("de", N_("Germany"), "https://start.exactonline.de"),
        Environment("uk", N_("United Kingdom"), "https://start.exactonline.co.uk"),
        Environment("us", N_("United States"), "https://start.exactonline.com"),
        Environment("es", N_("Spain"), "https://start.exactonline.es"),
        Environment("fr", N_("France"), "https://start.exactonline.fr"),
    )
}


def environment_name(code: str) -> str:
    """The country's name in the current language; the code itself when it is not one of ours."""
    environment = ENVIRONMENTS.get(code)
    return _(environment.country) if environment else code


def exact_app(settings: Settings, code: str) -> ExactApp:
    """Our app as registered in this country; empty when it is not."""
    return settings.exact.get(code) or ExactApp()


def base_url(settings: Settings, code: str) -> str:
    """Where this environment lives, without a slash at the end; it may carry a path prefix.

    Raises ``SettingsError`` for an unknown environment and for an address that is not safe to send secrets to.
    """
    if code not in ENVIRONMENTS:
        raise SettingsError(_("There is no Exact Online environment “{code}”.").format(code=code))
    url = (exact_app(settings, code).base_url or ENVIRONMENTS[code].base_url).rstrip("/")
    if not _is_safe(url):
        raise SettingsError(
            _(
                "The address of Exact Online {country} in the settings is not usable: it must start with https:// "
                "(http:// only on this computer)."
            ).format(country=environment_name(code))
        )
    return url


def available(settings: Settings, code: str) -> str:
    """Why this environment cannot be used, as a sentence; empty when it can."""
    try:
        base_url(settings, code)
    except SettingsError as error:
        return error.message
    app = exact_app(settings, code)
    if not app.client_id.strip():
        return _("Not set up: our app has no client id for {country} yet. An admin can add it.").format(
            country=environment_name(code)
        )
    if not app.client_secret.get_secret_value().strip():
        return _("Not set up: our app has no client secret for {country} yet. An admin can add it.").format(
            country=environment_name(code)
        )
    return ""


def _is_safe(url: str) -> bool:
    """https anywhere, http on a loopback host alone; no user, query or fragment."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or parts.query or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
