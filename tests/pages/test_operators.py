"""An admin invites, helps and stops operators; the link is on the screen this once."""

from __future__ import annotations

import re

import pytest
from streamlit.testing.v1 import AppTest

from core.accounts import passwords
from core.accounts.invitations import invite, open_invitation
from core.accounts.open_sessions import operator_sessions
from core.accounts.operator_list import OperatorView, operator_called
from core.accounts.operators import add_operator
from core.accounts.roles import CurrentOperator, Role
from core.accounts.second_factor import second_factor_is_on
from core.application import Application
from tests.factories import make_operator
from tests.support.frame import cookies, frame, new_session
from tests.support.second_factor import turned_on

PASSWORD = "a herring in the tea"
HASH = "$2b$04$" + "x" * 53


@pytest.fixture
def admin(app: Application, monkeypatch: pytest.MonkeyPatch) -> CurrentOperator:
    who = make_operator(app.database, "Anna", Role.ADMIN, password_hash=HASH)
    cookies(monkeypatch, app, who)
    return who


@pytest.fixture
def bob(app: Application, admin: CurrentOperator) -> CurrentOperator:
    return make_operator(app.database, "Bob", email="bob@clickker.test", password_hash=HASH)


def link_on(test: AppTest) -> str:
    found = re.search(r">\s*(http[^<]+/invitation/[^<]+)</textarea>", table_on(test))
    return found[1] if found else ""


def table_on(test: AppTest) -> str:
    return " ".join(part.proto.body for part in test.get("html"))


def type_invitation(test: AppTest, name: str, email: str) -> AppTest:
    test.text_input("operators_name").set_value(name)
    test.text_input("operators_email").set_value(email)
    return next(button for button in test.button if button.label == "Make invitation link").click().run()


def panel(who: CurrentOperator | OperatorView) -> AppTest:
    return frame("operators", operator=str(who.id))


def click(test: AppTest, key: str) -> AppTest:
    return test.button(key).click().run()


def words(test: AppTest) -> str:
    return " ".join(part.value for part in (*test.markdown, *test.caption)).replace("\\", "")


def test_an_invitation_shows_a_working_link_once(app: Application, admin: CurrentOperator) -> None:
    test = type_invitation(frame("operators"), "Bob", "bob@clickker.test")
    token = link_on(test).rsplit("/", 1)[1]
    assert open_invitation(app, token).name == "Bob"
    assert token not in str(test.session_state)
    assert link_on(test.run()) == ""


def test_what_was_typed_stays_when_it_is_refused(app: Application, admin: CurrentOperator) -> None:
    test = type_invitation(frame("operators"), "Bob", "bob at clickker")
    assert r"not an e\-mail address" in test.error[0].value
    assert test.text_input("operators_name").value == "Bob"
    assert link_on(test) == ""


def test_the_list_says_who_how_and_when_and_is_searched(
    app: Application, admin: CurrentOperator, bob: CurrentOperator
) -> None:
    invite(app, None, "carla@clickker.test", "Carla <b>", Role.ADMIN)
    test = frame("operators")
    shown = table_on(test)
    assert f"/operators?operator={bob.id}" in shown
    assert "Carla &lt;b&gt;" in shown
    assert all(word in shown for word in ("Active", "Invited", "Never seen yet", "Admin"))
    test.text_input("operators_q").set_value("BOB@click").run()
    assert "Carla" not in table_on(test)
    test.text_input("operators_q").set_value("nobody like this").run()
    assert "Nobody matches" in test.info[0].value


def test_a_new_name_and_role_stay_on_the_screen(
    app: Application, admin: CurrentOperator, bob: CurrentOperator
) -> None:
    test = panel(bob)
    test.text_input(f"operators_rename_{bob.id}").set_value("Bob de Boer")
    next(button for button in test.button if button.label == "Save name").click().run()
    assert test.title[0].value == "Bob de Boer"
    test.selectbox(f"operators_role_{bob.id}_support").set_value(Role.ACCOUNT_MANAGER).run()
    assert operator_called(app, bob.email).role is Role.SUPPORT
    click(test, f"operators_save_role_{bob.id}_yes")
    assert operator_called(app, bob.email).role is Role.ACCOUNT_MANAGER
    assert "Account manager" in words(test)


def test_disabled_and_enabled_again(app: Application, admin: CurrentOperator, bob: CurrentOperator) -> None:
    test = click(panel(bob), f"operators_disable_{bob.id}_yes")
    assert "signed out everywhere" in test.success[0].value
    assert not operator_called(app, bob.email).active
    click(test, f"operators_enable_{bob.id}")
    assert operator_called(app, bob.email).active


def test_an_open_link_is_renewed_and_withdrawn(app: Application, admin: CurrentOperator) -> None:
    invite(app, None, "carla@clickker.test", "Carla", Role.SUPPORT)
    carla = operator_called(app, "carla@clickker.test")
    test = click(panel(carla), f"operators_link_{carla.id}")
    assert open_invitation(app, link_on(test).rsplit("/", 1)[1]).purpose == "invite"
    click(test, f"operators_revoke_{carla.id}_yes")
    assert not operator_called(app, carla.email).link_open


def test_a_reset_link_is_shown_once(app: Application, admin: CurrentOperator, bob: CurrentOperator) -> None:
    test = click(panel(bob), f"operators_link_{bob.id}")
    token = link_on(test).rsplit("/", 1)[1]
    assert open_invitation(app, token).purpose == "reset"
    assert token not in str(test.session_state)
    assert link_on(test.run()) == ""


def test_sessions_are_ended_one_by_one_and_all(
    app: Application, admin: CurrentOperator, bob: CurrentOperator
) -> None:
    for _round in range(3):
        new_session(app, bob)
    first, *_rest = operator_sessions(app, admin, bob.id)
    test = click(panel(bob), f"operators_end_{first.id}")
    assert len(operator_sessions(app, admin, bob.id)) == 2
    click(test, f"operators_end_all_{bob.id}_yes")
    assert operator_sessions(app, admin, bob.id) == ()
    assert "Signed in nowhere" in words(test)


def test_a_second_factor_is_taken_away(
    app: Application, admin: CurrentOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "ROUNDS", 4)
    number = add_operator(app, "dina@clickker.test", "Dina", Role.SUPPORT, PASSWORD)
    dina = CurrentOperator(number, "dina@clickker.test", "Dina", Role.SUPPORT)
    turned_on(app, dina, PASSWORD)
    test = panel(dina)
    assert "Second factor on" in words(test)
    click(test, f"operators_factor_{dina.id}_yes")
    assert not second_factor_is_on(app, dina.id)
    assert "Second factor off" in words(test)


def test_the_last_admin_cannot_be_stopped(app: Application, admin: CurrentOperator) -> None:
    test = click(panel(admin), f"operators_disable_{admin.id}_yes")
    assert "last admin" in test.error[0].value
    assert operator_called(app, admin.email).active


def test_who_is_not_there_is_said(app: Application, admin: CurrentOperator) -> None:
    test = frame("operators", operator="4711")
    assert "no such operator" in test.error[0].value
    assert test.button("operators_all").label == "All operators"  # the way back is there all the same
