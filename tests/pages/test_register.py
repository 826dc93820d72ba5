"""Register at Exact Online: kept as it is typed, refused field by field, submitted once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select
from streamlit.testing.v1 import AppTest

from core.accounts.roles import CurrentOperator
from core.application import Application
from core.registrations.drafts import discard_draft, open_draft, save_draft
from core.registrations.register import edit, register
from core.registrations.registration import registration
from core.registrations.views import RegistrationForm
from core.simulator.server import RunningSimulator
from core.storage.models import Consent, Operator, Registration
from tests.factories import make_operator
from tests.support.frame import frame

FORM = RegistrationForm(name="Test B.V.", environment="nl", reference="K-1", note="Belt 's middags.")


@pytest.fixture(autouse=True)
def _exact(simulator: RunningSimulator) -> None:
    """With an Exact Online, so that three environments can be chosen."""


def words(page: AppTest) -> str:
    return "\n".join(element.value for element in (*page.markdown, *page.caption))


def links(page: AppTest) -> dict[str, str]:
    """The links of the page's own part: label to query."""
    return {link.proto.label: link.proto.query_string for link in page.main.get("page_link")}


def consents(app: Application) -> list[int]:
    with app.database.read() as session:
        return list(session.scalars(select(Consent.registration_id)))


def test_what_is_typed_is_kept_at_once(app: Application, sanne: CurrentOperator) -> None:
    page = frame("register")
    page.text_input("register_name").set_value("Test B.V.").run()
    page.text_area("register_note").set_value("Belt 's middags.").run()

    draft = open_draft(app, sanne)
    assert draft is not None
    assert (draft.form.name, draft.form.note) == ("Test B.V.", "Belt 's middags.")
    assert "Draft saved" in words(page)


def test_an_untouched_form_leaves_nothing_behind(app: Application, sanne: CurrentOperator) -> None:
    frame("register").run()

    assert open_draft(app, sanne) is None


def test_register_is_empty_and_a_link_beside_it_leads_to_the_draft(
    app: Application, sanne: CurrentOperator
) -> None:
    kept = save_draft(app, sanne, None, FORM)

    page = frame("register")
    assert page.text_input("register_name").value == ""
    assert links(page) == {"1 unfinished draft: continue": f"id={kept}"}
    page.text_input("register_name").set_value("Bravo B.V.").run()

    first = open_draft(app, sanne, kept)
    assert first is not None and first.form == FORM


def test_several_drafts_are_found_in_the_list(app: Application, sanne: CurrentOperator) -> None:
    for name in ("Alpha", "Bravo"):
        save_draft(app, sanne, None, RegistrationForm(name=name))
    save_draft(app, make_operator(app.database, "Bob"), None, RegistrationForm(name="Of somebody else"))

    assert links(frame("register")) == {"2 unfinished drafts: continue": "status=draft"}


def test_a_draft_named_in_the_address_goes_on_where_it_stopped(
    app: Application, sanne: CurrentOperator
) -> None:
    number = save_draft(app, sanne, None, FORM)

    page = frame("register", id=str(number))

    assert not links(page)
    assert page.text_input("register_name").value == "Test B.V."
    assert page.selectbox("register_environment").value == "nl"
    assert page.text_area("register_note").value == "Belt 's middags."


def test_start_afresh_throws_the_draft_away(app: Application, sanne: CurrentOperator) -> None:
    number = save_draft(app, sanne, None, FORM)

    page = frame("register", id=str(number))
    page.button("register_afresh").click().run()

    assert page.text_input("register_name").value == ""
    assert open_draft(app, sanne) is None


def test_another_customer_leaves_the_draft_where_it_is(app: Application, sanne: CurrentOperator) -> None:
    kept = save_draft(app, sanne, None, FORM)

    page = frame("register", id=str(kept))
    page.button("register_another").click().run()
    assert page.text_input("register_name").value == ""
    page.text_input("register_name").set_value("Tweede B.V.").run()

    first, second = open_draft(app, sanne, kept), open_draft(app, sanne)
    assert first is not None and first.form.name == "Test B.V."
    assert second is not None and second.form.name == "Tweede B.V." and second.id != kept


def test_connect_tells_what_is_missing_under_each_field(app: Application, sanne: CurrentOperator) -> None:
    page = frame("register")
    assert "Type the customer's name" not in words(page)

    page.button("register_connect").click().run()

    assert "Type the customer's name" in words(page).replace("\\", "")
    assert "Choose the Exact Online environment" in words(page)


