"""To Exact Online and back: every end of the way is a page that explains itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from core import clock
from core.application import Application
from core.registrations.customer_links import revoke_customer_link
from core.registrations.status import Status
from core.storage.models import Consent, Registration
from tests.factories import make_operator
from tests.support.office import ACCOUNTANT, USER, Office, go_to_exact, press_the_button, sign_in


def test_connect_leads_to_the_environments_own_host(signed_in: TestClient, office: Office) -> None:
    answer = signed_in.get("/exact/connect", params={"consent": office.create_consent()})

    assert answer.status_code == 303
    assert answer.headers["location"].startswith(office.simulator.base_url("nl"))
    assert "force_login=1" in answer.headers["location"]
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"


def test_connect_asks_a_signed_out_visitor_to_sign_in(
    visitors: Callable[[], TestClient], office: Office
) -> None:
    answer = visitors().get("/exact/connect", params={"consent": office.create_consent()})

    assert answer.status_code == 403
    assert "Sign in again" in answer.text


def test_connect_is_not_for_another_operators_attempt(
    visitors: Callable[[], TestClient], office: Office
) -> None:
    bob = visitors()
    sign_in(bob, office.app, make_operator(office.app.database, "Bob"))

    answer = bob.get("/exact/connect", params={"consent": office.create_consent()})

    assert answer.status_code == 404
    assert "This attempt has ended" in answer.text


def test_consent_ends_at_the_choice_of_administrations(signed_in: TestClient, office: Office) -> None:
    state = go_to_exact(signed_in, office)

    answer = signed_in.get("/exact/callback", params={"code": office.code(), "state": state})

    assert answer.status_code == 303
    assert answer.headers["location"] == f"/choose?id={office.number}"
    assert office.registration.status is Status.CHOOSE_ADMINISTRATIONS


def test_another_exact_user_leads_to_the_decision(signed_in: TestClient, office: Office) -> None:
    for user in (USER, ACCOUNTANT):
        state = go_to_exact(signed_in, office)
        answer = signed_in.get("/exact/callback", params={"code": office.code(user), "state": state})

    assert answer.headers["location"] == f"/registration?id={office.number}"
    assert office.registration.candidate is not None


ENDS = [
    ({"error": "access_denied"}, 200, "Consent was refused"),
    ({"error": "server_error"}, 502, "Exact Online reported an error"),
    ({}, 400, "answer is incomplete"),
    ({"code": ""}, 400, "answer is incomplete"),
    ({"code": "x" * 20_000}, 400, "answer is incomplete"),
    ({"code": "stampNL001.never-issued"}, 502, "did not accept the code"),
]


@pytest.mark.parametrize(("answered", "status", "title"), ENDS, ids=[end[2] + str(end[1]) for end in ENDS])
def test_each_bad_answer_is_explained_with_a_way_back(
    signed_in: TestClient,
    office: Office,
    answered: dict[str, str],
    status: int,
    title: str,
) -> None:
    state = go_to_exact(signed_in, office)

    answer = signed_in.get("/exact/callback", params={**answered, "state": state})

    assert answer.status_code == status
    assert title in answer.text.replace("&#39;", "'")
    assert "Who acts" in answer.text
    assert "Next step" in answer.text
    assert f'href="/registration?id={office.number}"' in answer.text
    assert office.grants() == 0
    refused = answered.get("error") == "access_denied"  # which has a status of its own
    assert office.registration.status is (Status.CONSENT_DENIED if refused else Status.WAITING_FOR_CONSENT)


FAULTS = [
    ("maintenance", 503, "under maintenance"),
    ("unavailable", 503, "under maintenance"),
    ("drop", 504, "did not answer in time"),
]


@pytest.mark.parametrize(("fault", "status", "title"), FAULTS)
def test_trouble_at_exact_is_told_as_such(
    signed_in: TestClient,
    office: Office,
    fault: str,
    status: int,
    title: str,
) -> None:
    state = go_to_exact(signed_in, office)
    office.simulator.engine.add_fault(fault, endpoint="token")

    answer = signed_in.get("/exact/callback", params={"code": office.code(), "state": state})

    assert answer.status_code == status
    assert title in answer.text


def test_an_unknown_state_is_explained_to_whoever_comes(visitors: Callable[[], TestClient]) -> None:
    answer = visitors().get("/exact/callback", params={"code": "c", "state": "never-ours"})

    assert answer.status_code == 400
    assert "We do not know this attempt" in answer.text
    assert "/registration" not in answer.text


# --- The customer ----------------------------------------------------------------------------------------


def test_the_link_says_who_asks_and_uses_nothing_up(
    visitors: Callable[[], TestClient], link: str, app: Application
) -> None:
    for _look in range(3):
        answer = visitors().get(link)

    assert answer.status_code == 200
    assert "Alice of Clickker asks your permission" in answer.text
    assert "Test B.V." in answer.text
    assert "Netherlands" in answer.text
    with app.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Consent)) == 0


def test_the_customer_needs_no_account_and_is_thanked(
    visitors: Callable[[], TestClient],
    link: str,
    office: Office,
) -> None:
    customer = visitors()
    state = press_the_button(customer, link)

    answer = customer.get("/exact/callback", params={"code": office.code(), "state": state})

    assert answer.headers["location"] == "/customer/thanks"
    assert "Thank you" in customer.get("/customer/thanks").text
    view = office.registration
    assert view.status is Status.CHOOSE_ADMINISTRATIONS
    assert view.link is None


def test_the_link_works_once(visitors: Callable[[], TestClient], link: str, office: Office) -> None:
    customer = visitors()
    state = press_the_button(customer, link)
    customer.get("/exact/callback", params={"code": office.code(), "state": state})

    answer = customer.get(link)

    assert answer.status_code == 404
    assert "the consent has arrived" in answer.text


def test_a_second_browser_with_the_same_link_is_told_why_it_does_not_count(
    visitors: Callable[[], TestClient], link: str, office: Office
) -> None:
    first, second = visitors(), visitors()
    states = [press_the_button(customer, link) for customer in (first, second)]
    first.get("/exact/callback", params={"code": office.code(), "state": states[0]})

    answer = second.get("/exact/callback", params={"code": office.code(ACCOUNTANT), "state": states[1]})

    assert answer.status_code == 409
    assert "This link was used already" in answer.text
    assert "open the link there once more" in answer.text
    assert "/registration" not in answer.text
    assert office.grants() == 1


def test_a_refusal_by_the_customer_leaves_the_link_open(
    visitors: Callable[[], TestClient], link: str
) -> None:
    customer = visitors()
    state = press_the_button(customer, link)

    answer = customer.get("/exact/callback", params={"error": "access_denied", "state": state})

    assert answer.status_code == 200
    assert "Consent was refused" in answer.text
    assert "/registration" not in answer.text
    assert customer.get(link).status_code == 200


def test_a_withdrawn_link_says_so(visitors: Callable[[], TestClient], link: str, office: Office) -> None:
    revoke_customer_link(office.app, office.alice, office.number)

    answer = visitors().get(link)

    assert answer.status_code == 404
    assert "This link was withdrawn" in answer.text


def test_an_expired_or_mistyped_link_says_so(visitors: Callable[[], TestClient], link: str) -> None:
    assert "not known" in visitors().get(link + "x").text
    with clock.shifted(timedelta(days=8)):
        assert "has expired" in visitors().get(link).text


def test_the_customer_reads_the_browsers_language(visitors: Callable[[], TestClient], link: str) -> None:
    shown = visitors().get(link, headers={"Accept-Language": "nl-NL,nl;q=0.9"}).text

    assert '<html lang="nl">' in shown
    assert "Naar Exact Online" in shown


def test_another_site_cannot_press_the_button(visitors: Callable[[], TestClient], link: str) -> None:
    customer = visitors()
    customer.get(link)

    assert customer.post(link).status_code == 403
    assert customer.post(link, data={"csrf": "guessed"}).status_code == 403


def test_knocking_without_end_is_slowed_down(
    visitors: Callable[[], TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, moment = visitors(), clock.now()
    monkeypatch.setattr(clock, "now", lambda: moment)  # however long the machine is held up

    answers = [client.get(f"/customer/guess-{number}").status_code for number in range(80)]

    assert answers[-1] == 429


def test_a_customer_never_consents_for_another_than_the_page_named(
    visitors: Callable[[], TestClient], link: str, office: Office
) -> None:
    customer = visitors()
    page = customer.get(link).text
    fields = dict(re.findall(r'name="(csrf|name|environment)" value="([^"]*)"', page))
    with office.app.database.transaction() as session:
        session.get_one(Registration, office.number).name = "Beta B.V."

    answer = customer.post(link, data=fields, follow_redirects=False)

    assert answer.status_code == 409
    assert "has changed since you opened the page" in answer.text
    assert "Beta" not in answer.text
    fields = dict(re.findall(r'name="(csrf|name|environment)" value="([^"]*)"', customer.get(link).text))
    assert customer.post(link, data=fields, follow_redirects=False).status_code == 303
