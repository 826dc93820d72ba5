"""Exact reports an error and forgets our state: the browser that left for Exact is known by its cookie."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from core import clock
from core.registrations.consent import create_consent
from core.registrations.register import register
from core.registrations.status import Status
from core.registrations.timeline import timeline
from core.registrations.views import RegistrationForm
from core.storage.models import AuditEntry, Consent
from tests.support.office import Office, go_to_exact, press_the_button, state_in

DENIED = {"error": "access_denied"}


def told(office: Office, number: int | None = None) -> list[str]:
    entries = timeline(office.app, office.alice, number or office.number)
    return [entry.sentence for entry in entries if entry.kind == "consent_failed"]


def outcomes(office: Office) -> list[str]:
    with office.app.database.read() as session:
        return list(session.scalars(select(Consent.outcome).order_by(Consent.created_at)))


def second_registration(office: Office) -> int:
    form = RegistrationForm(name="Bakker B.V.", environment="nl")
    return register(office.app, office.alice, None, form)


@pytest.mark.parametrize("state", [{}, {"state": ""}])
@pytest.mark.parametrize(
    ("answer", "title"),
    [
        (DENIED, "Consent was refused"),
        (DENIED | {"error_description": "the user said no"}, "Consent was refused"),
        ({"error": "server_error"}, "Exact Online reported an error"),
        ({"error": "invalid_request"}, "Exact Online reported an error"),
    ],
)
def test_the_operators_own_browser_reads_what_happened_and_where(
    signed_in: TestClient, office: Office, answer: dict[str, str], state: dict[str, str], title: str
) -> None:
    go_to_exact(signed_in, office)
    page = signed_in.get("/exact/callback", params=answer | state)
    assert title in page.text
    assert "Test B.V." in page.text
    assert f'href="/registration?id={office.number}"' in page.text
    assert told(office) == [f"Consent did not succeed: {title}"]
    with office.app.database.read() as session:
        last = session.scalars(select(AuditEntry).order_by(AuditEntry.sequence.desc())).first()
    assert last is not None
    assert (last.event, f"registration {office.number} Test B.V.") == ("consent.failed", last.subject)


def test_it_is_the_same_as_with_a_state(signed_in: TestClient, office: Office) -> None:
    def looks() -> tuple[object, ...]:
        page = signed_in.get("/exact/callback", params=answer)
        return page.status_code, page.text, office.registration.status, told(office)[0]

    answer = DENIED | {"state": go_to_exact(signed_in, office)}
    with_state = looks()
    go_to_exact(signed_in, office)
    answer = dict(DENIED)
    assert looks() == with_state
    assert outcomes(office) == ["refused", "refused"]


def test_loading_the_page_again_tells_the_same_and_records_nothing(
    signed_in: TestClient, office: Office
) -> None:
    go_to_exact(signed_in, office)
    pages = [signed_in.get("/exact/callback", params=DENIED) for _load in range(3)]
    assert {page.text for page in pages} == {pages[0].text}
    assert len(told(office)) == 1


@pytest.mark.parametrize("cookie", ["", "somebody-elses"])
def test_nobody_else_learns_or_changes_anything(
    signed_in: TestClient, visitors: Callable[[], TestClient], office: Office, cookie: str
) -> None:
    state = go_to_exact(signed_in, office)
    stranger = visitors()
    if cookie:
        stranger.cookies.set("clickker_browser", cookie)
    page = stranger.get("/exact/callback", params=DENIED)
    assert page.status_code == 400
    assert "Test B.V." not in page.text
    assert "/registration" not in page.text
    assert told(office) == []
    came = signed_in.get("/exact/callback", params={"code": office.code(), "state": state})
    assert came.headers["location"] == f"/choose?id={office.number}"


def test_the_consent_that_comes_after_all_is_used(signed_in: TestClient, office: Office) -> None:
    """Anybody can send a browser to the address of a refusal; and who denied may think again."""
    state = go_to_exact(signed_in, office)
    signed_in.get("/exact/callback", params=DENIED)
    came = {"code": office.code(), "state": state}
    assert signed_in.get("/exact/callback", params=came).headers["location"] == f"/choose?id={office.number}"
    assert office.registration.status is Status.CHOOSE_ADMINISTRATIONS
    assert signed_in.get("/exact/callback", params=came).status_code == 409


def test_after_a_refusal_with_its_state_the_state_is_used(signed_in: TestClient, office: Office) -> None:
    state = go_to_exact(signed_in, office)
    signed_in.get("/exact/callback", params=DENIED | {"state": state})
    came = signed_in.get("/exact/callback", params={"code": office.code(), "state": state})
    assert came.status_code == 409
    assert office.grants() == 0


def test_of_two_registrations_nobody_guesses_which(signed_in: TestClient, office: Office) -> None:
    other = second_registration(office)
    states = [go_to_exact(signed_in, office)]
    consent = create_consent(office.app, office.alice, other)
    states.append(state_in(signed_in.get("/exact/connect", params={"consent": consent}).headers["location"]))
    page = signed_in.get("/exact/callback", params=DENIED)
    assert "Test B.V." in page.text
    assert "Bakker B.V." in page.text
    assert "did not say" in page.text
    assert told(office) == told(office, other) == []
    for state in states:
        came = signed_in.get("/exact/callback", params={"code": office.code(), "state": state})
        assert came.status_code == 303


def test_what_has_expired_or_ended_is_not_meant(signed_in: TestClient, office: Office) -> None:
    go_to_exact(signed_in, office)
    with clock.shifted(timedelta(minutes=11)):
        page = signed_in.get("/exact/callback", params=DENIED)
    assert page.status_code in {400, 403}
    assert told(office) == []


def test_the_customers_browser_reads_it_and_may_use_the_link_again(
    visitors: Callable[[], TestClient], link: str, office: Office
) -> None:
    customer = visitors()
    press_the_button(customer, link)
    page = customer.get("/exact/callback", params=DENIED)
    assert page.status_code == 200
    assert "Consent was refused" in page.text
    assert "Test B.V." in page.text
    assert "/registration" not in page.text
    assert told(office) == ["Consent did not succeed: Consent was refused"]
    state = press_the_button(customer, link)
    came = customer.get("/exact/callback", params={"code": office.code(), "state": state})
    assert came.headers["location"] == "/customer/thanks"


def test_a_code_without_a_state_is_never_handed_in(signed_in: TestClient, office: Office) -> None:
    go_to_exact(signed_in, office)
    for query in ({"code": office.code()}, {"code": office.code(), "error": "access_denied"}, {}):
        assert signed_in.get("/exact/callback", params=query).status_code in {200, 400}
    assert office.grants() == 0
