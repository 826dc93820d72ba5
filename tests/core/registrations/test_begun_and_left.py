"""A process ends between two steps of a consent, for good: the keeper takes up what was begun, in a stated time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core import clock
from core.exact.errors import ExactError, FailureKind
from core.keeping.keeper import Keeper
from core.registrations import callback, decisions, takeover
from core.registrations.customer_links import begin_customer_consent, create_customer_link, open_customer_link
from core.registrations.decisions import accept_candidate
from core.registrations.outcomes import Outcome
from core.registrations.register import disconnect, set_active
from core.registrations.registration import registration
from core.registrations.status import Status
from core.registrations.timeline import timeline
from core.settings import Settings
from core.storage.models import Consent, Registration
from tests.factories import make_incident
from tests.support.connecting import TEST_USER, connect
from tests.support.recount import differences
from tests.support.visits import Desk, Ended, Visit, end_at

BAKKER = "info@bakkerbv.example"
ACCOUNTANT = "kantoor@vandijk-accountants.example"
MINUTE = timedelta(minutes=1)
STATED = 6 * MINUTE
"""Within so long everything that was begun is taken up."""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"quiet_hour": -1})


def keeper_turns(desk: Desk, after: timedelta = STATED) -> None:
    with clock.shifted(after):
        Keeper(desk.app).turn()
        assert differences(desk.app.database, desk.app.settings, clock.now()) == []


def paused(desk: Desk, number: int) -> None:
    set_active(desk.app, desk.by, number, active=False)


def outcomes(desk: Desk, number: int) -> list[str]:
    with desk.app.database.read() as session:
        return [one.outcome for one in session.query(Consent).filter_by(registration_id=number)]


def test_a_process_that_ends_while_exact_is_asked_who_consented(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = desk.registered()
    end_at(monkeypatch, desk.app.exact, "me")
    with pytest.raises(Ended):
        desk.visit(number).back()

    keeper_turns(desk)

    view = registration(desk.app, desk.by, number)
    assert (view.status, view.candidate) == (Status.CHOOSE_ADMINISTRATIONS, None)
    assert view.administrations
    assert desk.held(number) == desk.living()
    assert outcomes(desk, number) == [Outcome.GRANTED]


def test_a_later_consent_makes_an_end_of_one_that_was_left(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = desk.registered()
    end_at(monkeypatch, desk.app.exact, "me")
    with pytest.raises(Ended):
        desk.visit(number).back()
    assert desk.visit(number).back().outcome is Outcome.GRANTED

    keeper_turns(desk)

    assert outcomes(desk, number) == [Outcome.GRANTED, Outcome.GRANTED]


def test_the_same_with_a_connection_that_is_checked_daily(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its next check is far away, and its old tokens are dead."""
    number = connect(desk.app, desk.by, desk.simulator)
    keeper_turns(desk)
    end_at(monkeypatch, desk.app.exact, "me")
    with clock.shifted(8 * MINUTE):
        with pytest.raises(Ended):
            desk.visit(number).back()
        keeper_turns(desk)
        assert desk.row(number).candidate_grant_id is None
        assert desk.held(number) == desk.living()
        assert desk.row(number).status == "connected"


@pytest.mark.parametrize("how", ["ended", "slow"])
@pytest.mark.parametrize("state", ["disconnected", "paused"])
def test_whatever_state_it_is_in_the_keeper_asks_whose_the_consent_is(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, state: str, how: str
) -> None:
    number = connect(desk.app, desk.by, desk.simulator) if state == "disconnected" else desk.registered()
    if state == "disconnected":
        disconnect(desk.app, desk.by, number)
    visit = desk.visit(number)
    if state == "paused":
        paused(desk, number)
    if how == "ended":
        end_at(monkeypatch, desk.app.exact, "me")
        with pytest.raises(Ended):
            visit.back()
    else:
        desk.me_is_away()
        assert visit.back().outcome is Outcome.UNIDENTIFIED
        desk.me_is_back()

    keeper_turns(desk)

    assert desk.held(number) == desk.living()
    assert desk.row(number).candidate_grant_id is None
    assert desk.row(number).disconnected_at is None
    if state == "paused":
        assert desk.row(number).status == "paused"
        assert desk.row(number).next_check_at is None
    else:
        assert desk.row(number).status == "choose_administrations"


