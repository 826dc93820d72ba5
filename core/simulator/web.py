"""The simulator over HTTP: a thin skin of Starlette around the engine."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from core.simulator import pages
from core.simulator.answers import Answer
from core.simulator.api import ApiRequest
from core.simulator.config import DEFAULT_ENVIRONMENT, ENVIRONMENTS
from core.simulator.consent import AttemptView, AuthorizationRequest, Decision, ErrorPage, Problem, Redirect
from core.simulator.control import Wrong, control, from_this_machine, read_document
from core.simulator.delivery import BODY, App, WholeRequest, deliver
from core.simulator.engine import Engine
from core.simulator.token_endpoint import TokenRequest

COOKIE = "exact_simulator_browser"


def create_app(engine: Engine, save: Callable[[], None] = lambda: None) -> App:
    """The simulator as an ASGI app. ``save`` is called after each request, before its answer leaves."""
    if not engine.config.enabled:
        return Starlette(routes=[])
    return WholeRequest(Starlette(routes=_Site(engine, save).routes()))


class _EngineAnswer(Response):
    """An answer of the engine, delivered as it asks."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await deliver(self._answer, scope, send)


class _Site:
    """The routes, around one engine."""

    def __init__(self, engine: Engine, save: Callable[[], None]) -> None:
        self._engine = engine
        self._save = save

    def routes(self) -> list[Route]:
        found = [Route(f"/simulator/{name}", _static(name, kind)) for name, kind in _STATIC.items()]
        for prefix in ("", "/{environment}"):
            found += [
                Route(f"{prefix}/api/oauth2/auth", self.authorize),
                Route(f"{prefix}/api/oauth2/token", self.token, methods=["POST"]),
                Route(f"{prefix}/api/v1/{{path:path}}", self.api, methods=["GET", "POST", "PUT", "DELETE"]),
            ]
        found += [
            Route("/{environment}/consent/{attempt}", self.form),
            Route("/{environment}/consent/{attempt}/login", self.log_in, methods=["POST"]),
            Route("/{environment}/consent/{attempt}/decide", self.decide, methods=["POST"]),
        ]
        if self._engine.config.control:
            found.append(Route("/control", self.control, methods=["GET"]))
            found.append(Route("/control/{path}", self.control, methods=["GET", "POST", "DELETE"]))
        return found

    # --- The app's calls -------------------------------------------------------------------------------------

    def token(self, request: Request) -> Response:
        environment = _environment(request)
        if environment is None:
            return Response(status_code=404)
        asked = TokenRequest(
            environment,
            request.scope[BODY],
            request.headers.get("content-type", ""),
            request.headers.get("authorization", ""),
        )
        return self._answer(self._engine.token(asked))

    def api(self, request: Request) -> Response:
        environment = _environment(request)
        if environment is None:
            return Response(status_code=404)
        prefix = f"/{environment}" if "environment" in request.path_params else ""
        asked = ApiRequest(
            environment,
            f"{self._engine.config.base_url.rstrip('/')}{prefix}",
            request.path_params["path"],
            request.url.query,
            request.headers.get("authorization", ""),
            request.headers.get("accept", ""),
            request.method,
        )
        return self._answer(self._engine.api(asked))

    def _answer(self, answer: Answer) -> Response:
        self._save()
        return _EngineAnswer(answer)

    # --- The customer's browser ------------------------------------------------------------------------------

    def authorize(self, request: Request) -> Response:
        environment = _environment(request)
        if environment is None:
            return Response(status_code=404)
        query = request.query_params
        browser = request.cookies.get(COOKIE) or secrets.token_urlsafe(24)
        asked = AuthorizationRequest(
            environment,
            query.get("client_id", ""),
            query.get("redirect_uri", ""),
            query.get("response_type", ""),
            query.get("state"),
            query.get("force_login", "0") == "1",
            query.get("code_challenge", ""),
        )
        outcome = self._engine.authorize(asked, browser)
        self._save()
        if isinstance(outcome, Answer):
            return _EngineAnswer(outcome)
        if isinstance(outcome, ErrorPage):
            return _page(pages.message_page(outcome.text, _language(request)), 400)
        goal = (
            outcome.url if isinstance(outcome, Redirect) else f"/{environment}/consent/{outcome.attempt_id}"
        )
        answer = RedirectResponse(goal, 302)
        secure = self._engine.config.base_url.startswith("https://")
        answer.set_cookie(COOKIE, browser, httponly=True, samesite="lax", secure=secure)
        return answer

    def form(self, request: Request) -> Response:
        view = self._engine.attempt(request.path_params["attempt"], request.cookies.get(COOKIE, ""))
        if view is None:
            return _page(pages.ended_page(_language(request)), 410)
        return self._login_form(request, view) if view.user is None else self._consent_form(request, view)

    def _login_form(
        self, request: Request, view: AttemptView, problem: Problem | None = None, user_name: str = ""
    ) -> Response:
        users = self._engine.users(view.environment)
        action = f"/{view.environment}/consent/{view.id}/login"
        page = pages.login_page(view, action, users, _language(request), problem=problem, user_name=user_name)
        return _page(page, 422 if problem else 200, view)

    def _consent_form(
        self,
        request: Request,
        view: AttemptView,
        problems: tuple[Problem, ...] = (),
        decision: Decision | None = None,
    ) -> Response:
        page = pages.consent_page(
            view,
            f"/{view.environment}/consent/{view.id}/decide",
            _language(request),
            problems=problems,
            terms=decision is not None and decision.terms,
            use_of_data=decision is not None and decision.use_of_data,
        )
        return _page(page, 422 if problems else 200, view)

    def log_in(self, request: Request) -> Response:
        form = _form(request)
        attempt, browser = request.path_params["attempt"], request.cookies.get(COOKIE, "")
        user_name = _one(form, "user_name")
        try:
            problem = self._engine.log_in(
                attempt, browser, _one(form, "csrf"), user_name, _one(form, "password")
            )
        except LookupError:
            return _page(pages.ended_page(_language(request)), 410)
        self._save()
        view = self._engine.attempt(attempt, browser)
        if problem and view:
            return self._login_form(request, view, problem, user_name)
        return RedirectResponse(f"/{request.path_params['environment']}/consent/{attempt}", 303)

    def decide(self, request: Request) -> Response:
        form = _form(request)
        attempt, browser = request.path_params["attempt"], request.cookies.get(COOKIE, "")
        decision = _decision(form)
        if _one(form, "action") == "select_all":
            return self._select_all(request, decision)
        try:
            outcome = self._engine.decide(attempt, browser, _one(form, "csrf"), decision)
        except LookupError:
            return _page(pages.ended_page(_language(request)), 410)
        self._save()
        if isinstance(outcome, Redirect):
            return RedirectResponse(outcome.url, 303)
        view = self._engine.attempt(attempt, browser)
        if view is None:
            return _page(pages.ended_page(_language(request)), 410)
        return self._consent_form(request, view.chosen(decision), outcome, decision)

    def _select_all(self, request: Request, decision: Decision) -> Response:
        """Without JavaScript the button comes here, and the form goes back with every box ticked."""
        view = self._engine.attempt(request.path_params["attempt"], request.cookies.get(COOKIE, ""))
        if view is None or view.user is None:
            return _page(pages.ended_page(_language(request)), 410)
        return self._consent_form(request, view.all_chosen(), decision=decision)

    # --- Control ---------------------------------------------------------------------------------------------

    def control(self, request: Request) -> Response:
        headers = request.headers
        names = (request.url.hostname or "", urlsplit(self._engine.config.base_url).hostname or "")
        if not from_this_machine(request.client.host if request.client else "", *names, headers):
            return Response(status_code=404)
        try:
            document = read_document(
                request.method, request.query_params, headers.get("content-type", ""), request.scope[BODY]
            )
            result = control(self._engine, request.method, request.path_params.get("path", ""), document)
        except Wrong as wrong:
            return JSONResponse({"error": str(wrong)}, wrong.status)
        self._save()
        return JSONResponse(result)


