"""What a list's filter shows, as a file: the session and the role are checked here and again in core."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import IO, Any
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from core import clock
from core.accounts.confirming import confirm_by_password
from core.accounts.lockout import TooManyAttempts
from core.accounts.roles import CurrentOperator
from core.accounts.sso import begin_confirm
from core.application import Application, application
from core.audit.exports import filters_of, recorded
from core.audit.listing import AuditQuery, iterate_entries
from core.audit.refusals import record_refusal
from core.errors import ConfirmationNeeded, InvalidInput, NotAllowed
from core.i18n import N_, _, current_language
from core.registrations.listing import (
    AdministrationQuery,
    RegistrationQuery,
    iterate_administrations,
    iterate_registrations,
)
from core.registrations.query import ListQuery
from dashboard.address import query_of
from dashboard.audit_columns import AUDIT_COLUMNS
from dashboard.audit_filters import query_in
from dashboard.confirming import explanation_of_audit, explanation_of_export
from dashboard.cookies import browser_cookie
from dashboard.export import ADMINISTRATION_COLUMNS, REGISTRATION_COLUMNS, csv_chunks, write_workbook
from dashboard.forms import form_secret, form_token, is_ours, keep_form_secret, read_form
from dashboard.limits import allow
from dashboard.origin import from_other_site
from dashboard.plain import message_page, plain_page
from dashboard.provider_door import going_to_provider
from dashboard.single_sign_on import CONFIRM_ENTRY, offers_confirming, offers_password
from dashboard.tables import Column
from dashboard.visitor import visitor

PER_MINUTE = 10
"""Exports of one operator."""
CONFIRMED = "confirmed"
"""In the address that the provider brings back to. It proves nothing: the file asks for itself."""
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_PIECE = 1 << 16
_Query = ListQuery | AuditQuery
_workbook = threading.Lock()
"""A workbook of a million rows takes a minute of this process: one at a time."""


@dataclass(frozen=True)
class _Export:
    """One of the two lists: what it is called, how it is asked, and what its file holds."""

    name: str
    title: str
    read: Callable[[Mapping[str, str]], Any]
    """What its address asks for."""
    iterate: Callable[..., Iterator[Any]]
    columns: tuple[Column[Any], ...]


REGISTRATIONS = _Export(
    "registrations",
    N_("Registrations"),
    partial(query_of, RegistrationQuery),
    iterate_registrations,
    REGISTRATION_COLUMNS,
)
ADMINISTRATIONS = _Export(
    "administrations",
    N_("Administrations"),
    partial(query_of, AdministrationQuery),
    iterate_administrations,
    ADMINISTRATION_COLUMNS,
)


AUDIT = _Export("audit", N_("Audit"), query_in, iterate_entries, AUDIT_COLUMNS)


def _route(export: _Export, kind: str, answer: Callable[..., Response]) -> Route:
    def endpoint(request: Request) -> Response:
        app, signed_in = application(), visitor(request)
        if signed_in is None:
            return _sign_in(export)
        operator = signed_in.operator
        refusal = _refusal(request, operator, export)
        if refusal is not None:
            return refusal
        if (
            CONFIRMED in request.query_params
        ):  # back from the provider: a file alone would leave its page standing
            return _ready(request, export)
        try:
            return answer(app, operator, export, export.read(request.query_params))
        except NotAllowed as error:
            record_refusal(app, error)
            if isinstance(error, ConfirmationNeeded):
                return _ask(request, operator, export)
            return message_page(_("Export"), error.message, status=403, link=_back(export))

    return Route(f"/export/{export.name}.{kind}", endpoint, methods=["GET"])


def _refusal(request: Request, operator: CurrentOperator, export: _Export) -> Response | None:
    # The provider is another site too: it brings back to a page, and that page to the file.
    if CONFIRMED not in request.query_params and from_other_site(request):
        sentence = _("Another site sent your browser here. Export from the list.")
        return message_page(_("Export"), sentence, status=403, link=_back(export))
    if not allow(f"export {operator.id}", PER_MINUTE):
        return _later(_("You have made many exports in a minute. Wait a little."), export)
    return None


def _confirm_route(export: _Export, kind: str) -> Route:
    async def endpoint(request: Request) -> Response:
        fields = await read_form(request)
        return await run_in_threadpool(_confirm, request, fields, export)

    return Route(f"/export/{export.name}.{kind}", endpoint, methods=["POST"])


def _confirm(request: Request, fields: dict[str, str] | None, export: _Export) -> Response:
    """The password for an export of everything came; on to the file when it is right."""
    app, signed_in = application(), visitor(request)
    if signed_in is None:
        return _sign_in(export)
    operator = signed_in.operator
    if not allow(f"confirm {operator.id}", PER_MINUTE):
        return _later(_("This was asked too often. Wait a minute and reload."), export)
    if fields is None or not is_ours(request, app.settings, fields):
        problem = _("The form could not be checked. Please try again.")
        return _ask(request, operator, export, problem, status=403)
    browser = request.cookies.get(browser_cookie(app.settings))
    if "provider" in fields and browser and offers_confirming(app, operator):
        begin_confirm(app, operator, browser, _asked(request, **{CONFIRMED: "yes"}))
        return going_to_provider(_("Export of everything"), CONFIRM_ENTRY)
    try:
        confirm_by_password(app, operator, fields.get("password", ""), browser)
    except (InvalidInput, TooManyAttempts) as error:
        status = 422 if isinstance(error, InvalidInput) else 429
        return _ask(request, operator, export, error.message, status=status)
    return _ready(request, export)


def _ready(request: Request, export: _Export) -> Response:
    title = _("Export of everything")
    return plain_page("export_ready.html", title=title, action=_asked(request), link=_back(export))


def _ask(
    request: Request, operator: CurrentOperator, export: _Export, error: str = "", *, status: int = 403
) -> Response:
    """The page that asks for the password, and comes back to this very address."""
    settings = application().settings
    secret = form_secret(request, settings)
    page = plain_page(
        "confirm.html",
        status=status,
        title=_("Export of everything"),
        sentence=explanation_of_audit() if export is AUDIT else explanation_of_export(),
        email=operator.email,
        error=error,
        label=_("Export"),
        provider=settings.sso.name if offers_confirming(application(), operator) else "",
        passwords=offers_password(application(), operator),
        action=_asked(request),
        csrf=form_token(secret),
        link=_back(export),
    )
    return keep_form_secret(page, settings, secret)


def _asked(request: Request, **more: str) -> str:
    """The address that was asked for: the path is one of ours, the query only ever a query."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != CONFIRMED]
    query = urlencode([*kept, *more.items()])
    return request.url.path + (f"?{query}" if query else "")