def test_exact_is_asked_again_until_it_answers_less_and_less_often(desk: Desk) -> None:
    """Also where a consent is in force, which answers at every check."""
    number = connect(desk.app, desk.by, desk.simulator, user=BAKKER)
    desk.me_is_away()
    assert desk.visit(number, ACCOUNTANT).back().outcome is Outcome.UNIDENTIFIED
    desk.me_is_back()
    desk.simulator.engine.add_fault("unavailable", times=None, endpoint="me", user=ACCOUNTANT)
    for minutes in (3, 14, 35):
        asked = len(desk.simulator.engine.calls("me"))
        keeper_turns(desk, minutes * MINUTE)
        assert len(desk.simulator.engine.calls("me")) > asked
        assert desk.row(number).candidate_grant_id is not None
    desk.me_is_back()
    keeper_turns(desk, 100 * MINUTE)
    assert desk.row(number).status_reason == "undecided"


def test_an_incident_holds_nobody_who_has_connected_again(desk: Desk) -> None:
    make_incident(desk.app.database)
    number = desk.registered()
    desk.me_is_away()
    assert desk.visit(number).back().outcome is Outcome.UNIDENTIFIED
    desk.me_is_back()
    keeper_turns(desk)
    assert desk.held(number) == desk.living()


def test_what_waits_for_its_owner_is_told_as_such(desk: Desk) -> None:
    number = desk.registered()
    desk.me_is_away()
    assert desk.visit(number).back().outcome is Outcome.UNIDENTIFIED
    view = registration(desk.app, desk.by, number)
    assert view.status is Status.WAITING_FOR_CONSENT
    assert "received and kept" in view.status_sentence


def test_nobody_is_asked_to_choose_a_login_that_has_no_name_yet(desk: Desk) -> None:
    number = connect(desk.app, desk.by, desk.simulator, user=BAKKER)
    desk.me_is_away()
    assert desk.visit(number, ACCOUNTANT).back().outcome is Outcome.UNIDENTIFIED
    assert desk.row(number).status == "connected"


def test_a_consent_that_exact_refuses_before_it_named_an_owner_is_let_go(desk: Desk) -> None:
    """It was ended by a later one of the same user, or withdrawn: nobody can ever ask whose it was."""
    number = desk.registered()
    desk.me_is_away()
    assert desk.visit(number).back().outcome is Outcome.UNIDENTIFIED
    desk.me_is_back()
    desk.simulator.engine.revoke("nl", TEST_USER)
    for hours in (0.2, 0.5, 3, 8, 13):
        keeper_turns(desk, timedelta(hours=hours))
    assert desk.grants() == []
    assert desk.row(number).candidate_grant_id is None
    assert desk.row(number).next_check_at is None
    assert desk.row(number).status_reason == "waiting_for_consent"
    assert any(entry.kind == "candidate_lost" for entry in timeline(desk.app, desk.by, number))


# --- The code was handed in, or not ------------------------------------------------------------------------


def test_an_attempt_whose_process_ended_with_the_code_is_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = desk.registered()
    end_at(monkeypatch, callback, "exchange_code")
    with pytest.raises(Ended):
        desk.visit(number).back()
    assert outcomes(desk, number) == ["exchanging"]

    keeper_turns(desk)

    assert outcomes(desk, number) == [Outcome.TIMEOUT]
    [entry] = [e for e in timeline(desk.app, desk.by, number) if e.kind == "consent_failed"]
    assert "did not answer" in entry.sentence
    keeper_turns(desk, 2 * STATED)
    assert len([e for e in timeline(desk.app, desk.by, number) if e.kind == "consent_failed"]) == 1


def test_one_that_exact_still_has_is_left_alone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    number = desk.registered()
    end_at(monkeypatch, callback, "exchange_code")
    with pytest.raises(Ended):
        desk.visit(number).back()
    keeper_turns(desk, 2 * MINUTE)
    assert outcomes(desk, number) == ["exchanging"]


def by_link(desk: Desk, number: int) -> tuple[str, Visit]:
    token = create_customer_link(desk.app, desk.by, number).rsplit("/", 1)[1]
    begun = begin_customer_consent(desk.app, token)
    return token, Visit(desk.app, number, begun, desk.simulator.engine.grant_code("nl", TEST_USER))


