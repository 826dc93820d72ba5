"""What an admin does with operators; there is always an admin left."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from core import clock
from core.accounts.invitations import invite
from core.accounts.lockout import TooManyAttempts
from core.accounts.open_sessions import end_operator_session, end_operator_sessions, operator_sessions
from core.accounts.operator_list import PAGE_SIZE, find_operators, one_operator, operator_called
from core.accounts.operators import (
    active_operators,
    add_operator,
    disable,
    enable,
    list_operators,
    rename,
    set_language,
    set_role,
)
from core.accounts.roles import PERMISSIONS, Action, CurrentOperator, Role, require
from core.accounts.sessions import start_session, start_ticket
from core.accounts.signing_in import change_password, confirm_password, find_candidate
from core.application import Application
from core.errors import Conflict, InvalidInput, NotAllowed, NotFound
from tests.core.accounts.conftest import PASSWORD, added
from tests.factories import make_operator


def roles(app: Application) -> dict[str, Role]:
    return {view.name: view.role for view in list_operators(app, None)}


def test_each_role_may_do_what_the_table_says() -> None:
    assert set(PERMISSIONS) == set(Role)
    assert PERMISSIONS[Role.ADMIN] == set(Action)
    manager = CurrentOperator(1, "m@x.nl", "Mark", Role.ACCOUNT_MANAGER)
    require(manager, Action.EDIT_NOTE)
    for action in (Action.REGISTER, Action.DISCONNECT, Action.DELETE, Action.MANAGE_OPERATORS):
        with pytest.raises(NotAllowed):
            require(manager, action)


def test_the_list_tells_who_is_invited_active_and_disabled(app: Application, admin: CurrentOperator) -> None:
    bob = added(app, "bob")
    invite(app, admin, "carla@clickker.test", "Carla", Role.SUPPORT)
    disable(app, admin, bob.id)
    states = [(o.name, o.account_created, o.link_open, o.active) for o in list_operators(app, admin)]
    assert states == [("Anna", True, False, True), ("bob", True, False, False), ("Carla", False, True, True)]
    assert [name for _id, name in active_operators(app)] == ["Anna", "Carla"]


def test_only_admins_see_and_change_the_list(
    app: Application, alice: CurrentOperator, admin: CurrentOperator
) -> None:
    with pytest.raises(NotAllowed):
        list_operators(app, alice)
    for action in (disable, enable):
        with pytest.raises(NotAllowed):
            action(app, alice, admin.id)
    with pytest.raises(NotAllowed):
        set_role(app, alice, alice.id, Role.ADMIN)
    assert roles(app) == {"Alice": Role.SUPPORT, "Anna": Role.ADMIN}


def test_the_last_admin_stays(app: Application, admin: CurrentOperator) -> None:
    with pytest.raises(Conflict, match="last admin"):
        set_role(app, admin, admin.id, Role.SUPPORT)
    with pytest.raises(Conflict, match="last admin"):
        disable(app, admin, admin.id)


def test_an_admin_who_never_came_does_not_count(app: Application, admin: CurrentOperator) -> None:
    invite(app, admin, "carla@clickker.test", "Carla", Role.ADMIN)
    with pytest.raises(Conflict):
        disable(app, admin, admin.id)


@pytest.mark.parametrize("acts", [("role", "role"), ("role", "disable"), ("disable", "disable")])
def test_two_admins_who_stop_each_other_at_once_leave_one(
    app: Application, admin: CurrentOperator, acts: tuple[str, str]
) -> None:
    second = added(app, "Zoe", Role.ADMIN)
    together = Barrier(2)

    def stop(how: str, by: CurrentOperator, whom: CurrentOperator) -> bool:
        together.wait(10)
        try:
            if how == "role":
                set_role(app, by, whom.id, Role.SUPPORT)
            else:
                disable(app, by, whom.id)
        except Conflict:
            return False
        return True

    for _round in range(5):
        with ThreadPoolExecutor(2) as pool:
            one = pool.submit(stop, acts[0], admin, second)
            other = pool.submit(stop, acts[1], second, admin)
            assert sorted((one.result(), other.result())) == [False, True]
        left = [view for view in list_operators(app, None) if view.active and view.role is Role.ADMIN]
        assert len(left) == 1
        for who in (admin, second):
            enable(app, None, who.id)
            set_role(app, None, who.id, Role.ADMIN)


def test_of_five_admins_who_leave_at_once_one_stays(app: Application, admin: CurrentOperator) -> None:
    everybody = [admin, *(added(app, f"Admin{number}", Role.ADMIN) for number in range(4))]
    together = Barrier(5)

    def leave(who: CurrentOperator) -> bool:
        together.wait(10)
        try:
            set_role(app, who, who.id, Role.SUPPORT)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(5) as pool:
        assert list(pool.map(leave, everybody)).count(True) == 4
    assert list(roles(app).values()).count(Role.ADMIN) == 1


def test_the_list_is_searched_and_comes_in_pages(app: Application, admin: CurrentOperator) -> None:
    for number in range(PAGE_SIZE + 5):
        make_operator(app.database, f"Person {number:02}", email=f"person{number:02}@clickker.test")
    make_operator(app.database, "100% Jansen", email="percent@clickker.test")
    first, second = (find_operators(app, admin, page=number) for number in (1, 2))
    assert (first.count, first.pages, len(first.rows), len(second.rows)) == (PAGE_SIZE + 7, 2, PAGE_SIZE, 7)
    assert find_operators(app, admin, page=99).number == 2
    assert [one.name for one in find_operators(app, admin, "100%").rows] == ["100% Jansen"]
    assert [one.name for one in find_operators(app, admin, " jaNSen\x00 ").rows] == ["100% Jansen"]
    assert find_operators(app, admin, "PERSON07@click").count == 1
    assert find_operators(app, admin, "%").count == 1
    assert find_operators(app, admin, "nobody").pages == 1


def test_only_admins_look_into_the_list(
    app: Application, alice: CurrentOperator, admin: CurrentOperator
) -> None:
    looks: tuple[Callable[[], object], ...] = (
        lambda: find_operators(app, alice),
        lambda: one_operator(app, alice, admin.id),
        lambda: operator_sessions(app, alice, admin.id),
        lambda: end_operator_sessions(app, alice, admin.id),
        lambda: end_operator_session(app, alice, admin.id, 1),
        lambda: rename(app, alice, admin.id, "Mallory"),
    )
    for look in looks:
        with pytest.raises(NotAllowed):
            look()
    assert roles(app) == {"Alice": Role.SUPPORT, "Anna": Role.ADMIN}


def test_a_name_is_ones_own_to_change_and_an_admins(
    app: Application, alice: CurrentOperator, admin: CurrentOperator
) -> None:
    rename(app, alice, alice.id, "  Alice   van Dijk ")
    assert one_operator(app, admin, alice.id).name == "Alice van Dijk"
    rename(app, admin, alice.id, "Alice")
    assert one_operator(app, admin, alice.id).name == "Alice"
    with pytest.raises(InvalidInput):
        rename(app, alice, alice.id, "\u202eecila")


def test_the_list_counts_open_sessions_alone(
    app: Application, alice: CurrentOperator, admin: CurrentOperator
) -> None:
    for _round in range(3):
        start_session(app, start_ticket(app, alice.id, "browser", "/"), "browser", "", "")
    end_operator_session(app, admin, alice.id, operator_sessions(app, admin, alice.id)[0].id)
    assert one_operator(app, admin, alice.id).sessions == 2
    with clock.shifted(timedelta(minutes=31)):
        assert one_operator(app, admin, alice.id).sessions == 0


def test_enabled_again_the_password_of_before_works(
    app: Application, alice: CurrentOperator, admin: CurrentOperator
) -> None:
    disable(app, admin, alice.id)
    with pytest.raises(InvalidInput):
        confirm_password(app, alice, PASSWORD)
    enable(app, admin, alice.id)
    confirm_password(app, alice, PASSWORD)


def test_the_command_line_adds_somebody_with_a_password(app: Application) -> None:
    with pytest.raises(InvalidInput):
        add_operator(app, "eve@clickker.test", "Eve", Role.ADMIN, "too short")
    add_operator(app, "eve@clickker.test", "Eve", Role.ADMIN, PASSWORD, "nl")
    with pytest.raises(Conflict):
        add_operator(app, "Eve@clickker.test", "Eve", Role.ADMIN, PASSWORD)


def test_a_language_is_one_we_have(app: Application, alice: CurrentOperator) -> None:
    set_language(app, alice, "nl")
    with pytest.raises(InvalidInput):
        set_language(app, alice, "xx")


def test_a_new_password_needs_the_present_one(app: Application, alice: CurrentOperator) -> None:
    with pytest.raises(InvalidInput) as refused:
        change_password(app, alice, "not the present one", "an eel in the coffee")
    assert refused.value.field == "current_password"
    change_password(app, alice, PASSWORD, "an eel in the coffee")
    confirm_password(app, alice, "an eel in the coffee")


def test_the_present_one_cannot_be_guessed_here_either(app: Application, alice: CurrentOperator) -> None:
    for _round in range(5):
        with pytest.raises(InvalidInput):
            confirm_password(app, alice, "not the present one")
    with pytest.raises(TooManyAttempts):
        confirm_password(app, alice, PASSWORD)


def test_nobody_changes_an_operator_who_is_not_there(app: Application, admin: CurrentOperator) -> None:
    for action in (disable, enable):
        with pytest.raises(NotFound):
            action(app, admin, 4711)


@pytest.mark.parametrize("typed", ["\x00", "alice\x00@clickker.test", "\u202emoc", "a" * 100_000])
def test_an_odd_address_is_nobodys_and_invites_nobody(
    app: Application, admin: CurrentOperator, typed: str
) -> None:
    assert find_candidate(app, typed + "@x.test", "198.51.100.7", None).operator_id is None
    with pytest.raises(InvalidInput):
        invite(app, admin, f"{typed}\u202e@x.test", "Bob", Role.SUPPORT)


@pytest.mark.parametrize(
    "typed",
    ["mailto:bob@clickker.test", "MAILTO:bob@clickker.test", "bob@clickker.test?subject=x", "bob@mailto:x.test",
     "(bob)@clickker.test", "<bob@clickker.test>", "https://bob@clickker.test"],
)  # fmt: skip
def test_an_address_that_was_copied_from_a_link_is_refused(
    app: Application, admin: CurrentOperator, typed: str
) -> None:
    with pytest.raises(InvalidInput, match="not an e-mail address"):
        invite(app, admin, typed, "Bob", Role.SUPPORT)


def test_an_address_is_the_same_however_its_accents_are_sent(
    app: Application, admin: CurrentOperator
) -> None:
    invite(app, admin, "jos\u00e9@clickker.test", "José", Role.SUPPORT)

    assert operator_called(app, "JOSE\u0301@CLICKKER.test").name == "José"


@pytest.mark.parametrize("sought", ["zoe", "ZOË", "zoe\u0308", "O’Neil", "o'neil", "zoe.o"])
def test_operators_are_found_however_their_names_are_typed(
    app: Application, admin: CurrentOperator, sought: str
) -> None:
    make_operator(app.database, "Zoë O’Neil", email="zoe.o@clickker.test")
    make_operator(app.database, "Zozo")

    found = find_operators(app, admin, sought)
    assert ([row.name for row in found.rows], found.count) == (["Zoë O’Neil"], 1)
