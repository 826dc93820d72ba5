"""One login, many registrations: a check of one costs the same however many share it, and all of them follow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from core import clock
from core.accounts.roles import CurrentOperator
from core.application import Application
from core.exact.errors import ExactError
from core.keeping.keeper import Keeper
from core.registrations.administrations import read_administrations
from core.registrations.checks import check_now
from core.registrations.status import Status
from core.simulator.server import RunningSimulator
from core.storage.models import CallBudget, Grant, Registration
from tests.factories import make_administration, make_operator, make_registration
from tests.support.connecting import TEST_USER, connect
from tests.support.recount import differences
from tests.support.statements import statements

MANY = 45


@pytest.fixture
def alice(app: Application) -> CurrentOperator:
    return make_operator(app.database, "Alice")


@pytest.fixture(autouse=True)
def _at_noon() -> Iterator[None]:
    """Never in the quiet hour, whenever the tests run."""
    now = clock.now()
    noon = now.replace(hour=11, minute=0, second=0, microsecond=0) + timedelta(days=1)
    with clock.shifted(noon - now):
        yield


@contextmanager
def later(simulator: RunningSimulator, **by: float) -> Iterator[None]:
    simulator.engine.advance(timedelta(**by))
    with clock.shifted(timedelta(**by)):
        yield


def share(app: Application, number: int, others: int) -> list[int]:
    """More registrations on the login of ``number``, each with an administration of its own."""
    with app.database.read() as session:
        row = session.get_one(Registration, number)
    facts: dict[str, Any] = {
        "grant_id": row.grant_id,
        "completed_at": row.completed_at,
        "last_success_at": row.last_success_at,
    }
    made = [make_registration(app.database, **facts) for _n in range(others)]
    for other in made:
        make_administration(app.database, other)
    with app.database.transaction() as session:
        session.execute(update(Registration).values(next_check_at=clock.now() + timedelta(days=300)))
    return made


def statuses(app: Application) -> set[str]:
    with app.database.read() as session:
        return set(session.scalars(select(Registration.status)))


def test_a_check_of_one_costs_the_same_however_many_share_its_login(
    app: Application, alice: CurrentOperator, simulator: RunningSimulator
) -> None:
    number = connect(app, alice, simulator, codes={1001001})
    share(app, number, 3)
    with later(simulator, minutes=11), statements(app.database) as few:
        check_now(app, alice, number)
    share(app, number, MANY)
    with later(simulator, minutes=22), statements(app.database) as many:
        check_now(app, alice, number)
        assert len(many) <= len(few) + 2
        assert differences(app.database, app.settings, clock.now()) == []


def test_a_check_without_news_locks_and_writes_its_own_row_alone(
    app: Application, alice: CurrentOperator, simulator: RunningSimulator
) -> None:
    number = connect(app, alice, simulator, codes={1001001})
    share(app, number, 3)
    with later(simulator, minutes=11):
        check_now(app, alice, number)
        with statements(app.database) as seen:
            check_now(app, alice, number)
    assert not any(
        "WHERE registrations.grant_id" in words and "SELECT registrations" in words for words, _ in seen
    )


def test_who_asks_exact_by_another_door_takes_the_others_along(
    app: Application, alice: CurrentOperator, simulator: RunningSimulator
) -> None:
    """The token is spent by whoever asks, so everybody's consent lapses later."""
    number = connect(app, alice, simulator, codes={1001001})
    connect(app, alice, simulator, "Nog een", codes={1001002})
    with later(simulator, minutes=11):
        read_administrations(app, alice, number)
        assert differences(app.database, app.settings, clock.now()) == []


def test_a_check_that_our_own_budget_cut_short_takes_the_others_along(
    app: Application, alice: CurrentOperator, simulator: RunningSimulator
) -> None:
    number = connect(app, alice, simulator, codes={1001001})
    connect(app, alice, simulator, "Nog een", codes={1001002})
    with later(simulator, minutes=11):
        with app.database.transaction() as session:
            session.execute(update(CallBudget).values(blocked_until=clock.now() + timedelta(hours=1)))
        with pytest.raises(ExactError):
            check_now(app, alice, number)
        assert differences(app.database, app.settings, clock.now()) == []


def test_a_withdrawn_consent_shows_at_all_within_a_turn_of_the_keeper(
    app: Application, alice: CurrentOperator, simulator: RunningSimulator
) -> None:
    number = connect(app, alice, simulator, codes={1001001})
    share(app, number, MANY)
    simulator.engine.revoke("nl", TEST_USER)
    for hours in (1, 3, 6):
        simulator.engine.advance(timedelta(hours=3))
        with clock.shifted(timedelta(hours=hours)):
            make_due(app, number)
            Keeper(app).turn()
            Keeper(app).turn()
            assert differences(app.database, app.settings, clock.now()) == []
    assert statuses(app) == {Status.RECONNECT_NEEDED}


def test_a_consent_given_again_mends_all_within_a_turn_of_the_keeper(
    app: Application, alice: CurrentOperator, simulator: RunningSimulator
) -> None:
    number = connect(app, alice, simulator, codes={1001001})
    share(app, number, MANY)
    with app.database.transaction() as session:
        refused = {
            "refusals": 3,
            "refused_since": clock.now() - timedelta(hours=3),
            "last_failure_at": clock.now(),
        }
        session.execute(update(Grant).values(last_failure_kind="refused", last_success_at=None, **refused))
        session.execute(update(Registration).values(status_until=clock.now()))
    Keeper(app).turn()
    assert statuses(app) == {Status.RECONNECT_NEEDED}
    with later(simulator, minutes=1):
        again = connect(app, alice, simulator, "Nog een", codes={1001002})
        Keeper(app).turn()
        assert differences(app.database, app.settings, clock.now()) == []
        assert statuses(app) == {Status.CONNECTED}
        assert again


def make_due(app: Application, number: int) -> None:
    with app.database.transaction() as session:
        session.get_one(Registration, number).next_check_at = clock.now()
        session.execute(update(Grant).values(next_try_at=None))