def test_its_link_is_given_back_without_anybody_opening_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = desk.registered()
    _token, visit = by_link(desk, number)
    end_at(monkeypatch, callback, "exchange_code")
    with pytest.raises(Ended):
        visit.back()
    assert registration(desk.app, desk.by, number).link is None

    keeper_turns(desk)

    assert registration(desk.app, desk.by, number).link is not None


def test_an_answer_in_the_journal_is_no_abandoned_attempt(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = desk.registered()
    token, visit = by_link(desk, number)
    monkeypatch.setattr("core.tokens.spending._save", _end)
    with pytest.raises(Ended):
        visit.back()
    monkeypatch.undo()

    keeper_turns(desk, 20 * MINUTE)
    keeper_turns(desk, 25 * MINUTE)

    assert desk.held(number) == desk.living()
    with pytest.raises(Exception, match="has arrived"):
        open_customer_link(desk.app, token)


def _end(*_given: object) -> None:
    raise Ended


def test_a_link_whose_consent_is_kept_is_not_given_to_the_customer_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = desk.registered()
    token, visit = by_link(desk, number)
    end_at(monkeypatch, desk.app.exact, "me")
    with pytest.raises(Ended):
        visit.back()
    with clock.shifted(10 * MINUTE), pytest.raises(Exception, match="has arrived"):
        open_customer_link(desk.app, token)
    keeper_turns(desk, 10 * MINUTE)
    assert desk.held(number) == desk.living()


# --- Attached, and not read ----------------------------------------------------------------------------------


def test_administrations_are_read_when_the_process_ended_before_it_could(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = desk.registered()
    end_at(monkeypatch, callback, "read_from_exact")
    with pytest.raises(Ended):
        desk.visit(number).back()
    keeper_turns(desk)
    assert registration(desk.app, desk.by, number).administrations


def due_tomorrow(desk: Desk, number: int) -> None:
    """As after a check that went well."""
    with desk.app.database.transaction() as session:
        session.get_one(Registration, number).next_check_at = clock.now() + timedelta(hours=20)


@pytest.mark.parametrize("step", ["reconnected", "accepted", "identified"])
def test_also_where_the_next_check_was_far_away(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    number = connect(desk.app, desk.by, desk.simulator, user=BAKKER)
    user = ACCOUNTANT if step == "accepted" else BAKKER
    if step == "accepted":
        assert desk.visit(number, user).back().outcome is Outcome.NEEDS_DECISION
    if step == "identified":
        desk.me_is_away()
        desk.visit(number, user).back()
        desk.me_is_back()
    due_tomorrow(desk, number)
    before = registration(desk.app, desk.by, number).last_success_at
    module = {"reconnected": callback, "accepted": decisions, "identified": takeover}[step]
    end_at(monkeypatch, module, "read_from_exact")
    with pytest.raises(Ended):
        if step == "reconnected":
            desk.visit(number, user).back()
        elif step == "accepted":
            accept_candidate(desk.app, desk.by, number)
        else:
            takeover.identify_candidate(desk.app, number)

    keeper_turns(desk)

    after = registration(desk.app, desk.by, number).last_success_at
    assert before is not None
    assert after is not None
    assert after > before + 5 * MINUTE


# --- Let go of ------------------------------------------------------------------------------------------------


def test_what_the_journal_was_not_told_to_forget_is_forgotten_by_the_keeper(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = connect(desk.app, desk.by, desk.simulator)
    end_at(monkeypatch, desk.app.journal, "forget")
    with pytest.raises(Ended):
        disconnect(desk.app, desk.by, number)
    assert desk.row(number).status == "disconnected"
    assert desk.archived() != set()

    keeper_turns(desk)

    assert desk.archived() == set()
    assert desk.grants() == []


def test_an_error_of_exact_ends_the_attempt_whatever_comes_of_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends after Exact failed and before that was written down."""
    number = desk.registered()

    def fails(*_given: object) -> object:
        raise ExactError(FailureKind.OUTAGE)

    monkeypatch.setattr(desk.app.exact, "exchange", fails)
    monkeypatch.setattr(callback, "_fail", _end)
    with pytest.raises(Ended):
        desk.visit(number).back()
    monkeypatch.undo()
    keeper_turns(desk)
    assert outcomes(desk, number) == [Outcome.TIMEOUT]
