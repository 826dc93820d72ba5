"""Check 27: account managers who see only their own see nothing of anybody else's, whichever way they ask."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from core import application, clock
from core.accounts import roles
from core.accounts.roles import Action, CurrentOperator, Role
from core.application import Application
from core.errors import Conflict, NotFound
from core.exact.errors import ExactError, FailureKind
from core.registrations.administrations import compare_name, save_administrations
from core.registrations.bulk import BulkAction, RowState, change_many, check_results, rows_for_bulk
from core.registrations.failures import record_failure
from core.registrations.finding import find_named
from core.registrations.issue_views import issues_of, snooze
from core.registrations.lifeline import Outage, would_lapse
from core.registrations.listing import (
    ADMINISTRATION_SORTS,
    REGISTRATION_SORTS,
    WITHOUT_OWNER,
    AdministrationQuery,
    RegistrationQuery,
    iterate_administrations,
    iterate_registrations,
    list_administrations,
    list_registrations,
)
from core.registrations.overview import overview
from core.registrations.reconciliation import reconciliation
from core.registrations.register import set_owner
from core.registrations.registration import registration
from core.registrations.status import Status
from core.registrations.timeline import timeline, write
from core.seed import seed
from core.storage.database import Database
from core.storage.models import Registration
from tests.factories import (
    make_administration,
    make_broken,
    make_connected,
    make_operator,
    make_registration,
)
from tests.security.test_roles import everything_in
from tests.security.use_cases import ANYBODY, NEEDS, call, use_cases
from tests.support.plans import plan_of
from tests.support.statements import statements

THEIRS = "Geheim B.V."
ABOUT_ONE = sorted(
    name
    for name, function in use_cases().items()
    if "registration_id" in function.__annotations__ and NEEDS.get(name) is not ANYBODY
)


@pytest.fixture
def own(app: Application) -> Iterator[Application]:
    """The installation with CLICKKER_ACCOUNT_MANAGERS_SEE=own."""
    limited = replace(app, settings=app.settings.model_copy(update={"account_managers_see": "own"}))
    application.use(limited)
    yield limited
    application.use(app)


@pytest.fixture
def mark(database: Database) -> CurrentOperator:
    return make_operator(database, "Mark", Role.ACCOUNT_MANAGER)


@pytest.fixture
def nora(database: Database) -> CurrentOperator:
    return make_operator(database, "Nora", Role.ACCOUNT_MANAGER)


def names(rows: Any) -> list[str]:
    return [row.name for row in rows]


def test_check_27_lists_and_exports_hold_only_ones_own(
    own: Application, database: Database, mark: CurrentOperator, nora: CurrentOperator
) -> None:
    mine = make_connected(database, "Bakker B.V.", owner_id=mark.id, administrations=0)
    make_administration(database, mine, "Bakker Holding")
    theirs = make_connected(database, THEIRS, owner_id=nora.id, administrations=0)
    make_administration(database, theirs, "Geheim Holding", code=987_654)
    make_connected(database, "Van niemand B.V.")

    asked: tuple[dict[str, Any], ...] = (
        {}, {"search": "b.v"}, {"search": "g"}, {"environment": "nl"}, {"owner_id": mark.id},
    )  # fmt: skip
    for given in asked:
        registrations, administrations = RegistrationQuery(**given), AdministrationQuery(**given)
        assert set(names(list_registrations(own, mark, registrations).rows)) <= {"Bakker B.V."}
        assert set(names(iterate_registrations(own, mark, registrations))) <= {"Bakker B.V."}
        assert set(names(list_administrations(own, mark, administrations).rows)) <= {"Bakker Holding"}
        assert set(names(iterate_administrations(own, mark, administrations))) <= {"Bakker Holding"}
    assert names(iterate_registrations(own, mark, RegistrationQuery())) == ["Bakker B.V."]
    for owner in (nora.id, WITHOUT_OWNER):
        assert not list_registrations(own, mark, RegistrationQuery(owner_id=owner)).rows
        assert not list(iterate_registrations(own, mark, RegistrationQuery(owner_id=owner)))
    assert not list_administrations(own, mark, AdministrationQuery(search="987654")).rows
    assert names(rows_for_bulk(own, mark, RegistrationQuery())) == ["Bakker B.V."]
    assert not find_named(own, mark, f"Geachte, {THEIRS} (987654) doet het niet.")
    assert names(find_named(own, mark, "Geachte, Bakker B.V. doet het niet.")) == ["Bakker B.V."]


def test_check_27_everybody_else_sees_all_and_so_do_they_unless_the_setting_says_own(
    app: Application, own: Application, database: Database, mark: CurrentOperator, nora: CurrentOperator
) -> None:
    make_connected(database, THEIRS, owner_id=nora.id)
    sanne = make_operator(database, "Sanne")

    assert names(list_registrations(app, mark, RegistrationQuery()).rows) == [THEIRS]
    assert names(list_registrations(own, sanne, RegistrationQuery()).rows) == [THEIRS]
    assert overview(own, sanne).counts == overview(app, mark).counts


@pytest.mark.parametrize("name", ABOUT_ONE)
def test_check_27_anothers_registration_answers_as_one_that_is_not_there(  # noqa: PLR0917 - fixtures
    own: Application,
    database: Database,
    mark: CurrentOperator,
    nora: CurrentOperator,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    number = make_connected(database, THEIRS, owner_id=nora.id)
    # Were the role allowed everything: still not there.
    monkeypatch.setitem(roles.PERMISSIONS, Role.ACCOUNT_MANAGER, frozenset(Action))
    before = everything_in(database)

    with pytest.raises(NotFound) as theirs:
        call(name, own, mark, number)
    with pytest.raises(NotFound) as nobodys:
        call(name, own, mark, 999_999)

    assert theirs.value.message == nobodys.value.message
    assert everything_in(database) == before


def test_check_27_ones_own_is_there(own: Application, database: Database, mark: CurrentOperator) -> None:
    number = make_connected(database, "Test B.V.", owner_id=mark.id)

    assert registration(own, mark, number).name == "Test B.V."
    for name in (
        "timeline.timeline",
        "issue_views.issues_of",
        "reconciliation.reconciliation",
        "register.edit",
    ):
        call(f"registrations.{name}", own, mark, number)


def test_check_27_the_overview_counts_and_names_ones_own(
    own: Application, database: Database, mark: CurrentOperator, nora: CurrentOperator
) -> None:
    make_connected(database, "Bakker B.V.", owner_id=mark.id, administrations=2)
    make_broken(database, "Kapot B.V.", owner_id=mark.id)
    make_connected(database, "Bijna B.V.", owner_id=mark.id, at=clock.now() - timedelta(days=20))
    make_broken(database, THEIRS, owner_id=nora.id)
    make_connected(database, "Ook geheim B.V.", at=clock.now() - timedelta(days=20))

    seen = overview(own, mark)

    assert seen.registrations == 3
    assert seen.counts[Status.CONNECTED] == 1
    assert seen.counts[Status.RECONNECT_NEEDED] == 1
    assert seen.administrations == 4
    assert "Kapot B.V." in names(seen.attention)
    assert names(seen.lapsing) == ["Bijna B.V."]
    assert seen.lapsing_count == 1
    assert THEIRS not in str(seen)
    today = date.today()  # noqa: DTZ011 - any day will do
    lapsing = would_lapse(own, mark, Outage(today, today + timedelta(days=60)))
    assert sorted(names(lapsing.rows)) == ["Bakker B.V.", "Bijna B.V."]
    assert lapsing.count == 2


def test_check_27_an_incident_counts_ones_own_and_is_silent_about_others(
    own: Application, database: Database, mark: CurrentOperator, nora: CurrentOperator
) -> None:
    for _number in range(3):
        record_failure(own, make_connected(database, owner_id=nora.id), ExactError(FailureKind.OUTAGE))
    assert overview(own, make_operator(database)).incidents[0].registrations == 3
    assert overview(own, mark).incidents == ()

    record_failure(own, make_connected(database, owner_id=mark.id), ExactError(FailureKind.OUTAGE))
    assert [incident.registrations for incident in overview(own, mark).incidents] == [1]


def test_check_27_silenced_issues_are_counted_among_ones_own(
    own: Application, database: Database, mark: CurrentOperator, nora: CurrentOperator
) -> None:
    number = make_broken(database, THEIRS, owner_id=nora.id)
    issue = issues_of(own, nora, number).open[0].id
    until = (clock.now() + timedelta(days=3)).date()

    with pytest.raises(NotFound):
        snooze(own, mark, issue, until)
    snooze(own, nora, issue, until)

    assert sum(overview(own, mark).snoozed.values()) == 0
    assert sum(overview(own, nora).snoozed.values()) == 1


def test_check_27_who_shares_a_login_is_counted_and_not_named(
    own: Application, database: Database, mark: CurrentOperator, nora: CurrentOperator
) -> None:
    number = make_connected(database, "Bakker B.V.", owner_id=mark.id)
    grant = registration(own, mark, number).grant
    assert grant is not None
    make_registration(database, THEIRS, owner_id=nora.id, grant_id=grant.id)
    make_registration(database, "Ook van Mark B.V.", owner_id=mark.id, grant_id=grant.id)
    with database.transaction() as session:
        write(session, number, "exact", "grant_shared", names=[THEIRS, "Ook van Mark B.V."])

    shown = registration(own, mark, number).grant
    told = timeline(own, mark, number)

    assert shown is not None
    assert [name for _number, name in shown.shared_with] == ["Ook van Mark B.V."]
    assert (shown.shared_count, shown.shared_unseen) == (2, 1)
    assert THEIRS not in str(told)
    assert "2 other customers" in told[0].sentence
    sanne = make_operator(database)
    assert THEIRS in str(registration(own, sanne, number).grant)
    assert THEIRS in str(timeline(own, sanne, number))


def test_check_27_who_has_linked_an_administration_is_not_named(
    own: Application,
    database: Database,
    mark: CurrentOperator,
    nora: CurrentOperator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_administration(database, make_connected(database, THEIRS, owner_id=nora.id), code=55)
    number = make_connected(database, "Bakker B.V.", owner_id=mark.id)
    make_administration(database, number, "Gedeeld", code=55, linked=False)

    (shared,) = [a for a in registration(own, mark, number).administrations if a.code == 55]
    assert shared.taken_by == (0, "")
    assert not shared.available
    monkeypatch.setitem(roles.PERMISSIONS, Role.ACCOUNT_MANAGER, frozenset(Action))
    with pytest.raises(Conflict, match="another registration") as refused:
        save_administrations(own, mark, number, [55])
    assert THEIRS not in str(refused.value)
    assert THEIRS in str(registration(own, make_operator(database), number).administrations)


def test_check_27_an_accountants_other_customers_are_not_named(
    own: Application, database: Database, mark: CurrentOperator, nora: CurrentOperator
) -> None:
    """The login is an accountant's: Exact lists every customer of his. Those that are linked under a registration of
    somebody else are told of nowhere; what nobody has linked, and one's own, is."""
    make_administration(
        database, make_connected(database, THEIRS, owner_id=nora.id), "Geheim Holding", code=55
    )
    number = make_connected(database, "Bakker B.V.", owner_id=mark.id)
    make_administration(database, number, "Geheim Holding", code=55, linked=False, permitted=True)
    make_administration(database, number, "Vrije Holding", code=56, linked=False, permitted=True)
    other = make_connected(database, "Ook van Mark B.V.", owner_id=mark.id)
    make_administration(database, other, "Marks Holding", code=57)
    make_administration(database, number, "Marks Holding", code=57, linked=False, permitted=True)

    compared = [line.side.name for line in reconciliation(own, mark, number).lines]
    shown = registration(own, mark, number)

    assert {"Vrije Holding", "Marks Holding"} <= set(compared)
    assert "Geheim" not in f"{compared} {shown} {compare_name(shown)} {timeline(own, mark, number)}"
    sanne = make_operator(database)
    assert "Geheim Holding" in [line.side.name for line in reconciliation(own, sanne, number).lines]
    assert "Geheim Holding" in str(registration(own, sanne, number).administrations)


