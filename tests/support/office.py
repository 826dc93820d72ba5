"""Alice, who is about to connect Test B.V., and browsers without a screen: for the routes to Exact and back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import func, select
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from core.accounts.roles import CurrentOperator
from core.accounts.sessions import start_session, start_ticket
from core.application import Application
from core.registrations.consent import create_consent
from core.registrations.customer_links import create_customer_link
from core.registrations.register import register
from core.registrations.registration import registration
from core.registrations.views import RegistrationForm, RegistrationView
from core.simulator.server import RunningSimulator
from core.storage.models import Grant
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
def visitors(simulator: RunningSimulator, app: Application) -> Iterator[Callable[[], TestClient]]:
    """Makes browsers: each keeps cookies of its own."""
    served = Starlette(routes=routes(), middleware=[Middleware(Shield)])

    def make() -> TestClient:
        english = {"Accept-Language": "en"}
        return TestClient(served, base_url=app.settings.public_url, headers=english, follow_redirects=False)

    yield make


@pytest.fixture
def signed_in(visitors: Callable[[], TestClient], app: Application, alice: CurrentOperator) -> TestClient:
    client = visitors()
    sign_in(client, app, alice)
    return client


@pytest.fixture
def link(office: Office) -> str:
    return urlsplit(create_customer_link(office.app, office.alice, office.number)).path


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


def press_the_button(client: TestClient, link: str) -> str:
    """Open the link and go on to Exact; returns the state that went along."""
    form = re.search(r'name="csrf" value="([^"]+)"', client.get(link).text)
    assert form is not None
    answer = client.post(link, data={"csrf": form[1]})
    assert answer.status_code == 303, answer.text
    return state_in(answer.headers["location"])
