"""Who sends a request to one of our routes or holds a socket, and from where: somebody signed in, or a stranger."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_network
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.types import Scope, Send

from core.accounts.knocks import network_of
from core.accounts.sessions import SignedIn, had_session, session_operator
from core.application import application
from core.i18n import set_language
from dashboard.budgets import SOCKETS, Guest
from dashboard.cookies import session_cookie
from dashboard.messages import AGAIN, LARGEST_MESSAGE, LARGEST_OF_STRANGERS
from dashboard.plain import speak_language_of

TRUST = "clickker.trust"
"""In the scope of a socket: what to call once its holder is known (``dashboard.server.Sockets``)."""

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


def address_of(request: Request) -> str:
    """The address a request comes from; "" where it has none."""
    return request.client.host if request.client else ""


def visitor(request: Request) -> SignedIn | None:
    """Who holds the request's session, if any; sets the language of what follows."""
    speak_language_of(request)
    app = application()
    cookie = request.cookies.get(session_cookie(app.settings))
    signed_in = session_operator(app, cookie, address=address_of(request))
    if signed_in is not None and signed_in.operator.language:
        set_language(signed_in.operator.language)
    return signed_in


class Holder:
    """Who holds a socket. ``name`` is what counts as one: a session, or an address."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        app = application()
        cookie = HTTPConnection(scope).cookies.get(session_cookie(app.settings))
        signed_in = session_operator(app, cookie, active=False)
        self.known = signed_in is not None
        # A page that was open when its session ended comes back with all that it holds, to show the sign-in form.
        self._large = self.known or had_session(app, cookie)
        self.name = f"session {signed_in.session_hash}" if signed_in else address_in(scope)

    @contextmanager
    def here(self, send: Send) -> Iterator[Guest | None]:
        """While the socket is open: the guest that it counts as, None for somebody signed in."""
        if self._large:
            self._scope.get(TRUST, lambda: None)()
        if self.known:
            yield None
            return
        going: list[asyncio.Task[None]] = []
        largest = LARGEST_MESSAGE if self._large else LARGEST_OF_STRANGERS
        guest = Guest(self.name, lambda: going.append(_closing(send)), largest=largest)
        SOCKETS.enter(guest)
        try:
            yield guest
        finally:
            SOCKETS.leave(guest)


def has_cookie(scope: Scope) -> bool:
    """Whether a session is claimed at all."""
    return session_cookie(application().settings) in HTTPConnection(scope).cookies


def is_known(scope: Scope) -> bool:
    """Whether somebody signed in sends this request."""
    app = application()
    cookie = HTTPConnection(scope).cookies.get(session_cookie(app.settings))
    return session_operator(app, cookie, active=False) is not None


def address_in(scope: Scope) -> str:
    """The network that a request comes from; "" where it has none."""
    client = scope.get("client")
    return network_of(client[0]) if client else ""


def is_network(name: str) -> bool:
    """Whether that is a network: what comes over a Unix socket, or from a test, comes from none."""
    try:
        ip_network(name)
    except ValueError:
        return False
    return True


def _closing(send: Callable[..., Any]) -> asyncio.Task[None]:
    async def close() -> None:
        with suppress(Exception):  # it has ended in the meantime
            await send({"type": "websocket.close", "code": AGAIN})

    return asyncio.get_running_loop().create_task(close())
