"""The country of a registration is corrected: nothing that was given or begun in the old one is ever used for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from core import clock
from core.errors import InvalidInput, NotFound
from core.keeping.keeper import Keeper
from core.registrations import callback
from core.registrations.consent import begin_consent, create_consent
from core.registrations.customer_links import begin_customer_consent, create_customer_link, open_customer_link
from core.registrations.outcomes import ConsentResult, Outcome
from core.registrations.recovery import recover_chains, replay_journal
from core.registrations.register import disconnect, edit
from core.registrations.registration import registration
from core.registrations.views import RegistrationForm
from core.settings import Settings
from core.simulator.server import RunningSimulator
from core.storage.models import Administration, Grant, Registration
from tests.support.connecting import TEST_USER, connect
from tests.support.recount import differences
from tests.support.visits import Desk, Ended, Visit, end_at, meanwhile

ACCOUNTANT = "kantoor@vandijk-accountants.example"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"quiet_hour": -1})


@pytest.fixture
def belgian(simulator: RunningSimulator) -> str:
    return simulator.engine.users("be")[0].name


def corrected(desk: Desk, number: int, environment: str = "be") -> None:
    form = RegistrationForm(name=desk.row(number).name, environment="nl")
    edit(desk.app, desk.by, number, replace(form, environment=environment), form)


def is_of_one_country(desk: Desk) -> None:
    with desk.app.database.read() as session:
        for row in session.query(Registration):
            for grant_id in (row.grant_id, row.candidate_grant_id):
                grant = session.get(Grant, grant_id) if grant_id else None
                assert grant is None or grant.environment == row.environment


def keeper_turns(desk: Desk, minutes: int = 6) -> None:
    with clock.shifted(minutes * MINUTE):
        Keeper(desk.app).turn()
        assert differences(desk.app.database, desk.app.settings, clock.now()) == []


def is_refused(result: ConsentResult) -> None:
    assert result.outcome is Outcome.OTHER_COUNTRY
    assert "another country" in result.sentence


def test_an_attempt_in_the_old_country_is_refused_on_its_return(desk: Desk, belgian: str) -> None:
    number = desk.registered()
    visit = desk.visit(number)
    corrected(desk, number)
    is_refused(visit.back())
    assert len(desk.simulator.engine.calls("token")) == 0

    assert desk.visit(number, belgian, "be").back().outcome is Outcome.GRANTED
    is_of_one_country(desk)
    assert desk.held(number) == desk.living(belgian)


def test_connect_goes_to_the_new_country_at_once(desk: Desk) -> None:
    number = desk.registered()
    old = create_consent(desk.app, desk.by, number)
    corrected(desk, number)
    with pytest.raises(NotFound):
        begin_consent(desk.app, desk.by, old)
    begun = begin_consent(desk.app, desk.by, create_consent(desk.app, desk.by, number))
    assert urlsplit(begun.authorize_url).path.startswith("/be/")


def test_moving_it_there_and_back_opens_no_old_attempt_again(desk: Desk) -> None:
    number = desk.registered()
    visit = desk.visit(number)
    corrected(desk, number, "be")
    form = RegistrationForm(name=desk.row(number).name, environment="be")
    edit(desk.app, desk.by, number, replace(form, environment="nl"), form)
    assert visit.back().outcome is Outcome.WITHDRAWN


@pytest.mark.parametrize("at", ["exchange", "me"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_what_exact_gives_for_the_old_country_is_let_go(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, at: str, after: bool
) -> None:
    number = desk.registered()
    visit = desk.visit(number)
    meanwhile(monkeypatch, desk.app.exact, at, lambda: corrected(desk, number), after=after)
    is_refused(visit.back())
    is_of_one_country(desk)
    keeper_turns(desk)
    assert desk.grants() == []
    assert desk.row(number).status_reason == "waiting_for_consent"
    assert desk.row(number).next_check_at is None


def test_what_is_let_go_keeps_the_others_of_its_login_alive(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = connect(desk.app, desk.by, desk.simulator, "Early B.V.", user=ACCOUNTANT, codes=[2001001])
    number = desk.registered("Late B.V.")
    visit = desk.visit(number, ACCOUNTANT)
    meanwhile(monkeypatch, desk.app.exact, "me", lambda: corrected(desk, number))
    desk.me_is_away()
    is_refused(visit.back())
    desk.me_is_back()
    keeper_turns(desk)
    assert desk.held(other) == desk.living(ACCOUNTANT)
    assert len(desk.grants()) == 1
    is_of_one_country(desk)


def test_a_consent_without_an_owner_does_not_come_along(desk: Desk) -> None:
    number = desk.registered()
    desk.me_is_away()
    assert desk.visit(number).back().outcome is Outcome.UNIDENTIFIED
    desk.me_is_back()
    corrected(desk, number)
    assert desk.row(number).candidate_grant_id is None
    assert desk.row(number).status_reason == "waiting_for_consent"
    keeper_turns(desk)
    assert desk.row(number).grant_id is None
    assert desk.grants() == []


def test_nor_one_that_exact_is_being_asked_about(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    number = desk.registered()
    desk.me_is_away()
    assert desk.visit(number).back().outcome is Outcome.UNIDENTIFIED
    desk.me_is_back()
    meanwhile(monkeypatch, desk.app.exact, "me", lambda: corrected(desk, number), after=True)
    keeper_turns(desk, 3)
    is_of_one_country(desk)
    assert desk.row(number).grant_id is None


def by_link(desk: Desk, number: int) -> tuple[str, Visit]:
    token = create_customer_link(desk.app, desk.by, number).rsplit("/", 1)[1]
    begun = begin_customer_consent(desk.app, token)
    return token, Visit(desk.app, number, begun, desk.simulator.engine.grant_code("nl", TEST_USER))


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_customers_link_leads_to_the_new_country(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, belgian: str, when: str
) -> None:
    number = desk.registered()
    token, visit = by_link(desk, number)
    if when == "before":
        corrected(desk, number)
    else:
        meanwhile(monkeypatch, desk.app.exact, "exchange", lambda: corrected(desk, number), after=True)
    is_refused(visit.back())

    assert open_customer_link(desk.app, token).environment == "be"
    begun = begin_customer_consent(desk.app, token)
    code = desk.simulator.engine.grant_code("be", belgian)
    assert Visit(desk.app, number, begun, code).back().outcome is Outcome.GRANTED
    is_of_one_country(desk)


def left_in_a_slot(desk: Desk, monkeypatch: pytest.MonkeyPatch, visit: Visit) -> None:
    def end(*_given: object) -> None:
        raise Ended

    monkeypatch.setattr("core.tokens.spending._save", end)
    with pytest.raises(Ended):
        visit.back()
    monkeypatch.undo()


def left_without_an_owner(desk: Desk, monkeypatch: pytest.MonkeyPatch, visit: Visit) -> None:
    end_at(monkeypatch, callback, "_take_over")
    with pytest.raises(Ended):
        visit.back()


@pytest.mark.parametrize("left", [left_in_a_slot, left_without_an_owner])
def test_what_a_process_left_is_not_adopted_in_another_country(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, left: Callable[[Desk, pytest.MonkeyPatch, Visit], None]
) -> None:
    number = desk.registered()
    left(desk, monkeypatch, desk.visit(number))
    corrected(desk, number)
    replay_journal(desk.app)
    is_of_one_country(desk)
    keeper_turns(desk)
    is_of_one_country(desk)
    assert desk.row(number).grant_id is None


def test_nor_after_a_backup_that_remembers_the_attempt_and_not_its_tokens(desk: Desk) -> None:
    number = desk.registered()
    desk.me_is_away()
    assert desk.visit(number).back().outcome is Outcome.UNIDENTIFIED
    desk.me_is_back()
    corrected(desk, number)
    with desk.app.database.transaction() as session:  # the backup is of before the tokens came
        session.query(Grant).delete()
    recover_chains(desk.app)
    keeper_turns(desk)
    is_of_one_country(desk)
    assert desk.row(number).grant_id is None


def test_once_a_consent_is_in_force_the_country_is_fixed(desk: Desk) -> None:
    number = connect(desk.app, desk.by, desk.simulator)
    with pytest.raises(InvalidInput) as refused:
        corrected(desk, number)
    assert refused.value.field == "environment"
    assert desk.row(number).environment == "nl"


def test_a_disconnected_one_begins_afresh_in_the_new_country(desk: Desk, belgian: str) -> None:
    number = connect(desk.app, desk.by, desk.simulator)
    disconnect(desk.app, desk.by, number)
    corrected(desk, number)
    assert desk.visit(number, belgian, "be").back().outcome is Outcome.GRANTED
    with desk.app.database.read() as session:
        seen = session.query(Administration.environment).filter_by(registration_id=number).distinct().all()
    assert [tuple(row) for row in seen] == [("be",)]


# --- Our app was registered anew at Exact --------------------------------------------------------------------


def test_after_our_app_was_registered_anew_the_same_login_is_no_other_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All who hang on the old login go over: its tokens are of an app that is no more."""
    first = connect(desk.app, desk.by, desk.simulator, "Early B.V.", user=ACCOUNTANT, codes=[2001001])
    second = connect(desk.app, desk.by, desk.simulator, "Late B.V.", user=ACCOUNTANT, codes=[2001002])
    with desk.app.database.transaction() as session:
        for grant in session.query(Grant):
            grant.client_id = "of the app before"
    assert desk.visit(first, ACCOUNTANT).back().outcome is Outcome.GRANTED
    assert desk.row(first).grant_id == desk.row(second).grant_id
    assert desk.held(second) == desk.living(ACCOUNTANT)
    assert len(desk.grants()) == 1
    assert registration(desk.app, desk.by, second).candidate is None
