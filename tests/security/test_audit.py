"""Checks 17 and 18, and that nothing in the audit log is a secret."""

from __future__ import annotations

import csv
import io
import json
import logging
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.accounts.invitations import invite, resend, reset
from core.accounts.operators import add_operator
from core.accounts.roles import CurrentOperator, Role
from core.accounts.sessions import end_session, start_session, start_ticket
from core.application import Application
from core.audit.chain import GENESIS
from core.audit.events import Event
from core.audit.heads import HeadFile
from core.audit.record import record_alone
from core.audit.verifying import How, examine
from core.registrations.callback import complete_consent
from core.registrations.consent import begin_consent, create_consent
from core.registrations.customer_links import (
    begin_customer_consent,
    create_customer_link,
    open_customer_link,
)
from core.registrations.outcomes import Outcome
from core.registrations.register import register
from core.registrations.timeline import timeline, write
from core.registrations.views import RegistrationForm
from core.simulator.server import RunningSimulator
from core.storage.audit_guard import unguard
from core.storage.database import Database
from core.storage.models import AuditEntry, AuditHead, Grant
from dashboard.cookies import session_cookie
from dashboard.routes import routes
from tests.factories import make_operator
from tests.support.connecting import TEST_USER

HOSTILE = (
    "Bakker\r\nERROR root: all is lost",
    "Bakker \x1b[31mred\x1b[0m \x1b]0;title\x07\x9b2J",
    "Bakker \u202eV.B\u202c \u2066x\u2069 \u200b\ufeff",
    '=HYPERLINK("http://evil.example")',
    "<img src=x onerror=alert(1)>",
)
PASSWORD = "correct horse battery staple"


@pytest.fixture
def admin(database: Database) -> CurrentOperator:
    return replace(make_operator(database, "Alice", Role.ADMIN), address="198.51.100.7")


@pytest.fixture
def visitor(app: Application) -> Iterator[TestClient]:
    served = Starlette(routes=routes())
    headers = {"accept-language": "en"}
    with TestClient(
        served, base_url=app.settings.public_url, headers=headers, follow_redirects=False
    ) as client:
        yield client


def _sign_in(visitor: TestClient, app: Application, who: CurrentOperator) -> tuple[str, str]:
    ticket = start_ticket(app, who.id, "browser", "/", confirmed=True)
    cookie = start_session(app, ticket, "browser", "127.0.0.1", "test").cookie
    visitor.cookies.set(session_cookie(app.settings), cookie)
    return ticket, cookie


def _entries(database: Database) -> list[AuditEntry]:
    with database.read() as session:
        return list(session.scalars(select(AuditEntry).order_by(AuditEntry.sequence)))


# --- 17: append-only, chained, edits found ---------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_entries SET subject = 'nobody' WHERE sequence = 2",
        "UPDATE audit_entries SET sequence = 9 WHERE sequence = 2",
        "DELETE FROM audit_entries WHERE sequence = 2",
        "DELETE FROM audit_entries WHERE sequence = 3",
        "DELETE FROM audit_entries",
    ],
)
def test_check_17_the_log_refuses_edits_and_finds_those_of_whoever_takes_the_refusal_away(
    app: Application, database: Database, admin: CurrentOperator, change: str
) -> None:
    for number in range(3):
        record_alone(app, Event.SIGN_IN, admin, on=f"operator {number}")
    with pytest.raises(DBAPIError), database.transaction() as session:
        session.execute(text(change))
    assert examine(app).broken is None
    with database.transaction() as session:
        unguard(session.connection())
        session.execute(text(change))
    assert examine(app).broken is not None


def test_check_17_a_chain_that_was_rewritten_whole_is_found_by_the_head_outside_the_database(
    app: Application, database: Database, admin: CurrentOperator
) -> None:
    """Even our own code, on an emptied log, cannot make the chain that was: the time goes on."""
    for number in range(3):
        record_alone(app, Event.SIGN_IN, admin, on=f"operator {number}")
    with database.transaction() as session:
        unguard(session.connection())
        session.execute(text("DELETE FROM audit_entries"))
        session.execute(update(AuditHead).values(sequence=0, hash=GENESIS))
    kept = app.settings.audit_head_file.read_bytes()
    for number in range(3):
        record_alone(app, Event.SIGN_IN, admin, on=f"operator {number}")
    app.settings.audit_head_file.write_bytes(kept)
    broken = examine(app).broken
    assert broken is not None
    assert broken.how is How.REWRITTEN
    app.settings.audit_head_file.unlink()
    assert examine(app).broken is None, "without the file nobody could tell: that is what it is for"


# --- 18: CR/LF, ANSI and bidi are neutralised ------------------------------------------------------------


def _is_neutral(shown: str) -> bool:
    return not any(unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for c in shown)