def _rows(
    app: Application, operator: CurrentOperator, export: _Export, kind: str, query: _Query
) -> Iterator[Any]:
    """What the query matches, and in the audit log who took it."""
    rows = export.iterate(app, operator, query)
    return recorded(app, operator, f"{export.name}.{kind}", filters_of(query), rows)


def _csv(app: Application, operator: CurrentOperator, export: _Export, query: _Query) -> Response:
    rows = _rows(app, operator, export, "csv", query)
    return StreamingResponse(
        csv_chunks(export.columns, rows, current_language()),
        media_type="text/csv; charset=utf-8",
        headers=_HEADERS | _attachment(export, "csv"),
    )


def _xlsx(app: Application, operator: CurrentOperator, export: _Export, query: _Query) -> Response:
    if not _workbook.acquire(blocking=False):
        return _later(
            _("Somebody else's Excel file is being made. Try again in a minute, or take CSV."), export
        )
    file = tempfile.TemporaryFile(prefix="clickker-")  # noqa: SIM115 - closed when it has been sent
    try:
        rows = _rows(app, operator, export, "xlsx", query)
        write_workbook(file, _(export.title), export.columns, rows)
    except BaseException:
        file.close()
        raise
    finally:
        _workbook.release()
    size = {"Content-Length": str(file.seek(0, os.SEEK_END))}
    return StreamingResponse(
        _pieces(file), media_type=XLSX, headers=_HEADERS | size | _attachment(export, "xlsx")
    )


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while piece := file.read(_PIECE):
            yield piece


def _attachment(export: _Export, kind: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{export.name}-{clock.today():%Y-%m-%d}.{kind}"'}


def _sign_in(export: _Export) -> Response:
    return message_page(
        _("Sign in again"),
        _("Your session has ended. Sign in, and export from the list again."),
        status=403,
        link=(f"/{export.name}", _("To the sign-in page")),
    )


def _later(sentence: str, export: _Export) -> Response:
    answer = message_page(_("Export"), sentence, status=429, link=_back(export))
    answer.headers["Retry-After"] = "60"
    return answer


def _back(export: _Export) -> tuple[str, str]:
    return f"/{export.name}", _("Back to the list")


ROUTES = [
    route
    for export in (REGISTRATIONS, ADMINISTRATIONS, AUDIT)
    for kind, answer in (("csv", _csv), ("xlsx", _xlsx))
    for route in (_route(export, kind, answer), _confirm_route(export, kind))
]
