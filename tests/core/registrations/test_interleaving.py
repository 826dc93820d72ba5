"""Two processes at once, in orders that are chosen: what is shown follows the facts, and nobody waits for ever.

On PostgreSQL a row that is read is not a row that is held. SQLite lets one writer in; the same has to come out there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import func, select

from core import clock
from core.accounts.roles import CurrentOperator
from core.application import Application
from core.errors import Conflict, NotFound
from core.exact.errors import ExactError
from core.keeping import chores
from core.keeping.jobs import keep_grant_alive
from core.registrations.administrations import read_administrations, save_administrations
from core.registrations.callback import complete_consent
from core.registrations.checks import check
from core.registrations.consent import begin_consent, create_consent
from core.registrations.issue_views import issues_of, snooze
from core.registrations.outcomes import Outcome
from core.registrations.recovery import identify_strays
from core.registrations.register import disconnect, set_active
from core.registrations.status import Status
from core.registrations.timeline import CLICKKER
from core.simulator.server import RunningSimulator
from core.storage import counters
from core.storage.models import Administration, Grant, Registration
from core.tokens.grants import read_refresh_token, save_candidate
from core.tokens.rotation import access_token
from tests.factories import make_administration, make_broken, make_connected, make_operator
from tests.support.connecting import TEST_USER, connect
from tests.support.interleaving import Held, Running, another_process, meanwhile, until_it_ends_or_waits

READS_DETAILS = r"SELECT .*count\(.*FROM administrations"
"""What every settling asks first, once it has the row."""


@pytest.fixture
def alice(app: Application) -> CurrentOperator:
    return make_operator(app.database, "Alice")


@pytest.fixture
def other(app: Application) -> Iterator[Application]:
    with another_process(app) as second:
        yield second


def row(app: Application, number: int) -> Registration:
    with app.database.read() as session:
        return session.get_one(Registration, number)


def assert_figures_are_true(app: Application) -> None:
    """The overview's figures beside a plain count of the rows."""
    with app.database.read() as session:
        kept = {name: value for name, value in counters.read_all(session).items() if ":" in name}
        statuses = Counter(session.scalars(select(Registration.status)))
        linked = session.scalar(select(func.count()).where(Administration.linked))
        assert {name: value for name, value in kept.items() if name.startswith("status:") and value} == {
            f"status:{status}": count for status, count in statuses.items()
        }
        assert counters.read_all(session).get("administrations", 0) == linked


def lapse(app: Application, number: int) -> str:
    """The login of this one is a month old, and nothing here has taken note of it yet."""
    with app.database.transaction() as session:
        grant = session.get_one(Grant, session.get_one(Registration, number).grant_id)
        grant.rotated_at = clock.now() - timedelta(days=31)
        return grant.id


def share(app: Application, number: int, other: int) -> str:
    """Both hang on the login of the first."""
    with app.database.transaction() as session:
        grant_id = session.get_one(Registration, number).grant_id
        session.get_one(Registration, other).grant_id = grant_id
    assert grant_id is not None
    return grant_id


# --- A status that is written follows the facts ----------------------------------------------------------


def test_pausing_while_the_keeper_settles_a_login(
    app: Application, other: Application, alice: CurrentOperator
) -> None:
    number = make_connected(app.database)
    grant_id = lapse(app, number)
    held = Held(other, READS_DETAILS, lambda: keep_grant_alive(other, grant_id))
    meanwhile(held, app, lambda: set_active(app, alice, number, active=False))
    assert row(app, number).status == Status.PAUSED
    assert_figures_are_true(app)


def test_pausing_while_the_keeper_settles_what_has_become_old_news(
    app: Application, other: Application, alice: CurrentOperator
) -> None:
    number = make_connected(app.database)
    with clock.shifted(timedelta(days=9)):
        held = Held(other, READS_DETAILS, lambda: chores.settle_all(other))
        meanwhile(held, app, lambda: set_active(app, alice, number, active=False))
    assert row(app, number).status == Status.PAUSED
    assert_figures_are_true(app)


def test_disconnecting_while_the_keeper_settles_a_login(
    app: Application, other: Application, alice: CurrentOperator
) -> None:
    first, second = make_connected(app.database), make_connected(app.database)
    grant_id = share(app, first, second)
    held = Held(other, READS_DETAILS, lambda: keep_grant_alive(other, grant_id))
    meanwhile(held, app, lambda: disconnect(app, alice, second))
    assert (row(app, first).status, row(app, second).status) == (Status.CONNECTED, Status.DISCONNECTED)
    assert_figures_are_true(app)


# --- Keys that nobody needs are deleted ------------------------------------------------------------------


def test_of_two_that_let_go_of_a_login_at_once_the_second_deletes_its_tokens(
    app: Application, other: Application, alice: CurrentOperator
) -> None:
    first, second = make_connected(app.database), make_connected(app.database)
    grant_id = share(app, first, second)
    held = Held(other, "INSERT INTO timeline", lambda: disconnect(other, alice, first))
    meanwhile(held, app, lambda: disconnect(app, alice, second))
    with app.database.read() as session:
        assert session.get(Grant, grant_id) is None
    assert_figures_are_true(app)


# --- Nobody waits for somebody who waits for him ---------------------------------------------------------


