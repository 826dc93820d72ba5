"""Many registrations at once: each with its own outcome."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from core import clock
from core.accounts.roles import CurrentOperator, Role
from core.application import Application
from core.errors import InvalidInput, NotAllowed
from core.registrations.bulk import (
    MOST,
    BulkAction,
    RowState,
    change_many,
    check_results,
    request_checks,
    rows_for_bulk,
)
from core.registrations.listing import RegistrationRow
from core.registrations.query import RegistrationQuery
from core.registrations.register import delete, edit
from core.registrations.registration import registration
from core.registrations.timeline import timeline
from core.registrations.views import RegistrationForm
from core.storage.models import Registration
from tests.factories import make_connected, make_operator, make_registration


@pytest.fixture
def sanne(app: Application) -> CurrentOperator:
    return make_operator(app.database, "Sanne")


@pytest.fixture
def rows(app: Application, sanne: CurrentOperator) -> list[RegistrationRow]:
    for name in ("Bakker B.V.", "Slager B.V.", "Test B.V."):
        make_connected(app.database, name)
    return rows_for_bulk(app, sanne, RegistrationQuery())


def column(app: Application, name: str) -> list[object]:
    with app.database.read() as session:
        return list(session.scalars(select(getattr(Registration, name)).order_by(Registration.name_key)))


def test_each_row_is_paused_and_says_so_in_its_timeline(
    app: Application, sanne: CurrentOperator, rows: list[RegistrationRow]
) -> None:
    results = list(change_many(app, sanne, BulkAction.PAUSE, rows[:2]))

    assert [(result.name, result.state) for result in results] == [
        ("Bakker B.V.", RowState.DONE),
        ("Slager B.V.", RowState.DONE),
    ]
    assert column(app, "active") == [False, False, True]
    assert "paused" in [entry.kind for entry in timeline(app, sanne, rows[0].id)]
    list(change_many(app, sanne, BulkAction.RESUME, rows))
    assert column(app, "active") == [True, True, True]


def test_one_that_is_gone_stops_no_other(
    app: Application, sanne: CurrentOperator, rows: list[RegistrationRow]
) -> None:
    delete(app, sanne, rows[1].id)

    results = list(change_many(app, sanne, BulkAction.PAUSE, rows))

    assert [result.state for result in results] == [RowState.DONE, RowState.FAILED, RowState.DONE]
    assert "no longer there" in results[1].message


def test_an_owner_is_given_and_taken_away(
    app: Application, sanne: CurrentOperator, rows: list[RegistrationRow]
) -> None:
    mark = make_operator(app.database, "Mark", Role.ACCOUNT_MANAGER)
    gone = make_operator(app.database, "Gone", active=False)

    list(change_many(app, mark, BulkAction.OWNER, rows[:2], mark.id))
    assert column(app, "owner_id") == [mark.id, mark.id, None]
    list(change_many(app, mark, BulkAction.OWNER, rows[:1], None))
    assert column(app, "owner_id") == [None, mark.id, None]

    (result,) = change_many(app, sanne, BulkAction.OWNER, rows[:1], gone.id)
    assert (result.state, column(app, "owner_id")[0]) == (RowState.FAILED, None)


def test_a_role_that_may_not_gets_nothing_done(app: Application, rows: list[RegistrationRow]) -> None:
    mark = make_operator(app.database, "Mark", Role.ACCOUNT_MANAGER)
    for action in (BulkAction.PAUSE, BulkAction.RESUME):
        with pytest.raises(NotAllowed):
            next(change_many(app, mark, action, rows))
    with pytest.raises(NotAllowed):
        request_checks(app, mark, rows)
    assert column(app, "active") == [True, True, True]


def test_more_than_a_thousand_are_refused(
    app: Application, sanne: CurrentOperator, rows: list[RegistrationRow]
) -> None:
    with pytest.raises(InvalidInput, match="1000"):
        next(change_many(app, sanne, BulkAction.PAUSE, rows[:1] * (MOST + 1)))


def test_checks_are_asked_for_at_once_and_followed_one_by_one(
    app: Application, sanne: CurrentOperator, rows: list[RegistrationRow]
) -> None:
    make_registration(app.database, "Zonder B.V.")
    make_connected(app.database, "Pauze B.V.", active=False)
    chosen = rows_for_bulk(app, sanne, RegistrationQuery())
    numbers = [row.id for row in chosen]

    with clock.shifted(timedelta(minutes=1)):
        since = request_checks(app, sanne, chosen)
        asked = column(app, "next_check_at")
        assert [moment == since for moment in asked] == [True, False, True, True, False]

        def checked(number: int, **facts: object) -> None:
            with app.database.transaction() as session:
                row = session.get_one(Registration, number)
                row.last_checked_at = since
                for name, value in facts.items():
                    setattr(row, name, value)

        checked(rows[0].id, last_success_at=since)
        checked(rows[1].id, status_reason="failure_forbidden")
        found = {result.name: result for result in check_results(app, sanne, numbers, since)}

    states = {name: result.state for name, result in found.items()}
    assert states == {
        "Bakker B.V.": RowState.DONE,
        "Slager B.V.": RowState.FAILED,
        "Test B.V.": RowState.WAITING,
        "Pauze B.V.": RowState.SKIPPED,
        "Zonder B.V.": RowState.SKIPPED,
    }
    assert "check the rights" in found["Slager B.V."].message
    assert "not active" in found["Pauze B.V."].message


def test_the_filter_of_the_list_says_which_rows(
    app: Application, sanne: CurrentOperator, rows: list[RegistrationRow]
) -> None:
    found = rows_for_bulk(app, sanne, RegistrationQuery(search="slag"))
    assert [row.name for row in found] == ["Slager B.V."]


@pytest.mark.parametrize("action", [BulkAction.PAUSE, BulkAction.OWNER])
def test_a_row_that_has_become_another_customer_s_is_left_alone(
    app: Application, sanne: CurrentOperator, rows: list[RegistrationRow], action: BulkAction
) -> None:
    edit(app, sanne, rows[0].id, RegistrationForm("Kapper B.V.", "nl"))

    first, second = change_many(app, sanne, action, rows[:2], sanne.id)

    assert (first.state, second.state) == (RowState.FAILED, RowState.DONE)
    assert "it was “Bakker B.V.” (Netherlands), and is “Kapper B.V.” (Netherlands) now" in first.message
    view = registration(app, sanne, rows[0].id)
    assert (view.active, view.owner_id) == (True, None)
