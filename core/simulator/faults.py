"""What can be made to go wrong, by name, and where."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

from core.simulator import answers
from core.simulator.answers import Answer, Delivery

INSTEAD: dict[str, str] = {
    "drop": "the connection breaks before the first byte; nothing was done",
    "unavailable": "503 with an HTML page",
    "bad_gateway": "502 with an HTML page",
    "gateway_timeout": "504 with an HTML page",
    "server_error": "500 with the gateway's fault body; nothing was done",
    "maintenance": "200 with an HTML page that says maintenance",
    "rate_limited": "429, empty, with only the minutely headers",
    "rate_limited_daily": "429, empty, with only the daily headers",
    "rate_limited_bare": "429, empty, without headers",
    "false_400": "400 invalid_request although all is well",
    "invalid_grant": "400 invalid or empty chainId although all is well",
    "old_token": "401 Old refresh token used although all is well",
    "too_early": "400 access_token not expired although all is well",
    "unauthorized": "401 with an empty body",
    "scope_violated": "403 Application Scope Violated",
    "wrong_division": "403 WrongDivision",
    "outside_scope": "403 User division is not within division scope",
    "redirect": "302 to another host",
    "says": "an error with `status` that says `body`, in the `wrapping` v2 (Exact's own), v3, v4, atom, page, text, "
    "oauth, code or header",
    "custom": "status, content_type and body as given; nothing was done",
}
AFTERWARDS: dict[str, str] = {
    "delay": "the right answer after `seconds` (35)",
    "slow_drip": "the right answer in pieces over `seconds` (35)",
    "cut": "the connection breaks in the middle of the right answer",
    "truncated_json": "half of the right answer, well delivered",
    "rotate_then_drop": "tokens are issued, then the connection breaks before the first byte",
    "rotate_then_cut": "tokens are issued, then the connection breaks in the middle of the body",
    "rotate_then_500": "tokens are issued, then 500 with the gateway's fault body",
    "rotate_then_maintenance": "tokens are issued, then 200 with an HTML page",
    "without_refresh_token": "tokens are issued; the answer lacks the refresh token",
    "odd_expires_in": "tokens are issued; expires_in is `body` (read as JSON)",
}
AT_AUTHORIZE: dict[str, str] = {
    "provider_error": "the authorize page sends the browser back with error=server_error",
    "no_code": "the browser comes back without a code",
    "no_state": "the browser comes back without the state",
    "wrong_state": "the browser comes back with another state",
    "doubled_code": "the browser comes back with the code twice",
}
NAMES: dict[str, str] = {**INSTEAD, **AFTERWARDS, **AT_AUTHORIZE}
ENDPOINTS = (
    "authorize",
    "token",
    "me",
    "divisions",
    "all_divisions",
    "recent_divisions",
    "hrm_divisions",
    "accounts",
)
_TOKEN_ONLY = {name for name in AFTERWARDS if name.startswith("rotate_")} | {
    "without_refresh_token",
    "odd_expires_in",
}
_ANY_STATUS = {"delay", "slow_drip", "cut"}


@dataclass(frozen=True)
class Place:
    """Where a request arrives; in a fault an empty field means everywhere."""

    endpoint: str = ""
    environment: str = ""
    user: str = ""
    division: int = 0


@dataclass(frozen=True)
class Fault:
    """Something to go wrong ``times`` times (None: until cleared) at a place."""

    name: str
    times: int | None = 1
    where: Place = Place()
    seconds: float = 35.0
    status: int = 200
    body: str = ""
    content_type: str = answers.JSON
    wrapping: str = "v2"

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise ValueError(f"no fault is called {self.name!r}; there are: {', '.join(NAMES)}")
        if self.wrapping not in answers.WRAPPINGS:
            raise ValueError(
                f"there is no wrapping {self.wrapping!r}; there are: {', '.join(answers.WRAPPINGS)}"
            )
        if self.where.endpoint and self.where.endpoint not in ENDPOINTS:
            raise ValueError(
                f"no endpoint is called {self.where.endpoint!r}; there are: {', '.join(ENDPOINTS)}"
            )

    def strikes(self, place: Place) -> bool:
        """Whether it happens here."""
        if self.name in _TOKEN_ONLY and place.endpoint != "token":
            return False
        if self.name in AT_AUTHORIZE and place.endpoint != "authorize":
            return False
        return all(not value or value == getattr(place, name) for name, value in asdict(self.where).items())


class FaultPlan:
    """The faults still to come, oldest first."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._faults.append(fault)

    def clear(self, name: str = "") -> None:
        """Forget all faults, or those of one name."""
        self._faults = [fault for fault in self._faults if name and fault.name != name]

    def pending(self) -> tuple[Fault, ...]:
        return tuple(self._faults)

    def take(self, names: dict[str, str], place: Place, status: int | None = None) -> Fault | None:
        """The first fault out of ``names`` for this place, used up once. Half of those that spoil an answer
        need a good one to spoil: they wait until ``status`` is 200."""
        for index, fault in enumerate(self._faults):
            wanted = fault.name in names and fault.strikes(place)
            if wanted and (status in (None, 200) or fault.name in _ANY_STATUS):
                self._use_up(index, fault)
                return fault
        return None

    def _use_up(self, index: int, fault: Fault) -> None:
        if fault.times is None:
            return
        if fault.times > 1:
            self._faults[index] = replace(fault, times=fault.times - 1)
        else:
            del self._faults[index]