def test_a_name_taken_in_this_environment_is_told(app: Application, sanne: CurrentOperator) -> None:
    register(app, sanne, None, FORM)

    page = frame("register")
    page.text_input("register_name").set_value("test bv")
    page.text_input("register_name").set_value(" TEST  B.V. ")
    page.selectbox("register_environment").set_value("nl").run()

    assert "is already registered in this environment" in words(page)
    assert page.text_input("register_name").value == " TEST  B.V. "


def test_an_environment_without_an_app_says_why(app: Application, sanne: CurrentOperator) -> None:
    page = frame("register")
    page.selectbox("register_environment").set_value("fr").run()

    assert "no client id for France" in words(page)
    assert "An admin can add it" in words(page)


def test_a_phone_shows_each_environment_whole(app: Application, sanne: CurrentOperator) -> None:
    offered = frame("register").selectbox("register_environment").options

    assert "United Kingdom (not available)" in offered
    assert max(len(label) for label in offered) <= 40


def test_connect_leaves_for_exact_once_registered(app: Application, sanne: CurrentOperator) -> None:
    number = save_draft(app, sanne, None, FORM)

    page = frame("register", id=str(number))
    page.button("register_connect").click().run()

    assert registration(app, sanne, number).submitted_at is not None
    assert any("/exact/connect?consent=" in html.value for html in page.html)


def test_a_registration_that_is_not_active_does_not_connect(app: Application, sanne: CurrentOperator) -> None:
    number = save_draft(app, sanne, None, replace(FORM, active=False))

    page = frame("register", id=str(number))
    page.button("register_connect").click().run()

    assert "Switch this on first" in words(page)
    assert registration(app, sanne, number).submitted_at is None


def test_a_submitted_registration_waits_for_consent(app: Application, sanne: CurrentOperator) -> None:
    number = register(app, sanne, None, FORM)

    page = frame("register", id=str(number))

    assert "is registered. Now somebody with an Exact login gives consent" in words(page)
    assert page.button("waiting_connect").label == "Connect"


def test_an_account_manager_does_not_register(app: Application, mark: CurrentOperator) -> None:
    page = frame("register")

    assert "Your role does not allow this" in page.error[0].value
    assert not page.text_input


def test_what_is_typed_in_one_tab_never_lands_on_the_draft_of_another(
    app: Application, sanne: CurrentOperator
) -> None:
    number = save_draft(app, sanne, None, replace(FORM, name="Alpha"))
    one, other = frame("register", id=str(number)), frame("register", id=str(number))
    other.text_input("register_name").set_value("Beta B.V.").run()

    one.text_area("register_note").set_value("Of Alpha").run()

    assert "it was “Alpha” (Netherlands), and is “Beta B.V.” (Netherlands) now" in warned(one)
    assert "kept as a draft of its own" in warned(one)
    kept = {draft.name: draft.note for draft in every(app)}
    assert kept == {"Beta B.V.": FORM.note, "Alpha": "Of Alpha"}
    one.text_area("register_note").set_value("Of Alpha, and more").run()
    assert {draft.name: draft.note for draft in every(app)} == {
        "Beta B.V.": FORM.note, "Alpha": "Of Alpha, and more",
    }  # fmt: skip


@pytest.mark.parametrize("registered", [False, True])
def test_connect_never_sends_one_customer_to_consent_into_another(
    app: Application, sanne: CurrentOperator, registered: bool
) -> None:
    number = save_draft(app, sanne, None, replace(FORM, name="Alpha"))
    page = frame("register", id=str(number))
    beta = replace(FORM, name="Beta B.V.")
    save_draft(app, sanne, number, beta)
    if registered:
        register(app, sanne, number, beta)

    page.button("register_connect").click().run()

    assert consents(app) == []
    assert "Alpha" in warned(page)
    assert page.text_input("register_name").value == "Alpha"
    page.button("register_connect").click().run()
    [sent] = consents(app)
    assert registration(app, sanne, sent).name == "Alpha"
    assert registration(app, sanne, number).name == "Beta B.V."


def test_a_tab_stays_with_its_draft_when_that_has_been_registered_elsewhere(
    app: Application, sanne: CurrentOperator
) -> None:
    number = save_draft(app, sanne, None, replace(FORM, name="Alpha"))
    page = frame("register", id=str(number))
    register(app, sanne, number, replace(FORM, name="Beta B.V."))

    page.text_area("register_note").set_value("Of Alpha").run()

    assert page.text_input("register_name").value == "Alpha"
    assert registration(app, sanne, number).note == FORM.note
    assert [(draft.name, draft.note) for draft in every(app)] == [("Alpha", "Of Alpha")]