def test_check_27_what_is_given_away_is_gone_from_sight(
    own: Application, database: Database, mark: CurrentOperator, nora: CurrentOperator
) -> None:
    number = make_connected(database, "Bakker B.V.", owner_id=mark.id)
    set_owner(own, mark, number, nora.id)

    with pytest.raises(NotFound):
        set_owner(own, mark, number, mark.id)
    assert registration(own, nora, number).owner_id == nora.id


def test_check_27_several_at_once_are_ones_own_too(
    own: Application, database: Database, mark: CurrentOperator, nora: CurrentOperator
) -> None:
    number = make_connected(database, THEIRS, owner_id=nora.id)
    (row,) = rows_for_bulk(own, nora, RegistrationQuery())

    (result,) = change_many(own, mark, BulkAction.OWNER, [row], mark.id)

    assert result.state is RowState.FAILED
    assert registration(own, nora, number).owner_id == nora.id
    assert check_results(own, mark, [number], clock.now()) == []
    assert len(check_results(own, nora, [number], clock.now())) == 1


# --- In SQL, by an index, and for nothing where nobody is limited ---

READS_ALL = re.compile(
    r"SCAN (registrations|administrations)\b(?! USING)|Seq Scan on (registrations|administrations)"
)


def _plans(database: Database, show: Callable[[], object]) -> list[str]:
    with statements(database) as seen:
        show()
    return [plan_of(database, *one) for one in list(seen)]


