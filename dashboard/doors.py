"""Which of the addresses that Streamlit brings along are open. What is not decided here is shut.

Ours are all open; each asks who is there by itself. ``tests/security/test_web.py`` lists every address that the
installed Streamlit serves, so that a new one in an upgrade is looked at before it is let in.
"""

from __future__ import annotations

from functools import cache

from starlette.routing import Match, Mount
from starlette.types import Scope

from dashboard.assets import PREFIX, files

OPEN = ("/_stcore/stream", "/_stcore/health", "/_stcore/host-config")
"""The socket, and what Streamlit's client asks before it connects again; neither tells anything about us."""
CLOSED = (
    "/_stcore/",  # figures for anybody, uploads, a second way to drive pages, components that bring scripts
    "/media/",  # files that need no cookie: exports are routes of ours
    "/component/",  # scripts in frames of their own
    "/app/static/",
    "/auth/",  # Streamlit's own sign-in
    "/oauth2callback",
)
OPEN_FOR_PROVIDER = frozenset({"/auth/login", "/oauth2callback"})
"""Of these, what the single sign-on needs once it is set up; dashboard/provider_door.py stands around it."""
_PAGE_FILES = frozenset({"/favicon.png", "/index.html", "/manifest.json"})
"""Streamlit's own, beside /static/: its page is not ours, its mark neither."""


@cache
def _assets() -> frozenset[str]:
    return frozenset(PREFIX + name for name in files())


def is_closed(path: str, *, provider: bool) -> bool:
    """Whether nobody gets through to this address; ``provider``: operators may sign in at one."""
    if path in OPEN or (provider and path in OPEN_FOR_PROVIDER):
        return False
    # Two slashes, a backslash or a dot segment are no address of ours; what stands behind might read them otherwise.
    if "//" in path or "\\" in path or "/./" in f"{path}/" or "/../" in f"{path}/" or "\x00" in path:
        return True
    if path.startswith(PREFIX):
        return path not in _assets()
    return path.startswith(CLOSED) or path in _PAGE_FILES


def is_served(scope: Scope, path: str) -> bool:
    """Whether any route answers at this address. Streamlit's mount does not count: it answers everywhere."""
    asked = {**scope, "path": path}
    routes = scope["app"].routes
    return any(route.matches(asked)[0] is not Match.NONE for route in routes if not isinstance(route, Mount))