def test_a_draft_thrown_away_elsewhere_is_kept_here(app: Application, sanne: CurrentOperator) -> None:
    number = save_draft(app, sanne, None, FORM)
    page = frame("register", id=str(number))
    discard_draft(app, sanne, number)

    page.text_area("register_note").set_value("Still here").run()

    assert [draft.note for draft in every(app)] == ["Still here"]
    assert "kept as a draft of its own" in warned(page)


def test_a_draft_that_has_become_another_s_is_not_thrown_away(
    app: Application, sanne: CurrentOperator
) -> None:
    number = save_draft(app, sanne, None, replace(FORM, name="Alpha"))
    page = frame("register", id=str(number))
    save_draft(app, sanne, number, replace(FORM, name="Beta B.V."))

    page.button("register_afresh").click().run()

    assert "changed since you opened it" in page.error[0].value
    assert [draft.name for draft in every(app)] == ["Beta B.V."]


def test_connect_of_a_waiting_page_is_bound_to_what_it_shows(
    app: Application, sanne: CurrentOperator
) -> None:
    number = register(app, sanne, None, replace(FORM, name="Alpha"))
    page = frame("register", id=str(number))
    edit(app, sanne, number, replace(FORM, name="Beta B.V."))

    page.button("waiting_connect").click().run()

    assert consents(app) == []
    assert "it was “Alpha” (Netherlands), and is “Beta B.V.” (Netherlands) now" in said(page)
    page.button("waiting_connect").click().run()
    assert consents(app) == [number]


def test_what_is_registered_already_is_one_link_away_and_the_draft_may_go(
    app: Application, sanne: CurrentOperator
) -> None:
    there = register(app, sanne, None, FORM)
    number = save_draft(app, sanne, None, replace(FORM, name="TEST b.v."))

    page = frame("register", id=str(number))
    assert links(page)["Open TEST b\\.v\\."] == f"id={there}"
    page.button("register_drop").click().run()

    assert every(app) == []
    assert page.title[0].value.replace("\\", "") == "Test B.V."


def test_of_two_with_one_name_the_one_chosen_owns_it(app: Application, sanne: CurrentOperator) -> None:
    first = make_operator(app.database, "Jan de Boer", email="jan1@clickker.test")
    make_operator(app.database, "Jan de Boer", email="jan2@clickker.test")

    page = frame("register")
    box = page.selectbox("register_owner_id")
    assert len(set(box.options)) == len(box.options)
    box.select("Jan de Boer (jan1@clickker.test)").run()

    [draft] = every(app)
    assert draft.owner_id == first.id


def test_nobody_is_called_as_nobody_is(app: Application, sanne: CurrentOperator) -> None:
    odd = make_operator(app.database, "Nobody yet", email="odd@clickker.test")

    page = frame("register")
    assert "Nobody yet (odd@clickker.test)" in page.selectbox("register_owner_id").options
    page.selectbox("register_owner_id").select("Nobody yet (odd@clickker.test)").run()

    [draft] = every(app)
    assert draft.owner_id == odd.id


def test_whoever_is_renamed_while_a_form_is_open_stays_who_was_chosen(
    app: Application, sanne: CurrentOperator
) -> None:
    jan, piet = (make_operator(app.database, name) for name in ("Jan", "Piet"))
    page = frame("register")
    with app.database.transaction() as session:
        session.get_one(Operator, jan.id).name, session.get_one(Operator, piet.id).name = "Piet", "Jan"

    page.selectbox("register_owner_id").select("Jan").run()

    [draft] = every(app)
    assert draft.owner_id == jan.id


def test_an_owner_whose_account_is_disabled_stays_and_is_marked(
    app: Application, sanne: CurrentOperator
) -> None:
    gone = make_operator(app.database, "Jan", active=False)
    make_operator(app.database, "Piet", active=False)
    number = save_draft(app, sanne, None, replace(FORM, owner_id=gone.id))

    page = frame("register", id=str(number))
    assert page.selectbox("register_owner_id").value == gone.id
    assert "Jan (disabled)" in page.selectbox("register_owner_id").options
    assert "Piet (disabled)" not in page.selectbox("register_owner_id").options
    page.text_area("register_note").set_value("x").run()

    [draft] = every(app)
    assert (draft.owner_id, draft.note) == (gone.id, "x")


def every(app: Application) -> list[Registration]:
    """The drafts there are."""
    with app.database.read() as session:
        query = select(Registration).where(Registration.submitted_at.is_(None))
        return list(session.scalars(query.order_by(Registration.id)))


def warned(page: AppTest) -> str:
    return "\n".join(box.value for box in page.warning).replace("\\", "")


def said(page: AppTest) -> str:
    return "\n".join(box.value for box in page.error).replace("\\", "")
