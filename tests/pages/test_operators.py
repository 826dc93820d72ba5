"""An admin invites, helps and stops operators; the link is on the screen this once."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from core.accounts.invitations import open_invitation
from core.accounts.operators import list_operators
from core.accounts.roles import CurrentOperator, Role
from core.application import Application
from tests.factories import make_operator
from tests.support.frame import cookies, frame


@pytest.fixture
def admin(app: Application, monkeypatch: pytest.MonkeyPatch) -> CurrentOperator:
    who = make_operator(app.database, "Anna", Role.ADMIN, password_hash="$2b$04$" + "x" * 53)
    cookies(monkeypatch, app, who)
    return who


def link_on(test: AppTest) -> str:
    return test.code[0].value if test.code else ""


def invite(test: AppTest, name: str, email: str) -> AppTest:
    test.text_input("operators_name").set_value(name)
    test.text_input("operators_email").set_value(email)
    return next(button for button in test.button if button.label == "Make invitation link").click().run()


def test_an_invitation_shows_a_working_link_once(app: Application, admin: CurrentOperator) -> None:
    test = invite(frame("operators"), "Bob", "bob@clickker.test")
    token = link_on(test).rsplit("/", 1)[1]
    assert open_invitation(app, token).name == "Bob"
    assert token not in str(test.session_state)
    assert link_on(test.run()) == ""


def test_what_was_typed_stays_when_it_is_refused(app: Application, admin: CurrentOperator) -> None:
    test = invite(frame("operators"), "Bob", "bob at clickker")
    assert r"not an e\-mail address" in test.error[0].value
    assert test.text_input("operators_name").value == "Bob"
    assert link_on(test) == ""


def test_a_new_role_a_withdrawn_link_and_a_stop(app: Application, admin: CurrentOperator) -> None:
    invite(frame("operators"), "Bob", "bob@clickker.test")
    bob = next(view for view in list_operators(app, None) if view.name == "Bob")
    test = frame("operators")
    test.selectbox(f"operators_role_{bob.id}_support").set_value(Role.ACCOUNT_MANAGER).run()
    test.button(f"operators_save_role_{bob.id}").click().run()
    test.button(f"operators_revoke_{bob.id}").click().run()
    test.button(f"operators_active_{bob.id}").click().run()
    assert "signed out everywhere" in test.success[0].value
    after = next(view for view in list_operators(app, None) if view.name == "Bob")
    assert (after.role, after.link_open, after.active) == (Role.ACCOUNT_MANAGER, False, False)


def test_a_reset_link_is_shown_once(app: Application, admin: CurrentOperator) -> None:
    alice = make_operator(app.database, "Alice", password_hash="$2b$04$" + "x" * 53)
    test = frame("operators")
    test.button(f"operators_link_{alice.id}").click().run()
    assert open_invitation(app, link_on(test).rsplit("/", 1)[1]).purpose == "reset"


def test_the_last_admin_cannot_be_stopped(app: Application, admin: CurrentOperator) -> None:
    test = frame("operators")
    test.button(f"operators_active_{admin.id}").click().run()
    assert "last admin" in test.error[0].value
    assert list_operators(app, None)[0].active
