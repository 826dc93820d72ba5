"""Which addresses are our own: for forms, for WebSockets, for the Host header."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request

from core.settings import Settings

_LOCAL = ("localhost", "127.0.0.1", "[::1]")


def own_origins(settings: Settings) -> frozenset[str]:
    """The origins under which browsers reach us; this machine has three names for itself."""
    parts = urlsplit(settings.public_url)
    host = (parts.hostname or "").lower()
    names = _LOCAL if host in {"localhost", "127.0.0.1", "::1"} else (host,)
    port = f":{parts.port}" if parts.port else ""
    return frozenset(f"{parts.scheme}://{name}{port}" for name in names)


def own_hosts(settings: Settings) -> frozenset[str]:
    """What a Host header may say, with its port."""
    return frozenset(urlsplit(origin).netloc for origin in own_origins(settings))


def from_our_own_page(request: Request, settings: Settings) -> bool:
    """Whether a page of ours sent the browser here, by what browsers tell and scripts cannot change."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        return False
    origin = request.headers.get("origin")
    if origin is not None:
        return origin in own_origins(settings)
    return site == "same-origin"
