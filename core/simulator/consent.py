"""What happens in the customer's browser: authorize, log in, choose administrations, accept, allow or deny."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from urllib.parse import quote, urlencode

from core.simulator.answers import Answer
from core.simulator.config import SimulatorApp
from core.simulator.context import Context, consent_of, find_user, reachable
from core.simulator.data import Division, User
from core.simulator.faults import AT_AUTHORIZE, INSTEAD, Fault, Place, answer_instead
from core.simulator.issue import give_consent, new_code
from core.simulator.state import Attempt, key

ATTEMPT_LIFE = timedelta(minutes=30)


class Problem(StrEnum):
    """Why a form comes back."""

    WRONG_LOGIN = "wrong_login"
    NO_ADMINISTRATION = "no_administration"
    NOT_ACCEPTED = "not_accepted"


@dataclass(frozen=True)
class AuthorizationRequest:
    """The query of the authorize page."""

    environment: str
    client_id: str
    redirect_uri: str
    response_type: str = "code"
    state: str | None = None
    force_login: bool = False
    code_challenge: str = ""


@dataclass(frozen=True)
class ErrorPage:
    """A page of Exact's instead of a redirect; the text is Exact's own."""

    text: str


@dataclass(frozen=True)
class Redirect:
    """Back to the app."""

    url: str


@dataclass(frozen=True)
class Continue:
    """Go on with the forms."""

    attempt_id: str


@dataclass(frozen=True)
class Choice:
    """One administration in the consent form."""

    division: Division
    chosen: bool


@dataclass(frozen=True)
class AttemptView:
    """What the forms show; ``user`` is None until somebody has logged in."""

    id: str
    environment: str
    csrf: str
    app: SimulatorApp
    user: User | None
    choices: tuple[Choice, ...] = ()
    everything: bool = True

    def chosen(self, decision: Decision) -> AttemptView:
        """The same with the boxes as they were sent."""
        choices = tuple(replace(c, chosen=c.division.code in decision.divisions) for c in self.choices)
        return replace(self, choices=choices, everything=decision.everything)

    def all_chosen(self) -> AttemptView:
        """The same with every box ticked."""
        return replace(self, choices=tuple(replace(c, chosen=True) for c in self.choices), everything=False)


@dataclass(frozen=True)
class Decision:
    """The consent form as sent."""

    allow: bool
    everything: bool = False
    divisions: frozenset[int] = frozenset()
    terms: bool = False
    use_of_data: bool = False


def start(
    context: Context, request: AuthorizationRequest, browser: str
) -> ErrorPage | Redirect | Continue | Answer:
    """Begin an attempt, or refuse with a page: an address that is not the registered one gets no redirect."""
    app = context.config.app(request.environment, request.client_id)
    if app is None:
        return ErrorPage(f"Client with identifier '{request.client_id}' not found.")
    if request.redirect_uri != app.redirect_uri:
        return ErrorPage(f"Callback URI '{request.redirect_uri}' is not valid")
    if request.response_type != "code":
        return ErrorPage("Invalid authorization request")
    place = Place("authorize", request.environment)
    if fault := context.faults.take(INSTEAD, place):
        return answer_instead(fault, {}, {})
    if fault := context.faults.take({"provider_error": ""}, place):
        return _refusal(context, app, place, request.state, "server_error")
    return _open(context, request, app, browser)


def _open(
    context: Context, request: AuthorizationRequest, app: SimulatorApp, browser: str
) -> Redirect | Continue:
    user = context.state.logins.get(key(browser, app.environment), "")
    attempt = Attempt(
        id=secrets.token_urlsafe(18),
        browser=browser,
        csrf=secrets.token_urlsafe(18),
        environment=app.environment,
        client_id=app.client_id,
        created_at=context.clock.now(),
        state=request.state,
        challenge=request.code_challenge,
        user="" if request.force_login else user,
    )
    consented = consent_of(context, app.environment, app.client_id, attempt.user) is not None
    if context.config.pass_through and attempt.user and consented:
        return _success(context, app, attempt)
    _forget_old_attempts(context)
    context.state.attempts[attempt.id] = attempt
    context.touch()
    return Continue(attempt.id)


def _forget_old_attempts(context: Context) -> None:
    oldest = context.clock.now() - ATTEMPT_LIFE
    context.state.attempts = {i: a for i, a in context.state.attempts.items() if a.created_at > oldest}


def find_attempt(context: Context, attempt_id: str, browser: str, csrf: str | None = None) -> Attempt | None:
    """The open attempt of this browser, and when ``csrf`` is given only with the form's own token."""
    attempt = context.state.attempts.get(attempt_id)
    if attempt is None or context.clock.now() > attempt.created_at + ATTEMPT_LIFE:
        return None
    if not browser or not hmac.compare_digest(attempt.browser.encode(), browser.encode()):
        return None
    if csrf is not None and not hmac.compare_digest(attempt.csrf.encode(), csrf.encode()):
        return None
    return attempt


