"""How each end of a consent is called in HTTP, and where the browser goes from it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from core.application import Application
from core.errors import Conflict, InvalidInput, NotAllowed, NotFound
from core.registrations.outcomes import ConsentResult, Outcome
from dashboard import routes_consent
from dashboard.cookies import session_cookie
from dashboard.routes_consent import STATUSES, _form_targets, _status_of, _tell_customer, _tell_operator
from tests.support.office import Office, go_to_exact

OUTCOMES: dict[int, set[Outcome]] = {
    200: {Outcome.REFUSED, Outcome.UNIDENTIFIED},
    400: {Outcome.UNKNOWN_STATE, Outcome.MISSING_CODE, Outcome.DOUBLED_PARAMETER},
    403: {Outcome.OTHER_BROWSER, Outcome.OTHER_OPERATOR},
    409: {Outcome.REUSED_STATE, Outcome.LINK_USED},
    410: {Outcome.EXPIRED_STATE, Outcome.WITHDRAWN, Outcome.OTHER_COUNTRY},
    500: {Outcome.OUR_ERROR},
    502: {Outcome.PROVIDER_ERROR, Outcome.TOKEN_ERROR, Outcome.CLIENT_ERROR},
    503: {Outcome.MAINTENANCE},
    504: {Outcome.TIMEOUT},
}
"""A refusal is a result; what cannot be read is 400, what is somebody else's 403, what was done before 409,
what is over 410, and what went wrong here or at Exact 500 to 504."""
ENDS = [(status, outcome) for status, outcomes in OUTCOMES.items() for outcome in sorted(outcomes)]


@pytest.mark.parametrize(("status", "outcome"), [end for end in ENDS if not end[1].arrived])
def test_each_end_has_its_status_for_operator_and_customer(
    app: Application, status: int, outcome: Outcome
) -> None:
    assert _tell_operator(ConsentResult(outcome, 7)).status_code == status
    assert _tell_customer(ConsentResult(outcome, 7, customer=True)).status_code == status


def test_no_end_is_forgotten() -> None:
    arrived = {Outcome.GRANTED, Outcome.NEEDS_DECISION}
    assert {outcome for _status, outcome in ENDS} == set(Outcome) - arrived
    assert {outcome: STATUSES[outcome] for outcome in STATUSES} == {
        outcome: status for status, outcome in ENDS
    }


@pytest.mark.parametrize(
    ("result", "target"),
    [
        (ConsentResult(Outcome.GRANTED, 7), "/choose?id=7"),
        (ConsentResult(Outcome.GRANTED, 7, unchanged=True), "/registration?id=7"),
        (ConsentResult(Outcome.NEEDS_DECISION, 7), "/registration?id=7"),
        (ConsentResult(Outcome.UNIDENTIFIED, 7), "/registration?id=7"),
    ],
)
def test_what_arrived_leads_on(app: Application, result: ConsentResult, target: str) -> None:
    answer = _tell_operator(result)
    assert (answer.status_code, answer.headers["location"]) == (303, target)
    assert _tell_customer(result).headers["location"] == "/customer/thanks"


@pytest.mark.parametrize(("number", "link"), [(7, "/registration?id=7"), (None, "/registrations")])
def test_what_did_not_arrive_has_a_way_back(app: Application, number: int | None, link: str) -> None:
    body = bytes(_tell_operator(ConsentResult(Outcome.WITHDRAWN, number)).body).decode()
    assert f'href="{link}"' in body


@pytest.mark.parametrize(
    ("error", "status"),
    [(NotFound("x"), 404), (NotAllowed("x"), 403), (InvalidInput("x"), 409), (Conflict("x"), 409)],
)
def test_what_is_refused_has_a_status(
    error: NotFound | NotAllowed | InvalidInput | Conflict, status: int
) -> None:
    assert _status_of(error) == status


@pytest.mark.parametrize(
    ("base", "targets"),
    [
        ("https://start.exactonline.nl", ("https:",)),
        ("http://localhost:8502/nl", ("https:", "http://localhost:8502")),
    ],
)
def test_a_form_may_lead_to_exact(
    app: Application, monkeypatch: pytest.MonkeyPatch, base: str, targets: tuple[str, ...]
) -> None:
    monkeypatch.setattr(routes_consent, "base_url", lambda *_given: base)
    assert _form_targets(app, "nl") == targets


def test_whose_session_ended_on_the_way_is_still_an_operator(signed_in: TestClient, office: Office) -> None:
    state = go_to_exact(signed_in, office)
    del signed_in.cookies[session_cookie(office.app.settings)]
    answer = signed_in.get("/exact/callback", params={"code": office.code(), "state": state})
    assert answer.headers["location"] == f"/choose?id={office.number}"


def test_a_stranger_is_told_as_a_customer_is(visitors: Callable[[], TestClient]) -> None:
    answer = visitors().get("/exact/callback", params={"code": "x", "state": "unknown"})
    assert answer.status_code == 400
    assert "Open the link you were sent once more" in answer.text


def test_a_form_that_is_too_large_is_asked_for_again(visitors: Callable[[], TestClient]) -> None:
    answer = visitors().post("/customer/some-token", data={"csrf": "x" * 10_000})
    assert answer.status_code == 403
    assert "Please try again" in answer.text
