"""A ticket becomes a cookie, and a cookie goes again."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from core.accounts.sessions import end_session, start_session
from core.application import application
from core.errors import NotAllowed
from core.i18n import _
from dashboard.cookies import browser_cookie, forget_streamlit_user, session_cookie, set_cookie
from dashboard.origin import from_our_own_page
from dashboard.plain import message_page, speak_language_of
from dashboard.visitor import address_of

SEE_OTHER = 303


def start(request: Request) -> Response:
    """Take the ticket that the sign-in form made and go where the visitor wanted to be."""
    speak_language_of(request)
    app = application()
    browser = request.cookies.get(browser_cookie(app.settings), "")
    before = request.cookies.get(session_cookie(app.settings))
    try:
        started = start_session(
            app,
            request.query_params.get("ticket", ""),
            browser,
            address_of(request),
            request.headers.get("user-agent", ""),
        )
    except NotAllowed as error:
        return message_page(
            _("Sign in again"), error.message, status=403, link=("/", _("To the sign-in page"))
        )
    end_session(app, before, address_of(request))
    answer = RedirectResponse(started.target, SEE_OTHER, {"Cache-Control": "no-store"})
    answer.headers.append(
        "set-cookie", set_cookie(app.settings, session_cookie(app.settings), started.cookie)
    )
    forget_streamlit_user(request, answer)
    return answer


def end(request: Request) -> Response:
    """Sign out; only a page of ours may ask for it."""
    speak_language_of(request)
    app = application()
    if not from_our_own_page(request, app.settings):
        return message_page(
            _("Sign out"), _("Sign out with the button in the menu."), status=403, link=("/", _("Back"))
        )
    end_session(app, request.cookies.get(session_cookie(app.settings)), address_of(request))
    answer = RedirectResponse("/", SEE_OTHER, {"Cache-Control": "no-store"})
    answer.headers.append("set-cookie", set_cookie(app.settings, session_cookie(app.settings), "", max_age=0))
    forget_streamlit_user(request, answer)
    return answer


ROUTES = [
    Route("/session/start", start, methods=["GET"]),
    Route("/session/end", end, methods=["GET", "POST"]),
]