def answer_instead(fault: Fault, minutely: dict[str, str], daily: dict[str, str]) -> Answer:
    """The answer of a fault that stands in for the real one."""
    page = answers.text_answer
    table: dict[str, Callable[[], Answer]] = {
        "drop": lambda: Answer(500, delivery=Delivery.DROPPED),
        "unavailable": lambda: page("<html><body><h1>503 Service Unavailable</h1></body></html>", 503),
        "bad_gateway": lambda: page("<html><body><h1>502 Bad Gateway</h1></body></html>", 502),
        "gateway_timeout": lambda: page("<html><body><h1>504 Gateway Time-out</h1></body></html>", 504),
        "server_error": lambda: page(answers.APIGEE, 500, answers.JSON),
        "maintenance": lambda: page(answers.MAINTENANCE, 200),
        "rate_limited": lambda: Answer(429, headers=minutely),
        "rate_limited_daily": lambda: Answer(429, headers=daily),
        "rate_limited_bare": lambda: Answer(429),
        "false_400": lambda: answers.oauth_error("invalid_request"),
        "invalid_grant": answers.chain_id_error,
        "old_token": answers.old_token_error,
        "too_early": answers.too_early_error,
        "unauthorized": lambda: Answer(401),
        "scope_violated": lambda: answers.api_error(403, SCOPE_VIOLATED),
        "wrong_division": lambda: answers.api_error(403, WRONG_DIVISION),
        "outside_scope": lambda: answers.api_error(403, OUTSIDE_SCOPE),
        "redirect": lambda: Answer(302, headers={"Location": "https://elsewhere.example/"}),
        "says": lambda: answers.said(fault.body, fault.status, fault.wrapping),
        "custom": lambda: page(fault.body, fault.status, fault.content_type),
    }
    return table[fault.name]()


SCOPE_VIOLATED = "Forbidden - Application Scope Violated. Cannot read 'organization.administration' scope."
WRONG_DIVISION = "Forbidden - WrongDivision"
OUTSIDE_SCOPE = "Forbidden - User division is not within division scope."


def spoil(fault: Fault, answer: Answer) -> Answer:
    """The right answer after a fault has been at it."""
    table: dict[str, Callable[[], Answer]] = {
        "delay": lambda: replace(answer, delay=fault.seconds),
        "slow_drip": lambda: replace(answer, delay=fault.seconds, delivery=Delivery.DRIPPED),
        "cut": lambda: replace(answer, delivery=Delivery.CUT),
        "truncated_json": lambda: replace(answer, body=answer.body[: len(answer.body) // 2]),
        "rotate_then_drop": lambda: replace(answer, delivery=Delivery.DROPPED),
        "rotate_then_cut": lambda: replace(answer, delivery=Delivery.CUT),
        "rotate_then_500": lambda: answers.text_answer(answers.APIGEE, 500, answers.JSON),
        "rotate_then_maintenance": lambda: answers.text_answer(answers.MAINTENANCE, 200),
        "without_refresh_token": lambda: _with(answer, "refresh_token", None),
        "odd_expires_in": lambda: _with(answer, "expires_in", json.loads(fault.body or '"soon"')),
    }
    return table[fault.name]()


def _with(answer: Answer, name: str, value: object) -> Answer:
    document = json.loads(answer.body)
    document.pop(name)
    if name != "refresh_token":
        document[name] = value
    return replace(answer, body=json.dumps(document).encode())
