"""What is done to one registration leaves every row of another as it was: no use case reaches too far.

The other one has a login of its own and a row of every kind: a consent, a link that is open, a login that waits for a
decision, an issue.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import or_, select

from core.accounts.roles import CurrentOperator, Role
from core.application import Application
from core.exact.errors import ExactError, FailureKind
from core.exact.paging import Page
from core.registrations.administrations import read_administrations, save_administrations
from core.registrations.bulk import BulkAction, change_many, request_checks, rows_for_bulk
from core.registrations.callback import complete_consent
from core.registrations.checks import check_now
from core.registrations.consent import Begun, begin_consent, create_consent
from core.registrations.customer_links import (
    begin_customer_consent,
    create_customer_link,
    open_customer_link,
    revoke_customer_link,
)
from core.registrations.decisions import accept_candidate, reject_candidate
from core.registrations.failures import record_failure
from core.registrations.issue_views import issues_of, snooze
from core.registrations.outcomes import ConsentResult, Outcome
from core.registrations.query import RegistrationQuery
from core.registrations.reading_places import KeptPages
from core.registrations.register import delete, disconnect, edit, set_active, set_owner
from core.registrations.registration import registration
from core.registrations.views import RegistrationForm
from core.simulator.server import RunningSimulator
from core.storage.base import Base
from core.storage.models import Administration, Grant, Registration
from tests.core.registrations.test_issues import change, tomorrow
from tests.factories import make_operator
from tests.support.connecting import TEST_USER, connect

BAKKER = "info@bakkerbv.example"
VISSER = "visser@visserenzoon.example"
ACCOUNTANT = "kantoor@vandijk-accountants.example"


@pytest.fixture
def admin(app: Application) -> CurrentOperator:
    return make_operator(app.database, "Anna", Role.ADMIN)


@pytest.fixture
def exact(app: Application, simulator: RunningSimulator) -> RunningSimulator:
    return simulator


def back(app: Application, begun: Begun, by: CurrentOperator | None, **answer: str) -> ConsentResult:
    """The browser comes back from Exact."""
    [state] = parse_qs(urlsplit(begun.authorize_url).query)["state"]
    query = [*answer.items(), ("state", state)]
    return complete_consent(app, query, begun.browser_token, by.id if by else None)


def consents(
    app: Application, by: CurrentOperator, exact: RunningSimulator, number: int, user: str
) -> Outcome:
    begun = begin_consent(app, by, create_consent(app, by, number))
    return back(app, begun, by, code=exact.engine.grant_code("nl", user)).outcome


def by_link(app: Application, by: CurrentOperator, exact: RunningSimulator, number: int) -> None:
    token = create_customer_link(app, by, number).rsplit("/", 1)[1]
    open_customer_link(app, token)
    begun = begin_customer_consent(app, token)
    assert back(app, begun, None, code=exact.engine.grant_code("nl", TEST_USER)).outcome is Outcome.GRANTED


def with_everything(app: Application, by: CurrentOperator, exact: RunningSimulator) -> int:
    """Bakker, connected, with a row of every kind."""
    number = connect(app, by, exact, "Bakker B.V.", user=BAKKER)
    create_consent(app, by, number)
    assert consents(app, by, exact, number, ACCOUNTANT) is Outcome.NEEDS_DECISION
    create_customer_link(app, by, number)
    with app.database.transaction() as session:
        first = session.scalars(
            select(Administration).where(Administration.registration_id == number)
        ).first()
        assert first is not None
        first.permitted = False
    change(app, number, owner_id=by.id)
    create_consent(app, by, number)
    with app.database.read() as session:
        grant_id = session.get_one(Registration, number).grant_id
    assert grant_id is not None
    KeptPages(app, number, grant_id).keep(
        Page((), "https://x.example/api/v1/1/system/Divisions?$skiptoken=1")
    )
    return number


def rows_of(app: Application, number: int) -> dict[str, list[tuple[Any, ...]]]:
    """All that is kept of a registration, its logins included, table by table."""
    with app.database.read() as session:
        found = {
            table.name: sorted(
                (tuple(r) for r in session.execute(select(table).where(table.c.registration_id == number))),
                key=str,
            )
            for table in Base.metadata.sorted_tables
            if "registration_id" in table.c
        }
        mine, grants = Registration.__table__, Grant.__table__
        row = session.execute(select(mine).where(mine.c.id == number)).one()
        found["registrations"] = [tuple(row)]
        both = or_(grants.c.id == row.grant_id, grants.c.id == row.candidate_grant_id)
        found["grants"] = sorted((tuple(r) for r in session.execute(select(grants).where(both))), key=str)
    return found


def only(app: Application, by: CurrentOperator, number: int) -> list[Any]:
    return [row for row in rows_for_bulk(app, by, RegistrationQuery()) if row.id == number]


def decided(
    act: Callable[[Application, CurrentOperator, int], None],
) -> Callable[[Application, CurrentOperator, RunningSimulator, int], None]:
    def do(app: Application, by: CurrentOperator, exact: RunningSimulator, number: int) -> None:
        assert consents(app, by, exact, number, VISSER) is Outcome.NEEDS_DECISION
        act(app, by, number)

    return do


def silenced(app: Application, by: CurrentOperator, number: int) -> None:
    record_failure(app, number, ExactError(FailureKind.FORBIDDEN))
    snooze(app, by, issues_of(app, by, number).open[0].id, tomorrow())


def linked_anew(app: Application, by: CurrentOperator, number: int) -> None:
    linked = [a.code for a in registration(app, by, number).linked]
    save_administrations(app, by, number, linked[:1])
    save_administrations(app, by, number, linked)


def paused_and_resumed(app: Application, by: CurrentOperator, number: int) -> None:
    set_active(app, by, number, False)
    set_active(app, by, number, True)


def links_made_and_withdrawn(app: Application, by: CurrentOperator, number: int) -> None:
    create_customer_link(app, by, number)
    create_customer_link(app, by, number)
    revoke_customer_link(app, by, number)


Act = Callable[[Application, CurrentOperator, RunningSimulator, int], Any]
ACTS: dict[str, Act] = {
    "edit": lambda app, by, _exact, n: edit(
        app, by, n, RegistrationForm(name=f"Anders {n}", environment="nl", note="called them")
    ),
    "pause and resume": lambda app, by, _exact, n: paused_and_resumed(app, by, n),
    "owner": lambda app, by, _exact, n: set_owner(app, by, n, by.id),
    "check": lambda app, by, _exact, n: check_now(app, by, n),
    "read": lambda app, by, _exact, n: read_administrations(app, by, n),
    "link fewer": lambda app, by, _exact, n: linked_anew(app, by, n),
    "fail": lambda app, _by, _exact, n: record_failure(app, n, ExactError(FailureKind.OUTAGE)),
    "silence": lambda app, by, _exact, n: silenced(app, by, n),
    "begin a consent": lambda app, by, _exact, n: begin_consent(app, by, create_consent(app, by, n)),
    "deny": lambda app, by, _exact, n: back(
        app, begin_consent(app, by, create_consent(app, by, n)), by, error="access_denied"
    ),
    "consent again": lambda app, by, exact, n: consents(app, by, exact, n, TEST_USER),
    "consent by link": by_link,
    "make and withdraw a link": lambda app, by, _exact, n: links_made_and_withdrawn(app, by, n),
    "ask for checks": lambda app, by, _exact, n: request_checks(app, by, only(app, by, n)),
    "pause many": lambda app, by, _exact, n: list(change_many(app, by, BulkAction.PAUSE, only(app, by, n))),
    "disconnect": lambda app, by, _exact, n: disconnect(app, by, n),
    "delete": lambda app, by, _exact, n: delete(app, by, n),
}  # fmt: skip
DECISIONS: dict[str, Act] = {"accept": decided(accept_candidate), "reject": decided(reject_candidate)}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # long, and the statements are the same
def test_nothing_is_changed_of_the_registration_beside(
    app: Application, admin: CurrentOperator, exact: RunningSimulator
) -> None:
    other = with_everything(app, admin, exact)
    before = rows_of(app, other)
    empty = {name for name, rows in before.items() if not rows}
    assert empty <= {"alarms", "deliveries", "unsaved_work"}, "a row of every other kind"
    for number, (act, do) in enumerate((ACTS | DECISIONS).items()):
        one = connect(app, admin, exact, f"Test {number}")
        do(app, admin, exact, one)
        assert rows_of(app, other) == before, act
        if act != "delete":
            disconnect(app, admin, one)  # so that the next one may have the administrations
            assert rows_of(app, other) == before, act