def view(context: Context, attempt: Attempt) -> AttemptView:
    """What the forms show; an earlier consent is filled in."""
    app = _app(context, attempt)
    user = find_user(context, attempt.environment, attempt.user) if attempt.user else None
    if user is None:
        return AttemptView(attempt.id, attempt.environment, attempt.csrf, app, None)
    before = consent_of(context, attempt.environment, attempt.client_id, user.name)
    chosen = before.divisions if before else None
    choices = tuple(Choice(d, chosen is not None and d.code in chosen) for d in reachable(context, user))
    return AttemptView(
        attempt.id, attempt.environment, attempt.csrf, app, user, choices, everything=chosen is None
    )


def _app(context: Context, attempt: Attempt) -> SimulatorApp:
    app = context.config.app(attempt.environment, attempt.client_id)
    if app is None:
        raise LookupError("the app of this attempt is no longer configured")
    return app


def log_in(context: Context, attempt: Attempt, user_name: str, password: str) -> Problem | None:
    """Log the user in to this attempt and to this browser."""
    user = find_user(context, attempt.environment, user_name)
    if user is None or not hmac.compare_digest(user.password.encode(), password.encode()):
        return Problem.WRONG_LOGIN
    attempt.user = user.name
    context.state.logins[key(attempt.browser, attempt.environment)] = user.name
    context.touch()
    return None


def decide(context: Context, attempt: Attempt, decision: Decision) -> Redirect | tuple[Problem, ...]:
    """Allow or deny; the problems when the form is not complete."""
    app = _app(context, attempt)
    if not decision.allow:
        _close(context, attempt)
        place = Place("authorize", app.environment, attempt.user)
        return _refusal(context, app, place, attempt.state, "access_denied")
    user = find_user(context, attempt.environment, attempt.user)
    own = {d.code for d in reachable(context, user)} if user else set()
    divisions = None if decision.everything else sorted(decision.divisions & own)
    problems = []
    if divisions is not None and not divisions:
        problems.append(Problem.NO_ADMINISTRATION)
    if not (decision.terms and decision.use_of_data):
        problems.append(Problem.NOT_ACCEPTED)
    if problems:
        return tuple(problems)
    give_consent(context, app.environment, app.client_id, attempt.user, divisions)
    _close(context, attempt)
    return _success(context, app, attempt)


def _close(context: Context, attempt: Attempt) -> None:
    context.state.attempts.pop(attempt.id, None)
    context.touch()


def _success(context: Context, app: SimulatorApp, attempt: Attempt) -> Redirect:
    code = new_code(context, app.environment, app.client_id, attempt.user, attempt.challenge)
    query = [("code", code)] + ([("state", attempt.state)] if attempt.state is not None else [])
    place = Place("authorize", app.environment, attempt.user)
    fault = context.faults.take({name: "" for name in AT_AUTHORIZE if name != "provider_error"}, place)
    return Redirect(back_to(app, _bent(fault, query) if fault else query))


def _bent(fault: Fault, query: list[tuple[str, str]]) -> list[tuple[str, str]]:
    if fault.name == "no_code":
        return [(name, value) for name, value in query if name != "code"]
    if fault.name == "doubled_code":
        return [query[0], *query]
    kept = [(name, value) for name, value in query if name != "state"]
    return [*kept, ("state", "not-the-state-that-was-sent")] if fault.name == "wrong_state" else kept


_REFUSALS = {
    "server_error": "The server encountered an unexpected condition.",
    "access_denied": "The user denied access to the application.",
}


def _refusal(context: Context, app: SimulatorApp, place: Place, state: str | None, error: str) -> Redirect:
    query = [("error", error), ("error_description", _REFUSALS[error])]
    if state is not None and context.faults.take({"no_state": ""}, place):
        state = None
    return Redirect(back_to(app, query + ([("state", state)] if state is not None else [])))


def back_to(app: SimulatorApp, query: list[tuple[str, str]]) -> str:
    """The redirect URI with a query added; the `!` of a code arrives as %21."""
    joint = "&" if "?" in app.redirect_uri else "?"
    return f"{app.redirect_uri}{joint}{urlencode(query, quote_via=quote)}"
