"""Which addresses are our own: for forms, for WebSockets, for the Host header."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request

from core.settings import Settings

_LOCAL = ("localhost", "127.0.0.1", "[::1]")


def own_origins(settings: Settings) -> frozenset[str]:
    """The origins under which browsers reach us; this machine has three names for itself."""
    parts = urlsplit(settings.public_address)
    host = (parts.hostname or "").lower()
    names = _LOCAL if host in {"localhost", "127.0.0.1", "::1"} else (f"[{host}]" if ":" in host else host,)
    port = f":{parts.port}" if parts.port else ""
    return frozenset(f"{parts.scheme}://{name}{port}" for name in names)


def own_names(settings: Settings) -> frozenset[str]:
    """What a Host header may say, without its port."""
    return frozenset(urlsplit(origin).hostname or "" for origin in own_origins(settings))


def own_address(settings: Settings, path: str) -> str:
    """``path`` under the address of the settings."""
    parts = urlsplit(settings.public_address)
    return f"{parts.scheme}://{parts.netloc}{path}"


def from_our_own_page(request: Request, settings: Settings) -> bool:
    """Whether a page of ours sent the browser here, by what browsers tell and scripts cannot change."""
    if from_elsewhere(request, settings):
        return False
    return request.headers.get("sec-fetch-site") == "same-origin" or request.headers.get(
        "origin"
    ) in own_origins(settings)


def from_other_site(request: Request) -> bool:
    """Whether another site sent the browser to an address that is only read; typed in, it comes from none.

    https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header: a browser sends it, and no script can change it.
    """
    return request.headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}


def from_elsewhere(request: Request, settings: Settings) -> bool:
    """Whether another site sent the browser here, as far as the browser tells.

    A page with the policy "no-referrer" posts with "Origin: null": https://fetch.spec.whatwg.org/#origin-header.
    """
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin", "null")
    return site != "same-origin" or (origin != "null" and origin not in own_origins(settings))
