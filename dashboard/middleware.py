"""What every request and every answer passes through: closed doors, our own name, headers, the browser's name."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from contextlib import suppress
from urllib.parse import urlsplit, urlunsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnected

from core.application import application
from core.i18n import _
from core.settings import Settings
from core.tokens.secrets import new_token
from dashboard.assets import PREFIX
from dashboard.budgets import MOST_WAITING, OPENINGS, REQUEST_PATIENCE, REQUESTS, WAIT_SECONDS
from dashboard.cookies import BROWSER_LIFE, browser_cookie, set_cookie
from dashboard.doors import OPEN, is_closed, is_served
from dashboard.frame_page import frame_page
from dashboard.headers import NOTHING, frame_policy, security_headers
from dashboard.limits import allow
from dashboard.messages import Gate
from dashboard.origin import own_address, own_names, own_origins
from dashboard.plain import message_page, speak_language_of
from dashboard.proxies import from_where
from dashboard.visitor import ACTING, Holder, address_in, has_cookie, is_known, is_network, looks_ahead

_log = logging.getLogger("clickker.dashboard")

PROBES = frozenset({"/healthz", "/readyz"})
"""Asked by a load balancer, which knows us by our number."""
METHODS = frozenset({"GET", "HEAD", "POST"})
LARGEST_BODY = 65_536
"""Bytes of a request; no form here comes near."""
_DIGITS = 9
_CLOSE = {"Connection": "close"}
_HOST = re.compile(r"([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?")
INTERNAL_ERROR = 1011
SOCKETS_PER_MINUTE = 240
"""Sockets opened from one address, or in one session: an office of forty that reloads a page every ten seconds."""


class Shield:
    """The outermost layer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on and dress the answer."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        settings = application().settings
        scope = from_where(scope, settings)
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send, settings)
        else:
            await self._request(scope, receive, send, settings)

    async def _socket(self, scope: Scope, receive: Receive, send: Send, settings: Settings) -> None:
        try:
            refusal = _refused_socket(scope, settings)
            if refusal is not None:
                await _turn_away(refusal, settings, send)
                return
            holder = await _holder(scope)
            if holder is None:
                await _turn_away(await _too_often(), settings, send)
                return
            with holder.here(send) as guest:
                await self.app(scope, Gate(receive, send, guest), send)
        except WebSocketDisconnected:  # nobody is there any more
            return
        except Exception as error:
            _write_down("A WebSocket failed", error)
            with suppress(Exception):
                await send({"type": "websocket.close", "code": INTERNAL_ERROR})

    async def _request(self, scope: Scope, receive: Receive, send: Send, settings: Settings) -> None:
        dressed = _Dresser(scope, send, settings)
        refusal = await _hasty(scope) or _refusal(scope, settings) or _nowhere(scope)
        if refusal is not None:
            await refusal(scope, receive, dressed)
            return
        try:
            await self.app(scope, _Measured(receive), dressed)
        except ClientDisconnect:  # nobody is there any more to be told anything
            return
        except _TooLarge:
            if not dressed.started:
                await PlainTextResponse("Too large", 413, _CLOSE)(scope, receive, dressed)
        except Exception as error:
            reference = _write_down("Request failed", error)
            # What has begun cannot be taken back: the server cuts it off, and the browser tells of a broken download.
            if not dressed.started:
                await _apology(scope, reference)(scope, receive, dressed)


def _refused_socket(scope: Scope, settings: Settings) -> Response | None:
    origin = Headers(scope=scope).get("origin", "")
    if scope["path"] not in OPEN:
        return PlainTextResponse("Not found", 404)
    if origin in own_origins(settings) and _is_our_name(scope, settings):
        return None
    _log.warning(
        "Refused a WebSocket from origin %r: CLICKKER_PUBLIC_URL is %s", origin[:200], settings.public_address
    )
    return PlainTextResponse("Forbidden", 403)


async def _holder(scope: Scope) -> Holder | None:
    """Who opens this socket; None when that was done too often."""
    if not has_cookie(scope) and OPENINGS.take(address_in(scope)) is None:
        return None
    holder = await run_in_threadpool(Holder, scope)
    if not holder.known and has_cookie(scope) and OPENINGS.take(holder.name) is None:
        return None
    may = await run_in_threadpool(allow, f"socket:{holder.name}", SOCKETS_PER_MINUTE)
    return holder if may else None


_waiting = [0]


async def _too_often() -> Response:
    """Said after a moment, unless too many wait for it already."""
    if _waiting[0] < MOST_WAITING:
        _waiting[0] += 1
        try:
            await asyncio.sleep(WAIT_SECONDS)
        finally:
            _waiting[0] -= 1
    return PlainTextResponse("Too often", 429, {"Retry-After": "60", **_CLOSE})