@pytest.mark.parametrize("name", HOSTILE, ids=["lines", "terminal", "bidi", "formula", "markup"])
def test_check_18_a_hostile_name_is_neutral_in_the_audit_log_the_timeline_and_the_logs(
    app: Application,
    database: Database,
    simulator: RunningSimulator,
    caplog: pytest.LogCaptureFixture,
    name: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    by = replace(make_operator(database, "Eve"), name=name, email=f"{name}@x", address=name)
    number = register(app, by, None, RegistrationForm(name=name, environment="nl", reference=name))
    record_alone(app, Event.SIGN_IN, by, on=f"operator 1 {name}", detail=name)
    with database.transaction() as session:
        write(session, number, by.name, "administrations_saved", added=[name], removed=[])
    for entry in _entries(database):
        for value in (
            entry.actor_name, entry.actor_email, entry.subject, entry.subject_key, entry.detail, entry.address,
        ):  # fmt: skip
            assert _is_neutral(value), repr(value)
    for told in timeline(app, by, number):
        assert _is_neutral(told.sentence), repr(told.sentence)
        assert _is_neutral(told.actor), repr(told.actor)
    ours = [r for r in caplog.records if r.name.startswith(("clickker", "core", "dashboard"))]
    assert ours
    for line in ours:
        assert _is_neutral(line.getMessage()), repr(line.getMessage())
    assert examine(app).broken is None


@pytest.mark.parametrize("which", ["audit", "registrations"])
@pytest.mark.usefixtures("simulator")
def test_check_18_a_hostile_name_is_neutral_in_exports(
    visitor: TestClient, app: Application, admin: CurrentOperator, which: str
) -> None:
    _sign_in(visitor, app, admin)
    for name in HOSTILE:
        form = RegistrationForm(name=name, environment="nl", reference=name)
        register(app, replace(admin, name=name), None, form)
        record_alone(app, Event.SIGN_IN, replace(admin, name=name), on=name, detail=name)
    answer = visitor.get(f"/export/{which}.csv?environment=nl")
    assert answer.status_code == 200
    lines = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    assert len(lines) > len(HOSTILE)
    for cell in (cell for line in lines for cell in line):
        assert _is_neutral(cell), repr(cell)
        assert not cell.startswith(("=", "+", "-", "@")), repr(cell)


# --- Nothing in it is a secret ---------------------------------------------------------------------------


def test_nothing_in_the_audit_log_or_the_file_outside_is_a_secret(
    visitor: TestClient,
    app: Application,
    database: Database,
    simulator: RunningSimulator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Every secret there is goes through the flows that use it; none comes out here."""
    caplog.set_level(logging.INFO, logger="clickker.audit")
    admin = replace(make_operator(database, "Alice", Role.ADMIN), address="198.51.100.7")
    secrets = {PASSWORD, app.settings.exact["nl"].client_secret.get_secret_value()}
    secrets.add(app.settings.encryption_keys.get_secret_value())
    mark = add_operator(app, "mark@clickker.test", "Mark", Role.SUPPORT, PASSWORD)
    invited = invite(app, admin, "noor@clickker.test", "Noor", Role.SUPPORT)
    secrets |= {_last(invited.url), _last(resend(app, admin, _number(database, "noor")).url)}
    secrets.add(_last(reset(app, admin, mark).url))
    secrets.update(_sign_in(visitor, app, admin))
    secrets |= _consent(app, admin, simulator)
    visitor.get("/export/registrations.csv?q=test")
    visitor.get("/export/audit.xlsx")
    end_session(app, visitor.cookies[session_cookie(app.settings)])

    secrets |= _tokens(app)
    entries = _entries(database)
    assert {"consent.granted", "export.begun", "customer_link.created"} <= {entry.event for entry in entries}
    written = json.dumps([{k: str(v) for k, v in vars(entry).items()} for entry in entries])
    outside = app.settings.audit_head_file.read_text()
    assert len([*HeadFile(app.settings.audit_head_file).lines(len(outside))]) > 5
    for place in (written, outside, caplog.text):
        for secret in secrets:
            assert len(secret) > 7
            assert secret not in place
        assert not re.search(r"(?i)bearer |password=|token=|\$2[aby]\$", place)


def _consent(app: Application, by: CurrentOperator, simulator: RunningSimulator) -> set[str]:
    """One consent by an operator and one by a customer's link; every secret on the way."""
    secrets: set[str] = set()
    number = register(app, by, None, RegistrationForm(name="Test B.V.", environment="nl"))
    begun = begin_consent(app, by, create_consent(app, by, number))
    secrets |= _back(app, begun, simulator, by.id)
    token = _last(create_customer_link(app, by, number))
    open_customer_link(app, token, "203.0.113.9")
    begun = begin_customer_consent(app, token, None, "203.0.113.9")
    secrets |= _back(app, begun, simulator, None) | {token}
    return secrets


def _back(app: Application, begun: object, simulator: RunningSimulator, operator_id: int | None) -> set[str]:
    url, browser = begun.authorize_url, begun.browser_token  # type: ignore[attr-defined]
    [state] = parse_qs(urlsplit(url).query)["state"]
    code = simulator.engine.grant_code("nl", TEST_USER)
    answer = [("code", code), ("state", state)]
    assert complete_consent(app, answer, browser, operator_id, "203.0.113.9").outcome is Outcome.GRANTED
    assert complete_consent(app, answer, browser, operator_id, "203.0.113.9").outcome is Outcome.REUSED_STATE
    return {state, code, browser}


def _tokens(app: Application) -> set[str]:
    found: set[str] = set()
    with app.database.read() as session:
        for grant in session.scalars(select(Grant)):
            for column in ("refresh_token", "access_token"):
                sealed = getattr(grant, column)
                if sealed:
                    found.add(app.vault.decrypt(sealed, table="grants", column=column, row=grant.id))
    assert found
    return found


def _last(url: str) -> str:
    return re.split(r"[/=]", url)[-1]


def _number(database: Database, name: str) -> int:
    with database.read() as session:
        query = text("SELECT id FROM operators WHERE email LIKE :email")
        return int(session.execute(query, {"email": f"{name}@%"}).scalar_one())