def _environment(request: Request) -> str | None:
    environment = str(request.path_params.get("environment", DEFAULT_ENVIRONMENT))
    return environment if environment in ENVIRONMENTS else None


def _form(request: Request) -> dict[str, list[str]]:
    return parse_qs(request.scope[BODY].decode("utf-8", "replace"), keep_blank_values=True)


def _one(form: dict[str, list[str]], name: str) -> str:
    return form.get(name, [""])[0]


def _decision(form: dict[str, list[str]]) -> Decision:
    codes = [code for code in form.get("division", []) if code.isdecimal()]
    return Decision(
        allow=_one(form, "action") == "allow",
        everything=_one(form, "which") == "all",
        divisions=frozenset(int(code) for code in codes),
        terms=_one(form, "terms") == "yes",
        use_of_data=_one(form, "use_of_data") == "yes",
    )


def _language(request: Request) -> str:
    return request.headers.get("accept-language", "")


def _page(html: str, status: int = 200, view: AttemptView | None = None) -> Response:
    back = urlsplit(view.app.redirect_uri) if view else None
    # Chromium holds form-action against the redirect that follows the form, so the app's origin is in it.
    goal = f" {back.scheme}://{back.netloc}" if back else ""
    policy = (
        f"default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; form-action 'self'{goal}"
    )
    headers = {
        "Content-Security-Policy": f"{policy}; frame-ancestors 'none'; base-uri 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
    return HTMLResponse(html, status, headers)


_STATIC = {"style.css": "text/css", "search.js": "text/javascript"}


def _static(name: str, kind: str) -> Callable[[Request], Response]:
    def serve(_request: Request) -> Response:
        return Response(
            pages.static_file(name), headers={"X-Content-Type-Options": "nosniff"}, media_type=kind
        )

    return serve
