"""Our cookies. All are HttpOnly, SameSite=Lax, and on https Secure with the __Host- prefix."""

from __future__ import annotations

from http.cookies import Morsel, SimpleCookie

from starlette.requests import Request
from starlette.responses import Response

from core.settings import Settings

BROWSER_LIFE = 365 * 24 * 3600
"""Seconds. A browser keeps its name, so that the lock-out knows it again."""
STREAMLIT_USER = "_streamlit_user"
"""What the cookies of Streamlit's own sign-in begin with: they hold the provider's tokens. Nobody here reads them."""


def session_cookie(settings: Settings) -> str:
    """The name of the cookie that holds a session's token."""
    return _prefix(settings) + "clickker_session"


def browser_cookie(settings: Settings) -> str:
    """The name of the cookie that tells browsers apart, set before anybody signs in."""
    return _prefix(settings) + "clickker_browser"


def form_cookie(settings: Settings) -> str:
    """The name of the cookie that the forms of plain pages are compared with."""
    return _prefix(settings) + "clickker_form"


def set_cookie(settings: Settings, name: str, value: str, max_age: int | None = None) -> str:
    """A Set-Cookie header's value; without ``max_age`` (seconds) the cookie goes when the browser closes."""
    # "__Host-" demands Secure, Path=/ and no Domain (RFC 6265bis, section 4.1.3.2).
    jar: SimpleCookie = SimpleCookie()
    jar[name] = value
    morsel: Morsel[str] = jar[name]
    morsel["path"] = "/"
    morsel["httponly"] = True
    morsel["samesite"] = "Lax"
    if settings.secure:
        morsel["secure"] = True
    if max_age is not None:
        morsel["max-age"] = max_age
    return morsel.OutputString()


def forget_streamlit_user(request: Request, answer: Response) -> None:
    """Have the browser throw away whatever it holds of Streamlit's own sign-in."""
    for name in request.cookies:
        if name.startswith(STREAMLIT_USER):
            answer.delete_cookie(name, path="/", httponly=True, samesite="lax")


def _prefix(settings: Settings) -> str:
    return "__Host-" if settings.secure else ""
