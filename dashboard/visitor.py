"""Who sends a request to one of our routes, and from where."""

from __future__ import annotations

from starlette.requests import Request

from core.accounts.sessions import SignedIn, session_operator
from core.application import application
from core.i18n import set_language
from dashboard.cookies import session_cookie
from dashboard.plain import speak_language_of


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
