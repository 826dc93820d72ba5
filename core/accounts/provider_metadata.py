"""Whether the provider of the single sign-on is there and describes itself as it must: for ``clickker doctor``."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx

from core.accounts.sso_settings import DISCOVERY
from core.i18n import _
from core.settings import Settings

SECONDS = 10.0
NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")


def why_no_provider(settings: Settings) -> str:
    """Empty when all is well; else a sentence that says how to mend it."""
    address = settings.sso.metadata_url
    try:
        answer = httpx.get(address, timeout=SECONDS)
        told = answer.json() if answer.status_code == httpx.codes.OK else None
    except httpx.HTTPError as error:
        reason = str(error) or type(error).__name__
        sentence = _(
            "Cannot be reached from here ({reason}). Check CLICKKER_SSO__METADATA_URL and the firewall."
        )
        return sentence.format(reason=reason)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        return _(
            "Nothing describes a provider at CLICKKER_SSO__METADATA_URL: look the address up at the provider."
        )
    # OpenID Connect Discovery 1.0, section 4.3. An address that anybody's issuer fits would let anybody's account in.
    if str(told.get("issuer", "")).rstrip("/") + DISCOVERY != address:
        sentence = _("The provider calls itself {issuer}, so CLICKKER_SSO__METADATA_URL must be {address}.")
        issuer = str(told.get("issuer", ""))[:200]
        return sentence.format(issuer=issuer, address=issuer.rstrip("/") + DISCOVERY)
    plain = [name for name in NEEDED if not _is_safe(str(told.get(name, "")), address)]
    if plain:
        return _("The provider does not say where it is over https: {names}.").format(names=", ".join(plain))
    return ""


def _is_safe(url: str, metadata_url: str) -> bool:
    """https, or as the metadata itself, which is http for practice on this machine alone."""
    parts = urlsplit(url)
    return bool(parts.hostname) and parts.scheme in {"https", urlsplit(metadata_url).scheme}
