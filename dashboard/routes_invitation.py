"""The page behind an invitation or a reset link: choose a password, or an account at the provider, then sign in."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from core.accounts.invitations import INVITE, InvitationView, accept_invitation, open_invitation
from core.accounts.sso import begin_invitation
from core.accounts.ways_in import may_use_password
from core.application import application
from core.errors import InvalidInput, NotAllowed, NotFound
from core.i18n import _, set_language
from dashboard.cookies import browser_cookie
from dashboard.forms import form_secret, form_token, is_ours, keep_form_secret, read_form
from dashboard.limits import allow_address
from dashboard.plain import message_page, plain_page, speak_language_of
from dashboard.provider_door import going_to_provider
from dashboard.single_sign_on import ENTRY
from dashboard.visitor import address_of

PER_MINUTE = 30
"""Requests of one address; a token cannot be guessed, but a bcrypt costs a quarter of a second."""


def show(request: Request) -> Response:
    """The form, or why the link does not work."""
    speak_language_of(request)
    if not _may_knock(request):
        return _too_often()
    try:
        view = open_invitation(application(), request.path_params["token"])
    except NotFound as error:
        return _dead_link(error)
    return _form(request, view)


async def choose(request: Request) -> Response:
    """The form comes back."""
    fields = await read_form(request)
    return await run_in_threadpool(_choose, request, fields)


def _choose(request: Request, fields: dict[str, str] | None) -> Response:
    speak_language_of(request)
    if not _may_knock(request):
        return _too_often()
    app = application()
    token = request.path_params["token"]
    try:
        view = open_invitation(app, token)
        if view.language:
            set_language(view.language)
        if fields is None or not is_ours(request, app.settings, fields):
            return _form(request, view, _("The form could not be checked. Please try again."), status=403)
        if "provider" in fields:
            return _to_provider(request, view, token)
        return _accept(request, view, token, fields)
    except NotFound as error:
        return _dead_link(error)


def _accept(request: Request, view: InvitationView, token: str, fields: dict[str, str]) -> Response:
    password = fields.get("password", "")
    if password != fields.get("again", ""):
        return _form(request, view, _("The two passwords are not the same."), status=422)
    try:
        browser = request.cookies.get(browser_cookie(application().settings))
        accept_invitation(application(), token, password, address_of(request), browser)
    except (InvalidInput, NotAllowed) as error:
        return _form(request, view, error.message, status=422)
    return _done(view)


def _form(request: Request, view: InvitationView, error: str = "", *, status: int = 200) -> Response:
    if view.language:
        set_language(view.language)
    settings = application().settings
    secret = form_secret(request, settings)
    title = _("Create your account") if view.purpose == INVITE else _("Choose a new password")
    page = plain_page(
        "invitation.html",
        status=status,
        title=title,
        view=view,
        error=error,
        csrf=form_token(secret),
        provider=settings.sso.name if _provider_offered(view) else "",
        passwords=may_use_password(settings, view.email),
    )
    return keep_form_secret(page, settings, secret)


def _provider_offered(view: InvitationView) -> bool:
    return application().settings.sso.on and view.purpose == INVITE


def _to_provider(request: Request, view: InvitationView, token: str) -> Response:
    """Off to the provider, whose answer makes the account (``dashboard/provider_door.py``)."""
    app = application()
    browser = request.cookies.get(browser_cookie(app.settings))
    if not browser or not _provider_offered(view):
        return _form(request, view, _("The form could not be checked. Please try again."), status=403)
    begin_invitation(app, browser, token)
    return going_to_provider(_("Create your account"), ENTRY)


def _done(view: InvitationView) -> Response:
    if view.purpose == INVITE:
        title, sentence = _("Your account is ready"), _("Sign in with your e-mail address and your password.")
    else:
        title, sentence = _("Your password has been changed"), _("Sign in with the new password.")
    return message_page(title, sentence, link=("/", _("Sign in")))


def _dead_link(error: NotFound) -> Response:
    return message_page(
        _("This link does not work"), error.message, status=404, link=("/", _("To the sign-in page"))
    )


def _may_knock(request: Request) -> bool:
    return allow_address("invitation", address_of(request), PER_MINUTE)


def _too_often() -> Response:
    return message_page(_("One moment"), _("This was asked too often. Wait a minute and reload."), status=429)


ROUTES = [
    Route("/invitation/{token}", show, methods=["GET"]),
    Route("/invitation/{token}", choose, methods=["POST"]),
]