def test_check_27_what_is_limited_is_served_by_an_index(
    own: Application, database: Database, mark: CurrentOperator
) -> None:
    seed(own, 130, 3)
    with database.transaction() as session:
        session.execute(update(Registration).where(Registration.id % 3 == 0).values(owner_id=mark.id))
    shows: list[Callable[[], object]] = [
        lambda: overview(own, mark),
        lambda: would_lapse(own, mark, Outage(date(2026, 1, 1), date(2090, 1, 1))),
        lambda: list(iterate_registrations(own, mark, RegistrationQuery())),
        lambda: list(iterate_administrations(own, mark, AdministrationQuery())),
        *(lambda s=s: list_registrations(own, mark, RegistrationQuery(sort=s)) for s in REGISTRATION_SORTS),
        *(lambda s=s: list_administrations(own, mark, AdministrationQuery(sort=s)) for s in ADMINISTRATION_SORTS),
        lambda: list_registrations(own, mark, RegistrationQuery(status="connected")),
        lambda: list_administrations(own, mark, AdministrationQuery(environment="be")),
    ]  # fmt: skip
    for show in shows:
        for plan in _plans(database, show):
            assert not READS_ALL.search(plan), plan
    counted = [plan for plan in _plans(database, shows[0]) if "owner_status" in plan]
    assert counted, "the figures are counted along (owner, status)"


def test_check_27_whoever_sees_all_is_asked_nothing_more(
    app: Application, own: Application, database: Database, mark: CurrentOperator
) -> None:
    number = make_connected(database, "Bakker B.V.")
    anna = make_operator(database, "Anna", Role.ADMIN)

    def asked(installed: Application, by: CurrentOperator) -> list[str]:
        with statements(database) as seen:
            list_registrations(installed, by, RegistrationQuery())
            registration(installed, by, number)
            timeline(installed, by, number)
            issues_of(installed, by, number)
            overview(installed, by)
        return [statement for statement, _parameters in list(seen)]

    assert not any("owner_id =" in statement for statement in asked(app, mark))
    assert len(asked(own, anna)) == len(asked(app, mark))
