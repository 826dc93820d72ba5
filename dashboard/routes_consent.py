"""To Exact Online and back, for operators and for customers with a link: plain pages, no Streamlit."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from core.accounts.roles import CurrentOperator
from core.application import Application, application
from core.audit.refusals import record_refusal
from core.errors import ChangedMeanwhile, ClickkerError, InvalidInput, NotAllowed, NotFound
from core.exact.environments import base_url, environment_name
from core.i18n import _
from core.registrations.callback import complete_consent
from core.registrations.consent import Begun, begin_consent
from core.registrations.customer_links import begin_customer_consent, open_customer_link
from core.registrations.outcomes import ConsentResult, Outcome
from core.registrations.seen import Seen
from core.registrations.wording import moment
from dashboard.cookies import BROWSER_LIFE, browser_cookie, set_cookie
from dashboard.forms import form_secret, form_token, is_ours, keep_form_secret, read_form
from dashboard.limits import allow_address
from dashboard.navigation import address
from dashboard.origin import from_other_site
from dashboard.plain import HEADERS, message_page, plain_page
from dashboard.visitor import address_of, is_person, visitor

SEE_OTHER = 303
PER_MINUTE = 60
"""Requests of one address; nobody gives consent once a second."""

STATUSES: dict[Outcome, int] = {
    Outcome.REFUSED: 200,
    Outcome.UNIDENTIFIED: 200,
    Outcome.UNKNOWN_STATE: 400,
    Outcome.MISSING_CODE: 400,
    Outcome.DOUBLED_PARAMETER: 400,
    Outcome.OTHER_BROWSER: 403,
    Outcome.OTHER_OPERATOR: 403,
    Outcome.REUSED_STATE: 409,
    Outcome.LINK_USED: 409,
    Outcome.EXPIRED_STATE: 410,
    Outcome.WITHDRAWN: 410,
    Outcome.OTHER_COUNTRY: 410,
    Outcome.PROVIDER_ERROR: 502,
    Outcome.TOKEN_ERROR: 502,
    Outcome.CLIENT_ERROR: 502,
    Outcome.OUR_ERROR: 500,
    Outcome.MAINTENANCE: 503,
    Outcome.TIMEOUT: 504,
}
"""What each end is called in HTTP; a refusal is a result, not an error."""


def connect(request: Request) -> Response:
    """An operator pressed Connect: on to Exact's consent in this tab."""
    app, operator = _who(request)
    if not _may_knock(request):
        return _too_often()
    if operator is None:
        return message_page(
            _("Sign in again"),
            _("Your session has ended. Sign in; the registration is kept, and Connect is on its page."),
            status=403,
            link=(address("registrations"), _("To the sign-in page")),
        )
    if from_other_site(request):
        sentence = _("Another site sent your browser here. Connect from the registration.")
        back = (address("registrations"), _("To the registrations"))
        return message_page(_("Connecting did not start"), sentence, status=403, link=back)
    cookie = request.cookies.get(browser_cookie(app.settings))
    try:
        begun = begin_consent(app, operator, request.query_params.get("consent", ""), cookie)
    except ClickkerError as error:
        record_refusal(app, error)
        return message_page(
            _("Connecting did not start"),
            error.message,
            status=_status_of(error),
            link=(address("registrations"), _("To the registrations")),
        )
    return _to_exact(app, begun)


def callback(request: Request) -> Response:
    """Exact sent the browser back, with a code, a refusal, or something else."""
    app, operator = _who(request)
    if not _may_knock(request):
        return _too_often()
    result = complete_consent(
        app,
        request.query_params.multi_items(),
        request.cookies.get(browser_cookie(app.settings)),
        operator.id if operator else None,
        address_of(request),
    )
    if result.customer or (operator is None and result.registration_id is None):
        return _tell_customer(result)
    return _tell_operator(result)


def customer(request: Request) -> Response:
    """What a customer sees who opens the link: who asks, and what will happen. Looking uses nothing up."""
    app, _operator = _who(request)
    if not _may_knock(request):
        return _too_often()
    try:
        token, opened = request.path_params["token"], is_person(request)
        page = open_customer_link(app, token, address_of(request), opened=opened)
    except NotFound as error:
        return _dead_link(error)
    secret = form_secret(request, app.settings)
    shown = plain_page(
        "customer_link.html",
        form_targets=_form_targets(app, page.environment),
        title=_("Permission for Exact Online"),
        page=page,
        country=environment_name(page.environment),
        until=moment(page.expires_at),
        csrf=form_token(secret),
    )
    return keep_form_secret(shown, app.settings, secret)


