"""Registering: from what is typed to a registration, and what happens to it afterwards."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from core import i18n
from core.accounts.roles import CurrentOperator, Role
from core.application import Application
from core.errors import InvalidInput, NotAllowed, NotFound
from core.registrations.drafts import discard_draft, open_draft, save_draft
from core.registrations.register import check_form, delete, disconnect, edit, register, set_active
from core.registrations.registration import registration
from core.registrations.status import Status
from core.registrations.timeline import timeline
from core.registrations.views import RegistrationForm
from core.settings import ExactApp, Settings
from core.storage import counters
from core.storage.models import Administration, Grant, Registration
from tests.factories import make_administration, make_connected, make_grant, make_operator, make_registration


@pytest.fixture
def settings(settings: Settings) -> Settings:
    known = ExactApp(client_id="a client", client_secret=SecretStr("a secret"))
    return settings.model_copy(update={"exact": {"nl": known, "be": known}})


@pytest.fixture
def alice(app: Application) -> CurrentOperator:
    return make_operator(app.database, "Alice")


FORM = RegistrationForm(name="Test B.V.", environment="nl", reference="4711", note="Called on Monday")


def count(app: Application, name: str) -> int:
    with app.database.read() as session:
        return counters.read_all(session).get(name, 0)


def test_a_draft_survives_a_new_sign_in(app: Application, alice: CurrentOperator) -> None:
    number = save_draft(app, alice, None, RegistrationForm(name="Te"))
    save_draft(app, alice, number, RegistrationForm(name="Test B.V.", note="half"))
    draft = open_draft(app, alice)
    assert draft is not None
    assert (draft.id, draft.form.name, draft.form.note) == (number, "Test B.V.", "half")


def test_somebody_elses_draft_is_not_mine(app: Application, alice: CurrentOperator) -> None:
    save_draft(app, alice, None, FORM)
    assert open_draft(app, make_operator(app.database, "Bob")) is None


def test_a_draft_can_be_thrown_away(app: Application, alice: CurrentOperator) -> None:
    number = save_draft(app, alice, None, FORM)
    discard_draft(app, alice, number)
    assert open_draft(app, alice) is None
    assert count(app, "status:draft") == 0
    with pytest.raises(NotFound):
        discard_draft(app, alice, number)


def test_two_drafts_may_have_the_same_name(app: Application, alice: CurrentOperator) -> None:
    assert save_draft(app, alice, None, FORM) != save_draft(app, alice, None, FORM)


def test_a_draft_becomes_the_registration(app: Application, alice: CurrentOperator) -> None:
    number = save_draft(app, alice, None, RegistrationForm(name="Test"))
    assert register(app, alice, number, FORM) == number
    view = registration(app, alice, number)
    assert (view.name, view.environment, view.reference) == ("Test B.V.", "nl", "4711")
    assert view.status is Status.WAITING_FOR_CONSENT
    assert open_draft(app, alice) is None
    assert (count(app, "status:draft"), count(app, "status:waiting_for_consent")) == (0, 1)


def test_a_double_click_registers_once(app: Application, alice: CurrentOperator) -> None:
    number = save_draft(app, alice, None, FORM)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _n: register(app, alice, number, FORM), range(8)))
    assert set(results) == {number}
    assert [entry.kind for entry in timeline(app, alice, number)].count("registered") == 1


@pytest.mark.parametrize(
    ("form", "field", "word"),
    [
        (RegistrationForm(name=" \t ", environment="nl"), "name", "Type the customer's name"),
        (RegistrationForm(name="x" * 101, environment="nl"), "name", "at most 100"),
        (RegistrationForm(name="Test"), "environment", "Choose the Exact Online environment"),
        (RegistrationForm(name="Test", environment="de"), "environment", "Not set up"),
        (RegistrationForm(name="Test", environment="xx"), "environment", "xx"),
        (RegistrationForm(name="Test", environment="nl", reference="x" * 51), "reference", "at most 50"),
        (RegistrationForm(name="Test", environment="nl", note="x" * 2001), "note", "at most 2000"),
    ],
)
def test_it_says_what_is_wrong_and_where(
    app: Application, alice: CurrentOperator, form: RegistrationForm, field: str, word: str
) -> None:
    with pytest.raises(InvalidInput, match=word) as caught:
        register(app, alice, None, form)
    assert caught.value.field == field


def test_a_name_is_unique_in_its_environment_whatever_the_case(
    app: Application, alice: CurrentOperator
) -> None:
    register(app, alice, None, FORM)
    with pytest.raises(InvalidInput, match="already registered") as caught:
        register(app, alice, None, RegistrationForm(name="  TEST  b.v. ", environment="nl"))
    assert caught.value.field == "name"
    assert register(app, alice, None, RegistrationForm(name="Test B.V.", environment="be"))


def test_two_at_once_cannot_both_have_the_name(app: Application, alice: CurrentOperator) -> None:
    def attempt(_number: int) -> bool:
        try:
            register(app, alice, None, FORM)
        except InvalidInput:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(attempt, range(6))) == 1


def test_an_account_manager_may_not_register_but_may_edit_notes(
    app: Application, alice: CurrentOperator
) -> None:
    number = register(app, alice, None, FORM)
    bob = make_operator(app.database, "Bob", Role.ACCOUNT_MANAGER)
    with pytest.raises(NotAllowed):
        register(app, bob, None, FORM)
    edit(app, bob, number, RegistrationForm("Test B.V.", "nl", True, "4712", bob.id, "Mine now"))
    view = registration(app, bob, number)
    assert (view.owner_name, view.note, view.reference) == ("Bob", "Mine now", "4712")
    with pytest.raises(NotAllowed):
        edit(app, bob, number, RegistrationForm("Other", "nl", True, "4712", bob.id, "Mine now"))
    assert registration(app, bob, number).name == "Test B.V."


def test_an_edit_names_the_fields_in_the_timeline(app: Application, alice: CurrentOperator) -> None:
    number = register(app, alice, None, FORM)
    edit(app, alice, number, RegistrationForm("Test Twee B.V.", "nl", True, "4711", None, "Called on Monday"))
    assert timeline(app, alice, number)[0].sentence == "Details changed: Name."
    with i18n.language("nl"):
        assert "Naam" in timeline(app, alice, number)[0].sentence


def test_the_environment_is_fixed_once_consent_was_given(app: Application, alice: CurrentOperator) -> None:
    number = make_connected(app.database, "Test B.V.")
    with pytest.raises(InvalidInput, match="fixed") as caught:
        edit(app, alice, number, RegistrationForm("Test B.V.", "be"))
    assert caught.value.field == "environment"


def test_an_edit_keeps_an_environment_that_has_become_unavailable(
    app: Application, alice: CurrentOperator
) -> None:
    number = make_registration(app.database, "Fabrik", environment="de")
    edit(app, alice, number, RegistrationForm("Fabrik GmbH", "de"))
    assert registration(app, alice, number).name == "Fabrik GmbH"


def test_an_unknown_owner_is_nobody(app: Application, alice: CurrentOperator) -> None:
    number = register(app, alice, None, RegistrationForm(name="Test", environment="nl", owner_id=999_999))
    assert registration(app, alice, number).owner_id is None


def test_pausing_is_told_and_undone(app: Application, alice: CurrentOperator) -> None:
    number = make_connected(app.database)
    set_active(app, alice, number, False)
    assert registration(app, alice, number).status is Status.PAUSED
    set_active(app, alice, number, True)
    assert registration(app, alice, number).status is Status.CONNECTED
    assert {"paused", "activated"} <= {entry.kind for entry in timeline(app, alice, number)}


def test_disconnecting_deletes_our_keys_and_frees_the_administrations(
    app: Application, alice: CurrentOperator
) -> None:
    number = make_connected(app.database, administrations=2)
    disconnect(app, alice, number)
    view = registration(app, alice, number)
    assert view.status is Status.DISCONNECTED
    assert view.linked == ()
    with app.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Grant)) == 0
    assert count(app, "administrations") == 0


def test_a_grant_that_others_use_outlives_a_disconnect(app: Application, alice: CurrentOperator) -> None:
    one, other = make_registration(app.database), make_registration(app.database)
    grant = make_grant(app.database, one)
    with app.database.transaction() as session:
        session.get_one(Registration, other).grant_id = grant
    assert registration(app, alice, one).grant.shared_with[0][0] == other  # type: ignore[union-attr]
    disconnect(app, alice, one)
    assert registration(app, alice, other).grant is not None
    delete(app, alice, other)
    with app.database.read() as session:
        assert session.get(Grant, grant) is None


def test_deleting_takes_everything_along(app: Application, alice: CurrentOperator) -> None:
    number = make_connected(app.database)
    make_administration(app.database, number)
    delete(app, alice, number)
    with pytest.raises(NotFound):
        registration(app, alice, number)
    with app.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Administration)) == 0
    assert (count(app, "administrations"), count(app, "status:connected")) == (0, 0)


def test_an_account_manager_may_not_delete_or_disconnect(app: Application) -> None:
    number = make_connected(app.database)
    bob = make_operator(app.database, "Bob", Role.ACCOUNT_MANAGER)
    for forbidden in (delete, disconnect):
        with pytest.raises(NotAllowed):
            forbidden(app, bob, number)


def test_all_fields_are_checked_at_once(app: Application) -> None:
    wrong = check_form(app, RegistrationForm(note="x" * 3000))
    assert list(wrong) == ["name", "environment", "note"]


def test_a_sign_that_postgresql_refuses_is_left_out(app: Application, alice: CurrentOperator) -> None:
    odd = RegistrationForm(name="Te\x00st", environment="\x00", reference="\x00", note="one\x00\ntwo")
    number = save_draft(app, alice, None, odd)

    draft = open_draft(app, alice, number)

    assert draft is not None
    assert (draft.form.name, draft.form.environment, draft.form.reference) == ("Test", "", "")
    assert draft.form.note == "one\ntwo"


def test_a_field_left_as_it_was_keeps_what_somebody_else_saved_since(
    app: Application, alice: CurrentOperator
) -> None:
    number = register(app, alice, None, FORM)
    set_active(app, make_operator(app.database, "Bob"), number, active=False)

    edit(app, alice, number, replace(FORM, note="Called again"), FORM)

    view = registration(app, alice, number)
    assert (view.active, view.note) == (False, "Called again")
