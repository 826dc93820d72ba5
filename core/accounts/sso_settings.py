"""What must be right about the single sign-on, and about passwords that are switched off."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from core.accounts.emails import check_email
from core.errors import InvalidInput
from core.i18n import _
from core.settings import Settings

DISCOVERY = "/.well-known/openid-configuration"
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_ANYBODY = ("/common/", "/organizations/", "/consumers/")
"""Microsoft's addresses for whoever has an account anywhere."""


def wrong_single_sign_on(settings: Settings) -> Iterator[str]:
    """Sentences, one for each thing that must be mended."""
    sso = settings.sso
    given = {
        "NAME": sso.name,
        "CLIENT_ID": sso.client_id,
        "CLIENT_SECRET": sso.client_secret.get_secret_value(),
        "METADATA_URL": sso.metadata_url,
    }
    missing = [f"CLICKKER_SSO__{name}" for name, value in given.items() if not value.strip()]
    if missing and len(missing) < len(given):
        sentence = _("Single sign-on is set up by half. Missing: {missing}.")
        yield sentence.format(missing=", ".join(missing))
    if sso.metadata_url:
        yield from _wrong_address(settings, sso.metadata_url)
    if settings.passwords == "off" and not sso.on:
        yield _(
            "CLICKKER_PASSWORDS=off lets nobody in without single sign-on: set up CLICKKER_SSO__NAME and the rest."
        )
    for address in sorted(settings.break_glass_accounts):
        try:
            check_email(address)
        except InvalidInput:
            yield _("CLICKKER_BREAK_GLASS: “{address}” is not an e-mail address.").format(address=address)


def _wrong_address(settings: Settings, address: str) -> Iterator[str]:
    url, ours = urlsplit(address), urlsplit(settings.public_address)
    practice = url.scheme == "http" and url.hostname in _LOCAL and ours.hostname in _LOCAL
    if not url.hostname or not (url.scheme == "https" or practice):
        yield _("CLICKKER_SSO__METADATA_URL must start with https://.")
    if not url.path.endswith(DISCOVERY) or url.query or url.fragment:
        yield _("CLICKKER_SSO__METADATA_URL must end with {end}.").format(end=DISCOVERY)
    if any(part in url.path for part in _ANYBODY) and (url.hostname or "").endswith("microsoftonline.com"):
        yield _(
            "CLICKKER_SSO__METADATA_URL names no tenant of Microsoft Entra ID: put your own tenant's id in the "
            "place of “common”, “organizations” or “consumers”."
        )
