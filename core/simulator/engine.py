"""An Exact Online to practise on: pure, without input or output, with its own clock, safe to use from many threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from core.simulator import api, consent, faults, limits, token_endpoint
from core.simulator.answers import Answer
from core.simulator.api import ApiRequest
from core.simulator.clock import SimulatorClock
from core.simulator.config import SimulatorConfig
from core.simulator.consent import (
    AttemptView,
    AuthorizationRequest,
    Continue,
    Decision,
    ErrorPage,
    Problem,
    Redirect,
)
from core.simulator.context import Call
from core.simulator.faults import AFTERWARDS, INSTEAD, Fault, Place
from core.simulator.levers import Levers
from core.simulator.state import State, key
from core.simulator.token_endpoint import TokenRequest

_STATE = TypeAdapter(State)
_VERSION = 1


class Engine(Levers):
    """Exact Online's part in a conversation. Times are aware UTC, of the engine's own clock."""

    def authorize(
        self, request: AuthorizationRequest, browser: str
    ) -> ErrorPage | Redirect | Continue | Answer:
        """GET /api/oauth2/auth, by the browser that carries the cookie ``browser``."""
        with self._lock:
            outcome = consent.start(self._context, request, browser)
            status = 400 if isinstance(outcome, ErrorPage) else 302
            self._note(Place("authorize", request.environment), request.client_id, status)
            return outcome

    def attempt(self, attempt_id: str, browser: str) -> AttemptView | None:
        """The open attempt of this browser."""
        with self._lock:
            attempt = consent.find_attempt(self._context, attempt_id, browser)
            return consent.view(self._context, attempt) if attempt else None

    def log_in(self, attempt_id: str, browser: str, csrf: str, user: str, password: str) -> Problem | None:
        """Log in. Raises ``LookupError`` when the attempt is not this browser's, or over."""
        with self._lock:
            attempt = consent.find_attempt(self._context, attempt_id, browser, csrf)
            if attempt is None:
                raise LookupError("no such attempt")
            return consent.log_in(self._context, attempt, user, password)

    def decide(
        self, attempt_id: str, browser: str, csrf: str, decision: Decision
    ) -> Redirect | tuple[Problem, ...]:
        """Allow or deny. Raises ``LookupError`` when the attempt is not this browser's, over, or not logged in."""
        with self._lock:
            attempt = consent.find_attempt(self._context, attempt_id, browser, csrf)
            if attempt is None or (decision.allow and not attempt.user):
                raise LookupError("no such attempt")
            return consent.decide(self._context, attempt, decision)

    def token(self, request: TokenRequest) -> Answer:
        """POST /api/oauth2/token."""
        with self._lock:
            place = token_endpoint.place_of(self._context, request)
            client_id = token_endpoint.client_id_of(request)
            return self._serve(
                place,
                client_id,
                lambda: token_endpoint.answer_token(self._context, request),
                limited=self.config.token_errors_count,
            )

    def api(self, request: ApiRequest) -> Answer:
        """GET /api/v1/..."""
        with self._lock:
            caller = api.caller_of(self._context, request)
            client_id = caller.chain.client_id if caller else ""
            place = api.place_of(self._context, request)
            return self._serve(place, client_id, lambda: api.answer_api(self._context, request), limited=True)

    def _serve(
        self, place: Place, client_id: str, answer_it: Callable[[], Answer], *, limited: bool
    ) -> Answer:
        context, now = self._context, self.clock.now()
        if key(place.environment, place.user) in context.state.down:
            self._note(place, client_id, 503, "outage")
            return faults.answer_instead(Fault("unavailable"), *self._empty_budgets(now))
        if fault := context.faults.take(INSTEAD, place):
            answer = faults.answer_instead(fault, *self._empty_budgets(now))
            self._note(place, client_id, answer.status, fault.name)
            return answer
        scope = (client_id, place.user, place.division, place.endpoint)
        if limited and context.errors.blocked(scope, now):
            answer = Answer(self.config.error_block_status)
        else:
            answer = answer_it()
            if limited and answer.status in limits.COUNTED_ERRORS:
                context.errors.count(self.config, scope, now)
        fault = context.faults.take(AFTERWARDS, place, answer.status)
        self._note(place, client_id, answer.status, fault.name if fault else "")
        return faults.spoil(fault, answer) if fault else answer

    def _empty_budgets(self, now: datetime) -> tuple[dict[str, str], dict[str, str]]:
        config = self.config
        return (
            limits.rate_headers("Minutely-", config.calls_per_minute, 0, limits.next_minute(now)),
            limits.rate_headers("", config.calls_per_day, 0, limits.next_day(now)),
        )

    def _note(self, place: Place, client_id: str, status: int, fault: str = "") -> None:
        self._context.calls.append(
            Call(
                self.clock.now(),
                place.endpoint,
                place.environment,
                client_id,
                place.user,
                place.division,
                status,
                fault,
            )
        )

    @property
    def changes(self) -> int:
        """A number that grows with every change worth saving."""
        return self._context.changes

    def snapshot(self) -> dict[str, Any]:
        """Everything to remember, ready for JSON. It holds live tokens of the simulator."""
        with self._lock:
            state = _STATE.dump_python(self._context.state, mode="json")
            return {"version": _VERSION, "clock": self.clock.offset.total_seconds(), "state": state}

    @classmethod
    def restore(
        cls, config: SimulatorConfig, snapshot: Mapping[str, Any], *, clock: SimulatorClock | None = None
    ) -> Engine:
        """An engine that goes on where the snapshot was taken. Raises ``ValueError`` when it is not one."""
        if snapshot.get("version") != _VERSION:
            raise ValueError("not a snapshot of this simulator")
        engine = cls(config, clock=clock, state=_STATE.validate_python(snapshot["state"]))
        engine.clock.offset = timedelta(seconds=float(snapshot["clock"]))
        return engine
