"""Did somebody go to this address, or did a program look: a preview, a mail filter, a browser that fetches ahead?"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Scope

_PURPOSES = ("sec-purpose", "purpose", "x-purpose", "x-moz")
"""https://wicg.github.io/nav-speculation/prefetch.html#sec-purpose-header, and what browsers sent before it."""
ACTING = ("/exact/", "/session/", "/export/", "/auth/", "/oauth2callback")
"""Where going there does something: answers and tickets are used up, files are taken and told of."""


def looks_ahead(scope: Scope) -> bool:
    """Whether an address is only asked about, or fetched before anybody has chosen to go there."""
    headers = Headers(scope=scope)
    told = " ".join(headers.get(name, "") for name in _PURPOSES).lower()
    return scope["method"] == "HEAD" or "prefetch" in told or "preview" in told


def is_person(request: Request) -> bool:
    """Whether the request looks like somebody's browser that goes to a page: what browsers tell and scripts cannot.

    https://www.w3.org/TR/fetch-metadata/. A robot in a real browser looks the same; older browsers tell nothing.
    """
    told = (request.headers.get("sec-fetch-mode"), request.headers.get("sec-fetch-dest"))
    return told == ("navigate", "document") and not looks_ahead(request.scope)
