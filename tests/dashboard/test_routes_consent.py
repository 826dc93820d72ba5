"""To Exact Online and back: every end of the way is a page that explains itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import func, select
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from core import clock
from core.accounts.roles import CurrentOperator
from core.accounts.sessions import start_session, start_ticket
from core.application import Application
from core.registrations.consent import create_consent
from core.registrations.customer_links import create_customer_link, revoke_customer_link
from core.registrations.register import register
from core.registrations.registration import registration
from core.registrations.status import Status
from core.registrations.views import RegistrationForm, RegistrationView
from core.simulator.server import RunningSimulator
from core.storage.models import Consent, Grant
from dashboard.middleware import Shield
from dashboard.routes import routes
from tests.factories import make_operator

USER = "test@testbv.example"
ACCOUNTANT = "kantoor@vandijk-accountants.example"


@pytest.fixture
def alice(app: Application) -> CurrentOperator:
    return make_operator(app.database, "Alice")


@dataclass(frozen=True)
class Office:
    """Alice has registered Test B.V. and is about to connect it."""

    app: Application
    alice: CurrentOperator
    number: int
    simulator: RunningSimulator

    @property
    def registration(self) -> RegistrationView:
        return registration(self.app, self.alice, self.number)

    def create_consent(self) -> str:
        return create_consent(self.app, self.alice, self.number)

    def code(self, user: str = USER) -> str:
        return self.simulator.engine.grant_code("nl", user)

    def grants(self) -> int:
        """How many token calls were answered."""
        with self.app.database.read() as session:
            return session.scalar(select(func.count()).select_from(Grant)) or 0


@pytest.fixture
def office(simulator: RunningSimulator, app: Application, alice: CurrentOperator) -> Office:
    number = register(app, alice, None, RegistrationForm(name="Test B.V.", environment="nl"))
    return Office(app, alice, number, simulator)


@pytest.fixture
def browser(simulator: RunningSimulator, app: Application) -> Iterator[Callable[[], TestClient]]:
    """Makes browsers: each keeps cookies of its own."""
    served = Starlette(routes=routes(), middleware=[Middleware(Shield)])

    def make() -> TestClient:
        english = {"Accept-Language": "en"}
        return TestClient(served, base_url=app.settings.public_url, headers=english, follow_redirects=False)

    yield make


@pytest.fixture
def signed_in(browser: Callable[[], TestClient], app: Application, alice: CurrentOperator) -> TestClient:
    client = browser()
    sign_in(client, app, alice)
    return client


def sign_in(client: TestClient, app: Application, who: CurrentOperator) -> None:
    ticket = start_ticket(app, who.id, "browser", "/")
    client.cookies.set("clickker_session", start_session(app, ticket, "browser", "", "").cookie)


def go_to_exact(client: TestClient, office: Office) -> str:
    """Press Connect; returns the state that went along."""
    answer = client.get("/exact/connect", params={"consent": office.create_consent()})
    assert answer.status_code == 303
    return state_in(answer.headers["location"])


def state_in(address: str) -> str:
    return parse_qs(urlsplit(address).query)["state"][0]


def test_connect_leads_to_the_environments_own_host(signed_in: TestClient, office: Office) -> None:
    answer = signed_in.get("/exact/connect", params={"consent": office.create_consent()})

    assert answer.status_code == 303
    assert answer.headers["location"].startswith(office.simulator.base_url("nl"))
    assert "force_login=1" in answer.headers["location"]
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"


def test_connect_asks_a_signed_out_visitor_to_sign_in(
    browser: Callable[[], TestClient], office: Office
) -> None:
    answer = browser().get("/exact/connect", params={"consent": office.create_consent()})

    assert answer.status_code == 403
    assert "Sign in again" in answer.text


def test_connect_is_not_for_another_operators_attempt(
    browser: Callable[[], TestClient], office: Office
) -> None:
    bob = browser()
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
    assert office.registration.status is Status.WAITING_FOR_CONSENT


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


def test_an_answer_counts_once(signed_in: TestClient, office: Office) -> None:
    query = {"code": office.code(), "state": go_to_exact(signed_in, office)}
    assert signed_in.get("/exact/callback", params=query).status_code == 303

    answer = signed_in.get("/exact/callback", params=query)

    assert answer.status_code == 409
    assert "This answer was used already" in answer.text
    assert office.grants() == 1


def test_an_attempt_ends_after_ten_minutes(signed_in: TestClient, office: Office) -> None:
    state = go_to_exact(signed_in, office)

    with clock.shifted(timedelta(minutes=11)):
        answer = signed_in.get("/exact/callback", params={"code": office.code(), "state": state})

    assert answer.status_code == 410
    assert "This attempt took too long" in answer.text


def test_another_browser_may_not_finish_it(
    signed_in: TestClient,
    browser: Callable[[], TestClient],
    office: Office,
) -> None:
    state = go_to_exact(signed_in, office)
    other = browser()
    sign_in(other, office.app, office.alice)

    answer = other.get("/exact/callback", params={"code": office.code(), "state": state})

    assert answer.status_code == 403
    assert "Another browser came back" in answer.text
    assert office.grants() == 0


def test_an_unknown_state_is_explained_to_whoever_comes(browser: Callable[[], TestClient]) -> None:
    answer = browser().get("/exact/callback", params={"code": "c", "state": "never-ours"})

    assert answer.status_code == 400
    assert "We do not know this attempt" in answer.text
    assert "/registration" not in answer.text


@pytest.mark.parametrize("name", ["code", "state", "error"])
def test_a_doubled_parameter_is_not_trusted(
    signed_in: TestClient,
    office: Office,
    name: str,
) -> None:
    state = go_to_exact(signed_in, office)
    query = [("code", office.code()), ("state", state), (name, "x"), (name, "y")]

    answer = signed_in.get("/exact/callback", params=query)

    assert answer.status_code == 400
    assert "not in order" in answer.text
    assert office.grants() == 0


def test_nothing_of_the_address_is_repeated(signed_in: TestClient) -> None:
    evil = "<script>steal(1)</script>"
    query = {"error": evil, "error_description": evil, "state": evil, "code": evil}

    answer = signed_in.get("/exact/callback", params=query)

    assert answer.status_code == 400
    assert "steal" not in answer.text
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "script-src" not in answer.headers["content-security-policy"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]


# --- The customer ----------------------------------------------------------------------------------------


@pytest.fixture
def link(office: Office) -> str:
    return urlsplit(create_customer_link(office.app, office.alice, office.number)).path


def press_the_button(client: TestClient, link: str) -> str:
    """Open the link and go on to Exact; returns the state that went along."""
    form = re.search(r'name="csrf" value="([^"]+)"', client.get(link).text)
    assert form is not None
    answer = client.post(link, data={"csrf": form[1]})
    assert answer.status_code == 303, answer.text
    return state_in(answer.headers["location"])


def test_the_link_says_who_asks_and_uses_nothing_up(
    browser: Callable[[], TestClient], link: str, app: Application
) -> None:
    for _look in range(3):
        answer = browser().get(link)

    assert answer.status_code == 200
    assert "Alice of Clickker asks your permission" in answer.text
    assert "Test B.V." in answer.text
    assert "Netherlands" in answer.text
    with app.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Consent)) == 0


def test_the_customer_needs_no_account_and_is_thanked(
    browser: Callable[[], TestClient],
    link: str,
    office: Office,
) -> None:
    customer = browser()
    state = press_the_button(customer, link)

    answer = customer.get("/exact/callback", params={"code": office.code(), "state": state})

    assert answer.headers["location"] == "/customer/thanks"
    assert "Thank you" in customer.get("/customer/thanks").text
    view = office.registration
    assert view.status is Status.CHOOSE_ADMINISTRATIONS
    assert view.link is None


def test_the_link_works_once(browser: Callable[[], TestClient], link: str, office: Office) -> None:
    customer = browser()
    state = press_the_button(customer, link)
    customer.get("/exact/callback", params={"code": office.code(), "state": state})

    answer = customer.get(link)

    assert answer.status_code == 404
    assert "the consent has arrived" in answer.text


def test_a_second_browser_with_the_same_link_is_told_why_it_does_not_count(
    browser: Callable[[], TestClient], link: str, office: Office
) -> None:
    first, second = browser(), browser()
    states = [press_the_button(customer, link) for customer in (first, second)]
    first.get("/exact/callback", params={"code": office.code(), "state": states[0]})

    answer = second.get("/exact/callback", params={"code": office.code(ACCOUNTANT), "state": states[1]})

    assert answer.status_code == 409
    assert "This link was used already" in answer.text
    assert "open the link there once more" in answer.text
    assert "/registration" not in answer.text
    assert office.grants() == 1


def test_a_refusal_by_the_customer_leaves_the_link_open(browser: Callable[[], TestClient], link: str) -> None:
    customer = browser()
    state = press_the_button(customer, link)

    answer = customer.get("/exact/callback", params={"error": "access_denied", "state": state})

    assert answer.status_code == 200
    assert "Consent was refused" in answer.text
    assert "/registration" not in answer.text
    assert customer.get(link).status_code == 200


def test_a_withdrawn_link_says_so(browser: Callable[[], TestClient], link: str, office: Office) -> None:
    revoke_customer_link(office.app, office.alice, office.number)

    answer = browser().get(link)

    assert answer.status_code == 404
    assert "This link was withdrawn" in answer.text


def test_an_expired_or_mistyped_link_says_so(browser: Callable[[], TestClient], link: str) -> None:
    assert "not known" in browser().get(link + "x").text
    with clock.shifted(timedelta(days=8)):
        assert "has expired" in browser().get(link).text


def test_the_customer_reads_the_browsers_language(browser: Callable[[], TestClient], link: str) -> None:
    shown = browser().get(link, headers={"Accept-Language": "nl-NL,nl;q=0.9"}).text

    assert '<html lang="nl">' in shown
    assert "Naar Exact Online" in shown


def test_another_site_cannot_press_the_button(browser: Callable[[], TestClient], link: str) -> None:
    customer = browser()
    customer.get(link)

    assert customer.post(link).status_code == 403
    assert customer.post(link, data={"csrf": "guessed"}).status_code == 403


def test_knocking_without_end_is_slowed_down(browser: Callable[[], TestClient]) -> None:
    client = browser()

    answers = [client.get(f"/customer/guess-{number}").status_code for number in range(80)]

    assert answers[-1] == 429