async def customer_goes(request: Request) -> Response:
    """The customer pressed the button."""
    fields = await read_form(request)
    return await run_in_threadpool(_customer_goes, request, fields)


def _customer_goes(request: Request, fields: dict[str, str] | None) -> Response:
    app, _operator = _who(request)
    if not _may_knock(request):
        return _too_often()
    if fields is None or not is_ours(request, app.settings, fields):
        again = (request.url.path, _("Open the page again"))
        sentence = _("Your browser did not send our cookie along. Allow cookies for this page and try again.")
        return message_page(_("Please try again"), sentence, status=403, link=again)
    cookie = request.cookies.get(browser_cookie(app.settings))
    try:
        begun = begin_customer_consent(
            app, request.path_params["token"], cookie, address_of(request), _seen(fields)
        )
    except ChangedMeanwhile:
        again = (request.url.path, _("Open the page again"))
        sentence = _(
            "What Clickker asks has changed since you opened the page. Read it again before you go on."
        )
        return message_page(_("Please look again"), sentence, status=409, link=again)
    except (NotFound, InvalidInput) as error:
        return _dead_link(error)
    return _to_exact(app, begun)


def _seen(fields: dict[str, str]) -> Seen | None:
    """Whose bookkeeping the page asked for, as the form brings it along."""
    return Seen(fields["name"], fields.get("environment", "")) if "name" in fields else None


def thanks(request: Request) -> Response:
    """The end of the customer's way; a page of its own, so that a reload repeats nothing."""
    _who(request)
    return plain_page("customer_thanks.html", title=_("Thank you"))


def _who(request: Request) -> tuple[Application, CurrentOperator | None]:
    """The operator of this browser's session, if any; sets the language of what follows."""
    signed_in = visitor(request)
    return application(), signed_in.operator if signed_in else None


def _to_exact(app: Application, begun: Begun) -> Response:
    answer = RedirectResponse(begun.authorize_url, SEE_OTHER, HEADERS)
    cookie = set_cookie(app.settings, browser_cookie(app.settings), begun.browser_token, BROWSER_LIFE)
    answer.headers.append("set-cookie", cookie)
    return answer


def _tell_operator(result: ConsentResult) -> Response:
    number = result.registration_id
    if result.outcome is Outcome.GRANTED and number is not None and not result.unchanged:
        return RedirectResponse(address("choose", id=number), SEE_OTHER, HEADERS)
    if result.outcome.arrived and number is not None:
        return RedirectResponse(address("registration", id=number), SEE_OTHER, HEADERS)
    link = (
        (address("registration", id=number), _("To the registration"))
        if number is not None
        else (address("registrations"), _("To the registrations"))
    )
    return _explain(result, link)


def _tell_customer(result: ConsentResult) -> Response:
    if result.outcome.arrived:
        return RedirectResponse("/customer/thanks", SEE_OTHER, HEADERS)
    return _explain(replace(result, customer=True), None)


def _explain(result: ConsentResult, link: tuple[str, str] | None) -> Response:
    """What happened, who acts, what comes next. Nothing of the address is repeated."""
    status = STATUSES.get(result.outcome, 400)
    return plain_page("consent_ended.html", status=status, title=result.title, result=result, link=link)


def _form_targets(app: Application, environment: str) -> tuple[str, ...]:
    """Where the form may lead. Exact's login has hosts of its own that nobody lists: any that is encrypted."""
    parts = urlsplit(base_url(app.settings, environment))
    return ("https:",) if parts.scheme == "https" else ("https:", f"{parts.scheme}://{parts.netloc}")


def _dead_link(error: ClickkerError) -> Response:
    return message_page(_("This link does not work"), error.message, status=_status_of(error))


def _status_of(error: ClickkerError) -> int:
    if isinstance(error, NotFound):
        return 404
    return 403 if isinstance(error, NotAllowed) else 409


def _may_knock(request: Request) -> bool:
    return allow_address("consent", address_of(request), PER_MINUTE)


def _too_often() -> Response:
    return message_page(_("One moment"), _("This was asked too often. Wait a minute and reload."), status=429)


ROUTES = [
    Route("/exact/connect", connect, methods=["GET"]),
    Route("/exact/callback", callback, methods=["GET"]),
    Route("/customer/thanks", thanks, methods=["GET"]),
    Route("/customer/{token}", customer, methods=["GET"]),
    Route("/customer/{token}", customer_goes, methods=["POST"]),
]
