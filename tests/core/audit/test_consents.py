"""Who gave consent, who was turned away, and from where: by operators and by customers with a link."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from core.accounts.roles import CurrentOperator
from core.application import Application
from core.registrations.callback import complete_consent
from core.registrations.consent import Begun, begin_consent, create_consent
from core.registrations.customer_links import (
    begin_customer_consent,
    create_customer_link,
    open_customer_link,
)
from core.registrations.register import register
from core.registrations.views import RegistrationForm
from core.simulator.server import RunningSimulator
from core.storage.database import Database
from core.storage.models import AuditEntry
from tests.factories import make_operator
from tests.support.connecting import TEST_USER

ADDRESS = "203.0.113.9"


@pytest.fixture
def alice(database: Database) -> CurrentOperator:
    return replace(make_operator(database, "Alice"), address="198.51.100.7")


@pytest.fixture
def number(app: Application, alice: CurrentOperator, simulator: RunningSimulator) -> int:
    return register(app, alice, None, RegistrationForm(name="Test B.V.", environment="nl"))


def told(database: Database) -> list[tuple[str, ...]]:
    with database.read() as session:
        found = session.scalars(select(AuditEntry).order_by(AuditEntry.sequence))
        return [(e.event, e.actor_name, e.address, e.outcome, e.detail) for e in found if e.sequence > 1]


def answer(begun: Begun, **given: str) -> list[tuple[str, str]]:
    [state] = parse_qs(urlsplit(begun.authorize_url).query)["state"]
    return [*given.items(), ("state", state)]


def test_an_operator_goes_and_comes_back(
    app: Application, database: Database, simulator: RunningSimulator, alice: CurrentOperator, number: int
) -> None:
    begun = begin_consent(app, alice, create_consent(app, alice, number))
    came = answer(begun, code=simulator.engine.grant_code("nl", TEST_USER))
    complete_consent(app, came, "another browser", None, ADDRESS)
    complete_consent(app, came, begun.browser_token, None, ADDRESS)
    complete_consent(app, came, begun.browser_token, alice.id, ADDRESS)
    assert told(database) == [
        ("consent.started", "Alice", "198.51.100.7", "done", ""),
        ("consent.failed", "visitor", ADDRESS, "refused", "other_browser"),
        ("consent.granted", "Alice", ADDRESS, "done", "granted"),
        ("consent.failed", "Alice", ADDRESS, "refused", "reused_state"),
    ]


def test_a_customer_opens_the_link_and_refuses_then_agrees(
    app: Application, database: Database, simulator: RunningSimulator, alice: CurrentOperator, number: int
) -> None:
    token = create_customer_link(app, alice, number).rpartition("/")[2]
    open_customer_link(app, token, ADDRESS)
    open_customer_link(app, token, ADDRESS)
    begun = begin_customer_consent(app, token, None, ADDRESS)
    complete_consent(app, answer(begun, error="access_denied"), begun.browser_token, None, ADDRESS)
    begun = begin_customer_consent(app, token, None, ADDRESS)
    code = simulator.engine.grant_code("nl", TEST_USER)
    complete_consent(app, answer(begun, code=code), begun.browser_token, None, ADDRESS)
    assert told(database) == [
        ("customer_link.created", "Alice", "198.51.100.7", "done", ""),
        ("customer_link.opened", "customer", ADDRESS, "done", ""),
        ("consent.started", "customer", ADDRESS, "done", ""),
        ("consent.failed", "customer", ADDRESS, "refused", "refused"),
        ("consent.started", "customer", ADDRESS, "done", ""),
        ("consent.granted", "customer", ADDRESS, "done", "granted"),
    ]


def test_a_state_that_nobody_knows_fills_no_log(
    app: Application, database: Database, alice: CurrentOperator, number: int
) -> None:
    complete_consent(app, [("code", "x"), ("state", "made-up")], "browser", None, ADDRESS)
    assert told(database) == []


def test_a_code_that_exact_refuses_is_a_failure(
    app: Application, database: Database, alice: CurrentOperator, number: int
) -> None:
    begun = begin_consent(app, alice, create_consent(app, alice, number))
    complete_consent(app, answer(begun, code="made-up"), begun.browser_token, alice.id, ADDRESS)
    assert told(database)[1:] == [("consent.failed", "Alice", ADDRESS, "failed", "token_error")]
