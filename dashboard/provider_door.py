"""Around the two addresses of Streamlit's ``st.login``: who may go to the provider, and what becomes of the answer.

Streamlit has checked the answer (state, nonce, signature, issuer; the code was exchanged) and would now keep who it
was, and the provider's tokens, in cookies that live for thirty days and are not Secure. They are taken out of its
answer here: what the browser gets is a ticket for a session of ours.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.auth_util import get_cookie_with_chunks
from streamlit.web.server.server_util import get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value

from core.accounts.sessions import start_ticket
from core.accounts.sso import come_back, leave, may_leave
from core.application import application
from core.errors import ClickkerError
from core.i18n import _
from dashboard.cookies import STREAMLIT_USER, browser_cookie, forget_streamlit_user
from dashboard.limits import allow_address
from dashboard.plain import message_page, plain_page, speak_language_of
from dashboard.single_sign_on import login_address
from dashboard.visitor import address_of, visitor

LOGIN, CALLBACK = "/auth/login", "/oauth2callback"
PER_MINUTE = 30
"""Requests of one address: each that passes is a call to the provider."""
LONGEST = 8_192
"""Characters of a query; codes of Microsoft's take some 1,500."""
SEE_OTHER = 303


class ProviderDoor:
    """Lets through to Streamlit what may go there, and answers in its place."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Everything but the two addresses passes untouched."""
        if scope["type"] != "http" or scope["path"] not in {LOGIN, CALLBACK}:
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        speak_language_of(request)
        answer = await run_in_threadpool(_before, request)
        if answer is None:
            heard = _Heard()
            await self.app(scope, receive, heard)
            after = _left if scope["path"] == LOGIN else _came_back
            answer = await run_in_threadpool(after, request, heard)
        forget_streamlit_user(request, answer)
        await answer(scope, receive, send)


def going_to_provider(title: str, entry: str) -> Response:
    """A page that goes on by itself, for a form that leads to the provider.

    A browser holds the redirects after a form against the policy of the form's page, and where the provider asks for
    the log-in is the provider's to say.
    """
    provider = application().settings.sso.name
    return plain_page("provider.html", title=title, provider=provider, address=login_address(entry))


class _Heard:
    """The head of what Streamlit would have answered."""

    def __init__(self) -> None:
        self.headers = Headers()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.headers = Headers(raw=message["headers"])

    def cookies(self) -> dict[str, str]:
        """Those it would have set, by name."""
        pairs = (line.split(";", 1)[0].partition("=") for line in self.headers.getlist("set-cookie"))
        return {name.strip(): value.strip().strip('"') for name, _equals, value in pairs}


def _before(request: Request) -> Response | None:
    """The answer to what need not trouble Streamlit."""
    if not allow_address("provider", address_of(request), PER_MINUTE):
        return message_page(
            _("One moment"), _("This was asked too often. Wait a minute and reload."), status=429
        )
    values = parse_qs(request.url.query, keep_blank_values=True)
    if len(request.url.query) > LONGEST or any(len(value) > 1 for value in values.values()):
        return _refused(_("This address is not complete. Sign in again."), status=400)
    if request.scope["path"] == LOGIN:
        if not may_leave(application(), _browser(request)):
            return _refused(_("This sign-in has expired. Sign in again."))
        return None
    if "code" not in values or "error" in values:  # declined at the provider, or a page that was made up
        return _came_back(request, None)
    return None


def _left(request: Request, heard: _Heard) -> Response:
    """To the provider, with the state that Streamlit made."""
    location = heard.headers.get("location", "")
    (state,) = parse_qs(urlsplit(location).query).get("state", [""])
    if not state or not urlsplit(location).hostname:
        sentence = _("{provider} cannot be reached at the moment. Try again in a few minutes.")
        return _refused(sentence.format(provider=application().settings.sso.name), status=502)
    if not leave(application(), _browser(request), state):
        return _refused(_("This sign-in has expired. Sign in again."))
    return _with_state(heard, RedirectResponse(location, SEE_OTHER, {"Cache-Control": "no-store"}))


def _came_back(request: Request, heard: _Heard | None) -> Response:
    """A ticket for a session of ours, or the way back to where a session stands already; else why not."""
    app, browser = application(), _browser(request)
    by = visitor(request)
    try:
        returned = come_back(
            app,
            browser,
            request.query_params.get("state", ""),
            _claims(heard) if heard else None,
            by.operator if by else None,
            address=address_of(request),
        )
    except ClickkerError as error:
        return _with_state(heard, _refused(error.message, signed_in=by is not None))
    target = returned.target
    if returned.operator_id is not None:
        ticket = start_ticket(app, returned.operator_id, browser, returned.target)
        target = "/session/start?" + urlencode({"ticket": ticket})
    return _with_state(heard, RedirectResponse(target, SEE_OTHER, {"Cache-Control": "no-store"}))


def _claims(heard: _Heard) -> dict[str, Any] | None:
    """What the ID token said, out of the cookie that Streamlit would have set; None when it set none."""
    given = heard.cookies()

    def read(name: str) -> bytes | None:
        return decode_signed_value(get_cookie_secret(), name, given[name]) if given.get(name) else None

    found = get_cookie_with_chunks(read, STREAMLIT_USER)
    claims = json.loads(found) if found else None
    return claims if isinstance(claims, dict) else None


def _with_state(heard: _Heard | None, answer: Response) -> Response:
    """Streamlit's cookie with state, nonce and PKCE verifier goes along, Secure on https; no other one does."""
    secure = "; Secure" if application().settings.secure else ""
    for line in heard.headers.getlist("set-cookie") if heard else ():
        if line.startswith("_streamlit_session="):
            answer.headers.append("set-cookie", line + secure)
    return answer


def _refused(sentence: str, *, status: int = 403, signed_in: bool = False) -> Response:
    if signed_in:
        return message_page(_("That did not work"), sentence, status=status, link=("/", _("Back")))
    return message_page(
        _("You are not signed in"), sentence, status=status, link=("/", _("To the sign-in page"))
    )


def _browser(request: Request) -> str:
    return request.cookies.get(browser_cookie(application().settings), "")