async def _turn_away(answer: Response, settings: Settings, send: Send) -> None:
    """Answer in HTTP, with our headers, instead of a socket."""
    headers = MutableHeaders(raw=answer.raw_headers)
    for name, value in {**security_headers(settings), "content-security-policy": NOTHING}.items():
        headers.setdefault(name, value)
    start = {"type": "websocket.http.response.start", "status": answer.status_code, "headers": headers.raw}
    await send(start)
    await send({"type": "websocket.http.response.body", "body": answer.body})


async def _hasty(scope: Scope) -> Response | None:
    """Let requests wait, and refuse them, beyond what one address may ask: before anything is looked at.

    Whoever has a good session is served at once.
    """
    name = address_in(scope)
    if scope["path"] in PROBES or not is_network(name):
        return None
    wait = REQUESTS.take(name, patience=REQUEST_PATIENCE)
    if wait == 0 or (has_cookie(scope) and await run_in_threadpool(is_known, scope)):
        return None
    if wait is None:
        return await _too_often()
    await asyncio.sleep(wait)
    return None


def _refusal(scope: Scope, settings: Settings) -> Response | None:
    path = scope["path"]
    if path not in PROBES and not _is_our_name(scope, settings):
        return PlainTextResponse("Unknown host", 421)
    if is_closed(path, provider=settings.sso.on):
        return PlainTextResponse("Not found", 404)
    if scope["method"] not in METHODS:
        return PlainTextResponse("Method not allowed", 405, {"Allow": ", ".join(sorted(METHODS))})
    if path.startswith(ACTING) and looks_ahead(scope):
        return PlainTextResponse("Only for going there", 405, {"Allow": "GET, POST"})
    length = Headers(scope=scope).get("content-length", "0")
    if not (length.isascii() and length.isdecimal()) or len(length) > _DIGITS or int(length) > LARGEST_BODY:
        return PlainTextResponse("Too large", 413, _CLOSE)
    return None


def _nowhere(scope: Scope) -> Response | None:
    """Streamlit answers with its page, and "200 OK", where nobody serves anything; we say that there is none."""
    if scope["path"].startswith(PREFIX) or any(is_served(scope, path) for path in _spellings(scope["path"])):
        return None
    speak_language_of(Request(scope))
    sentence = _("Nothing is kept at this address. Go on from the start page.")
    return message_page(_("Page not found"), sentence, status=404, link=("/", _("To the start page")))


def _spellings(path: str) -> tuple[str, ...]:
    return (path, path.rstrip("/")) if path != "/" else (path,)


def _is_our_name(scope: Scope, settings: Settings) -> bool:
    found = _HOST.fullmatch(Headers(scope=scope).get("host", "").lower())
    return found is not None and found[1].strip("[]").removesuffix(".") in own_names(settings)


def _write_down(what: str, error: Exception) -> str:
    """The story in the log, under a reference that is returned. The address may hold a secret: it is not logged."""
    reference = secrets.token_hex(4)
    _log.error("%s, reference %s", what, reference, exc_info=error, extra={"reference": reference})
    return reference


def _apology(scope: Scope, reference: str) -> Response:
    """A calm page with the reference."""
    speak_language_of(Request(scope))
    sentence = _(
        "This has been written down. Try again in a moment; if it happens again, mention this reference: {reference}"
    ).format(reference=reference)
    return message_page(_("Something went wrong here"), sentence, status=500)


class _TooLarge(Exception):
    """A body without a length that went on and on."""


class _Measured:
    """Reads a request's body, up to what we take of anybody."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._size = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._size += len(message.get("body", b""))
        if self._size > LARGEST_BODY:
            raise _TooLarge
        return message


class _Dresser:
    """Adds the headers to an answer as it leaves."""

    def __init__(self, scope: Scope, send: Send, settings: Settings) -> None:
        self.scope, self.send, self.settings = scope, send, settings
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = MutableHeaders(scope=message)
            self._dress(headers)
            self._keep_here(headers)
        await self.send(message)

    def _dress(self, headers: MutableHeaders) -> None:
        for name, value in security_headers(self.settings).items():
            headers.setdefault(name, value)
        if not headers.get("content-type", "").startswith("text/html"):
            headers.setdefault("content-security-policy", NOTHING)
            return
        if "content-security-policy" not in headers:  # the frame's is dear the first time
            headers["content-security-policy"] = frame_policy(self.settings, frame_page())
        self._name_browser(headers)

    def _name_browser(self, headers: MutableHeaders) -> None:
        name = browser_cookie(self.settings)
        if name not in Request(self.scope).cookies:
            headers.append("set-cookie", set_cookie(self.settings, name, new_token(), BROWSER_LIFE))

    def _keep_here(self, headers: MutableHeaders) -> None:
        """A redirect that Starlette made of the Host header leads to the address in the settings instead."""
        parts = urlsplit(headers.get("location", ""))
        if parts.netloc and parts.netloc == Headers(scope=self.scope).get("host"):
            headers["location"] = own_address(self.settings, urlunsplit(("", "", *parts[2:])))