def test_two_failures_behind_one_login_are_both_written_down(
    app: Application, other: Application, alice: CurrentOperator, simulator: RunningSimulator
) -> None:
    first = connect(app, alice, simulator, codes={1001001})
    second = connect(app, alice, simulator, "Bakker B.V.", codes={1001002})
    simulator.engine.add_fault("unavailable", None, endpoint="divisions")

    def fail(where: Application, number: int) -> None:
        with pytest.raises(ExactError, match="Exact"):
            read_administrations(where, alice, number)

    held = Held(other, READS_DETAILS, lambda: fail(other, second))
    meanwhile(held, app, lambda: fail(app, first))
    assert {row(app, number).last_failure_kind for number in (first, second)} == {"outage"}
    assert_figures_are_true(app)


def test_a_consent_that_arrives_while_a_login_fails_is_not_lost(
    app: Application, other: Application, alice: CurrentOperator, simulator: RunningSimulator
) -> None:
    first = connect(app, alice, simulator, codes={1001001})
    second = connect(app, alice, simulator, "Bakker B.V.", codes={1001002})
    held = Held(other, "INSERT INTO timeline", lambda: connect_again(other, alice, simulator, second))
    simulator.engine.add_fault("wrong_division", None, endpoint="divisions", division=1001001)
    meanwhile(held, app, lambda: check(app, first, CLICKKER))
    assert row(app, second).candidate_grant_id is None
    assert row(app, second).status == Status.CONNECTED
    assert_figures_are_true(app)


def connect_again(app: Application, alice: CurrentOperator, simulator: RunningSimulator, number: int) -> None:
    begun = begin_consent(app, alice, create_consent(app, alice, number))
    [state] = parse_qs(urlsplit(begun.authorize_url).query)["state"]
    answer = [("code", simulator.engine.grant_code("nl", TEST_USER)), ("state", state)]
    assert complete_consent(app, answer, begun.browser_token, alice.id).outcome is Outcome.GRANTED


def test_silencing_an_issue_while_its_registration_is_settled(
    app: Application, other: Application, alice: CurrentOperator
) -> None:
    number = make_broken(app.database)
    [issue] = issues_of(app, alice, number).open
    day = (clock.now() + timedelta(days=3)).date()
    grant_id = row(app, number).grant_id
    assert grant_id is not None
    reconnected(app, grant_id)
    held = Held(other, "INSERT INTO timeline", lambda: snooze(other, alice, issue.id, day))
    meanwhile(held, app, lambda: keep_grant_alive(app, grant_id))
    assert row(app, number).status == Status.CONNECTED


def reconnected(app: Application, grant_id: str) -> None:
    now = clock.now()
    with app.database.transaction() as session:
        grant = session.get_one(Grant, grant_id)
        grant.rotated_at = now
        for each in session.scalars(select(Registration).where(Registration.grant_id == grant_id)):
            each.last_success_at = now


def test_two_that_want_the_same_administrations_are_told_who_was_first(
    app: Application, other: Application, alice: CurrentOperator
) -> None:
    first, second = (make_connected(app.database, administrations=0) for _number in range(2))
    for number, codes in ((first, (7, 8)), (second, (8, 7))):
        for code in codes:
            make_administration(app.database, number, f"Klant {code}", linked=False, code=code)
    outcomes: list[str] = []

    def link(where: Application, number: int) -> None:
        try:
            save_administrations(where, alice, number, {7, 8})
            outcomes.append("saved")
        except Conflict:
            outcomes.append("conflict")

    its_seven = select(Administration.id).where(
        Administration.registration_id == second, Administration.code == 7
    )
    with app.database.engine.begin() as third:
        third.execute(its_seven.with_for_update())
        one = Running(lambda: link(other, second))
        until_it_ends_or_waits(one, app)
        two = Running(lambda: link(app, first))
        until_it_ends_or_waits(two, app, waiting=2)
    one.result()
    two.result()
    assert sorted(outcomes) == ["conflict", "saved"]
    assert_figures_are_true(app)


# --- A living token is not overwritten by what was read before -------------------------------------------


def test_a_candidate_that_is_refreshed_while_it_is_identified_keeps_its_newest_tokens(
    app: Application, other: Application, alice: CurrentOperator, simulator: RunningSimulator
) -> None:
    number = connect(app, alice, simulator, codes={1001001})
    code = simulator.engine.grant_code("nl", TEST_USER)
    stray = save_candidate(app, "nl", app.exact.exchange("nl", code, "v" * 43))
    held = Held(other, "UPDATE grants SET", lambda: identify_strays(other))
    simulator.engine.advance(timedelta(seconds=601))
    with clock.shifted(timedelta(seconds=601)):
        meanwhile(held, app, lambda: refreshed(app, stray))
    with app.database.read() as session:
        grant = session.get_one(Grant, row(app, number).grant_id)
        held_token = read_refresh_token(app.vault, grant)
    assert [each.refresh_token for each in simulator.engine.journal() if each.condition == "live"] == [
        held_token
    ]


def refreshed(app: Application, grant_id: str) -> None:
    with suppress(NotFound):  # it has gone over to the login's row meanwhile
        access_token(app, grant_id)
