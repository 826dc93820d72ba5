"""No save lands on what has become another customer's, or undoes what a colleague saved, since it was opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from core.accounts.roles import CurrentOperator
from core.application import Application
from core.errors import ChangedMeanwhile
from core.registrations.administrations import save_administrations
from core.registrations.callback import complete_consent
from core.registrations.consent import begin_consent, create_consent
from core.registrations.customer_links import create_customer_link
from core.registrations.decisions import accept_candidate, reject_candidate
from core.registrations.drafts import discard_draft, open_draft, save_draft
from core.registrations.outcomes import Outcome
from core.registrations.register import delete, disconnect, edit, register, set_active, set_owner
from core.registrations.registration import registration
from core.registrations.seen import Seen, seen_in
from core.registrations.views import RegistrationForm, RegistrationView
from core.simulator.server import RunningSimulator
from core.storage.models import Registration
from tests.factories import make_administration, make_connected, make_grant, make_operator
from tests.support.connecting import TEST_USER

Act = Callable[[Application, CurrentOperator, int, Seen], object]
ALPHA = RegistrationForm("Alpha B.V.", "nl", reference="A-1", note="Of Alpha")

ACTS: dict[str, Act] = {
    "connect": create_consent,
    "customer link": create_customer_link,
    "pause": lambda app, by, number, seen: set_active(app, by, number, False, seen),
    "owner": lambda app, by, number, seen: set_owner(app, by, number, by.id, seen),
    "disconnect": disconnect,
    "delete": delete,
    "save administrations": lambda app, by, number, seen: save_administrations(
        app, by, number, {a.code for a in registration(app, by, number).administrations}, seen
    ),
    "keep the old login": reject_candidate,
    "use the new login": accept_candidate,
}


@pytest.fixture
def alice(app: Application, simulator: RunningSimulator) -> CurrentOperator:
    return make_operator(app.database, "Alice")


@pytest.fixture
def opened(app: Application, alice: CurrentOperator) -> RegistrationView:
    """Connected, with another login in wait of a word, as it stands on a screen."""
    number = make_connected(app.database, "Alpha B.V.")
    change(app, number, candidate_grant_id=make_grant(app.database, full_name="Piet Pieters"))
    return registration(app, alice, number)


def change(app: Application, number: int, **columns: object) -> None:
    with app.database.transaction() as session:
        row = session.get_one(Registration, number)
        for name, value in columns.items():
            setattr(row, name, value)


@pytest.mark.parametrize("named", ACTS)
@pytest.mark.parametrize("changes", [{"name": "Beta B.V."}, {"environment": "be"}])
def test_nothing_is_done_to_another_customer_than_was_shown(
    app: Application, alice: CurrentOperator, opened: RegistrationView, named: str, changes: dict[str, str]
) -> None:
    change(app, opened.id, **changes)
    before = registration(app, alice, opened.id)

    with pytest.raises(ChangedMeanwhile, match=r"changed since you opened it: it was “Alpha B\.V\.”"):
        ACTS[named](app, alice, opened.id, seen_in(opened))

    assert registration(app, alice, opened.id) == before


@pytest.mark.parametrize("named", ["disconnect", "save administrations", "use the new login"])
def test_nothing_is_done_to_another_consent_than_was_shown(
    app: Application, alice: CurrentOperator, opened: RegistrationView, named: str
) -> None:
    change(app, opened.id, grant_id=make_grant(app.database))

    with pytest.raises(ChangedMeanwhile, match="another consent has come"):
        ACTS[named](app, alice, opened.id, seen_in(opened))


@pytest.mark.parametrize("named", ["keep the old login", "use the new login"])
def test_no_word_is_given_on_another_login_than_was_shown(
    app: Application, alice: CurrentOperator, opened: RegistrationView, named: str
) -> None:
    change(app, opened.id, candidate_grant_id=make_grant(app.database, full_name="Klaas Klaassen"))

    with pytest.raises(ChangedMeanwhile, match="another login waits"):
        ACTS[named](app, alice, opened.id, seen_in(opened))

    assert registration(app, alice, opened.id).candidate is not None


def test_administrations_that_a_colleague_linked_are_not_let_go_of(
    app: Application, alice: CurrentOperator
) -> None:
    number = make_connected(app.database, "Alpha B.V.", administrations=1)
    second = make_administration(app.database, number, "Alpha Holding", linked=False)
    third = make_administration(app.database, number, "Alpha Verhuur", linked=False)
    opened = registration(app, alice, number)
    [first] = [a.code for a in opened.linked]
    save_administrations(app, alice, number, {first, second})

    with pytest.raises(ChangedMeanwhile, match=r"are linked now: .*Alpha Holding"):
        save_administrations(app, alice, number, {first, third}, seen_in(opened))

    assert {a.code for a in registration(app, alice, number).linked} == {first, second}


def test_a_draft_is_kept_by_whoever_holds_what_it_holds(app: Application, alice: CurrentOperator) -> None:
    number = save_draft(app, alice, None, ALPHA)
    save_draft(app, alice, number, replace(ALPHA, note="More"), ALPHA)

    for act in (
        lambda: save_draft(app, alice, number, replace(ALPHA, reference="A-2"), ALPHA),
        lambda: discard_draft(app, alice, number, ALPHA),
        lambda: register(app, alice, number, replace(ALPHA, reference="A-2"), ALPHA),
    ):
        with pytest.raises(ChangedMeanwhile, match="somebody typed on in it"):
            act()

    draft = open_draft(app, alice, number)
    assert draft is not None and draft.form == replace(ALPHA, note="More")


@pytest.mark.parametrize("typed", [ALPHA, replace(ALPHA, name="  Alpha   B.V. ", note="Of Alpha\n ")])
def test_what_cleaning_changed_is_no_change(
    app: Application, alice: CurrentOperator, typed: RegistrationForm
) -> None:
    number = save_draft(app, alice, None, typed)

    assert save_draft(app, alice, number, replace(typed, reference="A-2"), typed) == number
    assert register(app, alice, number, ALPHA, replace(typed, reference="A-2")) == number


def test_a_registration_of_another_customer_is_no_second_click(
    app: Application, alice: CurrentOperator
) -> None:
    number = save_draft(app, alice, None, ALPHA)
    register(app, alice, number, replace(ALPHA, name="Beta B.V."))

    with pytest.raises(ChangedMeanwhile, match=r"and is “Beta B\.V\.”"):
        register(app, alice, number, ALPHA)
    with pytest.raises(ChangedMeanwhile, match="no draft any more"):
        save_draft(app, alice, number, ALPHA, ALPHA)


def test_an_edit_does_not_undo_what_a_colleague_saved(app: Application, alice: CurrentOperator) -> None:
    number = register(app, alice, None, ALPHA)
    edit(app, alice, number, replace(ALPHA, note="A colleague's"))

    with pytest.raises(ChangedMeanwhile, match="opened it: Note"):
        edit(app, alice, number, replace(ALPHA, note="Mine"), ALPHA)
    assert registration(app, alice, number).note == "A colleague's"
    edit(app, alice, number, replace(ALPHA, reference="A-2"), ALPHA)

    view = registration(app, alice, number)
    assert (view.reference, view.note) == ("A-2", "A colleague's")


def test_a_note_does_not_land_on_another_customer(app: Application, alice: CurrentOperator) -> None:
    number = register(app, alice, None, ALPHA)
    edit(app, alice, number, replace(ALPHA, name="Beta B.V.", note="Of Beta"))

    with pytest.raises(ChangedMeanwhile, match=r"and is “Beta B\.V\.”"):
        edit(app, alice, number, replace(ALPHA, reference="A-2"), ALPHA)

    assert registration(app, alice, number).reference == "A-1"


def test_what_both_saved_alike_is_no_quarrel(app: Application, alice: CurrentOperator) -> None:
    number = register(app, alice, None, ALPHA)
    edit(app, alice, number, replace(ALPHA, note="The same"))

    edit(app, alice, number, replace(ALPHA, note="The same", reference="A-2"), ALPHA)

    assert registration(app, alice, number).reference == "A-2"


def test_a_country_that_we_know_no_longer_stays(app: Application, alice: CurrentOperator) -> None:
    number = register(app, alice, None, ALPHA)
    change(app, number, environment="xx")
    opened = replace(ALPHA, environment="xx")

    edit(app, alice, number, replace(opened, note="Called"), opened)

    view = registration(app, alice, number)
    assert (view.environment, view.note) == ("xx", "Called")


@pytest.mark.parametrize(
    ("renamed", "outcome"), [("Beta B.V.", Outcome.WITHDRAWN), ("Alpha Holding B.V.", Outcome.GRANTED)]
)
def test_who_was_sent_to_exact_for_one_customer_never_consents_into_another(
    app: Application, alice: CurrentOperator, simulator: RunningSimulator, renamed: str, outcome: Outcome
) -> None:
    number = register(app, alice, None, ALPHA)
    begun = begin_consent(app, alice, create_consent(app, alice, number))
    create_customer_link(app, alice, number)
    [state] = parse_qs(urlsplit(begun.authorize_url).query)["state"]

    edit(app, alice, number, replace(ALPHA, name=renamed))

    answer = [("code", simulator.engine.grant_code("nl", TEST_USER)), ("state", state)]
    came = complete_consent(app, answer, begun.browser_token, alice.id).outcome
    assert (came is Outcome.GRANTED) is (outcome is Outcome.GRANTED)
    view = registration(app, alice, number)
    assert (view.grant is None) is (outcome is Outcome.WITHDRAWN)
