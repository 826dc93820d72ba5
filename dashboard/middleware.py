"""What every request and every answer passes through: closed doors, our own name, headers, the browser's name."""

from __future__ import annotations

import logging
import secrets
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.application import application
from core.i18n import _
from core.settings import Settings
from core.tokens.secrets import new_token
from dashboard.cookies import BROWSER_LIFE, browser_cookie, set_cookie
from dashboard.frame_page import frame_page
from dashboard.headers import frame_policy, security_headers
from dashboard.origin import own_names, own_origins
from dashboard.plain import message_page, speak_language_of

_log = logging.getLogger("clickker.dashboard")

# Ways into Streamlit that nothing here uses: figures for anybody, a second way to drive pages, uploads,
# components, and its own sign-in.
CLOSED = (
    "/_stcore/metrics",
    "/_stcore/agent",
    "/_stcore/script-health-check",
    "/_stcore/upload_file",
    "/component/",
    "/auth/",
    "/oauth2callback",
)
OPEN_FOR_PROVIDER = frozenset({"/auth/login", "/oauth2callback"})
"""Of these, what the single sign-on needs once it is set up; dashboard/provider_door.py stands around it."""
PROBES = frozenset({"/healthz", "/readyz"})
"""Asked by a load balancer, which knows us by our number."""
LARGEST_BODY = 65_536
"""Bytes of a request; no form here comes near."""
POLICY_VIOLATION = 1008


class Shield:
    """The outermost layer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on and dress the answer."""
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        elif scope["type"] == "http":
            await self._request(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        settings = application().settings
        origin = Headers(scope=scope).get("origin", "")
        if origin in own_origins(settings) and _is_our_name(scope, settings):
            await self.app(scope, receive, send)
            return
        _log.warning(
            "Refused a WebSocket from origin %r: CLICKKER_PUBLIC_URL is %s", origin[:200], settings.public_url
        )
        await send({"type": "websocket.close", "code": POLICY_VIOLATION})

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        settings = application().settings
        dressed = _Dresser(scope, send, settings)
        refusal = _refusal(scope, settings)
        if refusal is not None:
            await refusal(scope, receive, dressed)
            return
        try:
            await self.app(scope, receive, dressed)
        except Exception as error:
            if dressed.started:
                raise
            await _apology(scope, error)(scope, receive, dressed)


def _refusal(scope: Scope, settings: Settings) -> Response | None:
    path = scope["path"]
    if path not in PROBES and not _is_our_name(scope, settings):
        return PlainTextResponse("Unknown host", 421)
    if path.startswith(CLOSED) and not (settings.sso.on and path in OPEN_FOR_PROVIDER):
        return PlainTextResponse("Not found", 404)
    length = Headers(scope=scope).get("content-length", "0")
    if not length.isdigit() or int(length) > LARGEST_BODY:
        return PlainTextResponse("Too large", 413)
    return None


def _is_our_name(scope: Scope, settings: Settings) -> bool:
    try:
        name = urlsplit("//" + Headers(scope=scope).get("host", "")).hostname or ""
    except ValueError:
        return False
    return name.rstrip(".") in own_names(settings)


def _apology(scope: Scope, error: Exception) -> Response:
    """A calm page, and the story in the log under a reference. The address may hold a secret: it is not logged."""
    reference = secrets.token_hex(4)
    _log.error("Request failed, reference %s", reference, exc_info=error)
    speak_language_of(Request(scope))
    sentence = _(
        "This has been written down. Try again in a moment; if it happens again, mention this reference: {reference}"
    ).format(reference=reference)
    return message_page(_("Something went wrong here"), sentence, status=500)


class _Dresser:
    """Adds the headers to an answer as it leaves."""

    def __init__(self, scope: Scope, send: Send, settings: Settings) -> None:
        self.scope, self.send, self.settings = scope, send, settings
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            self._dress(MutableHeaders(scope=message))
        await self.send(message)

    def _dress(self, headers: MutableHeaders) -> None:
        for name, value in security_headers(self.settings).items():
            headers.setdefault(name, value)
        if not headers.get("content-type", "").startswith("text/html"):
            headers.setdefault("content-security-policy", "default-src 'none'; frame-ancestors 'none'")
            return
        if "content-security-policy" not in headers:  # the frame's is dear the first time
            headers["content-security-policy"] = frame_policy(self.settings, frame_page())
        self._name_browser(headers)

    def _name_browser(self, headers: MutableHeaders) -> None:
        name = browser_cookie(self.settings)
        if name not in Request(self.scope).cookies:
            headers.append("set-cookie", set_cookie(self.settings, name, new_token(), BROWSER_LIFE))
