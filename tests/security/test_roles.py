"""Check 27: roles are checked in core, not by hiding buttons. Every use case is called by somebody who may not."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.accounts import roles
from core.accounts.roles import PERMISSIONS, Action, CurrentOperator, Role
from core.application import Application
from core.audit import record as audit
from core.audit.events import Event
from core.audit.refusals import record_refusal
from core.errors import NotAllowed
from core.registrations.bulk import NEEDS as BULK_NEEDS
from core.registrations.bulk import BulkAction
from core.registrations.listing import RegistrationQuery
from core.registrations.register import edit
from core.registrations.views import RegistrationForm
from core.storage.database import Database
from core.storage.models import Base
from tests.factories import make_connected, make_operator, make_registration
from tests.security.use_cases import ANYBODY, NEEDS, call, use_cases

ASKED = sorted(name for name, action in NEEDS.items() if action is not ANYBODY)


def everything_in(database: Database) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables."""
    with database.read() as session:
        return {
            table.name: sorted((tuple(row) for row in session.execute(select(table))), key=repr)
            for table in Base.metadata.sorted_tables
        }


def test_check_27_every_use_case_is_in_the_table() -> None:
    assert sorted(use_cases()) == sorted(NEEDS), "add it to tests/security/use_cases.py"


def test_check_27_every_role_and_action_is_in_the_table() -> None:
    assert set(PERMISSIONS) == set(Role)
    assert PERMISSIONS[Role.ADMIN] == set(Action)
    assert PERMISSIONS[Role.ACCOUNT_MANAGER] == {Action.VIEW, Action.EXPORT, Action.EDIT_NOTE}
    admins_alone = {Action.MANAGE_OPERATORS, Action.AUDIT, Action.ROTATE_KEYS}
    assert PERMISSIONS[Role.SUPPORT] == set(Action) - admins_alone


@pytest.mark.parametrize("name", ASKED)
def test_check_27_whoever_lacks_the_action_is_refused_and_nothing_changes(
    app: Application, database: Database, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    action = NEEDS[name]
    assert action is not None
    number = make_connected(database, "Test B.V.")
    somebody = {role: make_operator(database, role.value, role) for role in Role}
    lacking = [somebody[role] for role in Role if action not in PERMISSIONS[role]]
    # Beside the roles that lack it: one that may do everything else.
    monkeypatch.setitem(roles.PERMISSIONS, Role.ADMIN, frozenset(Action) - {action})
    before = everything_in(database)

    for by in (*lacking, somebody[Role.ADMIN]):
        with pytest.raises(NotAllowed) as refused:
            call(name, app, by, number)
        assert (refused.value.by, refused.value.action) == (by, action.value)

    assert everything_in(database) == before


@pytest.mark.parametrize("action", BulkAction)
def test_check_27_each_thing_done_to_many_asks_for_its_own_action(
    app: Application, database: Database, monkeypatch: pytest.MonkeyPatch, action: BulkAction
) -> None:
    number, by = make_connected(database), make_operator(database, "Anna", Role.ADMIN)
    monkeypatch.setitem(roles.PERMISSIONS, Role.ADMIN, frozenset(Action) - {BULK_NEEDS[action]})
    before = everything_in(database)

    with pytest.raises(NotAllowed):
        call("registrations.bulk.change_many", app, by, number, action=action)

    assert everything_in(database) == before


def test_check_27_an_account_manager_learns_no_names_by_trying_to_rename(
    app: Application, database: Database
) -> None:
    make_registration(database, "Geheim B.V.")
    number = make_registration(database, "Test B.V.")
    mark = make_operator(database, "Mark", Role.ACCOUNT_MANAGER)

    for name in ("Geheim B.V.", "Nobody B.V."):
        with pytest.raises(NotAllowed):
            edit(app, mark, number, RegistrationForm(name=name, environment="nl"))


def test_check_27_what_was_refused_is_written_down(
    app: Application, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[tuple[object, ...]] = []

    def note(_session: Session, event: Event, by: CurrentOperator, **more: object) -> None:
        written.append((event, by.id, by.address, more["on"], more["outcome"]))

    monkeypatch.setattr(audit, "record", note)
    row = make_operator(database, "Mark", Role.ACCOUNT_MANAGER)
    mark = CurrentOperator(row.id, row.email, row.name, row.role, "en", 1, "203.0.113.9")

    with pytest.raises(NotAllowed) as refused:
        call("registrations.register.delete", app, mark, make_connected(database))
    record_refusal(app, refused.value)
    record_refusal(app, NotAllowed("nobody is known"))

    assert written == [(Event.ACTION_REFUSED, mark.id, "203.0.113.9", "delete", "refused")]


def test_a_query_for_everything_is_what_the_table_calls_with() -> None:
    assert not RegistrationQuery().narrows
