"""What has come of asking a customer for consent: links, refusals and failures, and when they are history."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from core import clock
from core.exact.errors import ExactError
from core.keeping.keeper import Keeper
from core.registrations.callback import complete_consent
from core.registrations.checks import check_now
from core.registrations.consent import begin_consent, create_consent
from core.registrations.customer_links import (
    begin_customer_consent,
    create_customer_link,
    revoke_customer_link,
)
from core.registrations.outcomes import Outcome
from core.registrations.register import disconnect, edit
from core.registrations.registration import registration
from core.registrations.status import Status
from core.registrations.views import RegistrationForm
from core.settings import Settings
from core.storage.models import Grant, TimelineEntry
from tests.support.connecting import TEST_USER, connect, consent
from tests.support.recount import differences
from tests.support.visits import Desk, Visit

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"quiet_hour": -1})


def link(desk: Desk, number: int) -> str:
    return create_customer_link(desk.app, desk.by, number).rpartition("/")[2]


def come_back(visit: Visit, **answer: str) -> Outcome:
    """The browser comes back with this instead of a code."""
    [state] = parse_qs(urlsplit(visit.begun.authorize_url).query)["state"]
    query = [*answer.items(), ("state", state)]
    return complete_consent(visit.app, query, visit.begun.browser_token, None).outcome


def deny(desk: Desk, number: int, token: str = "") -> None:
    """At Exact Deny was pressed: by who came with the link, or beside the operator."""
    begun = (
        begin_customer_consent(desk.app, token)
        if token
        else begin_consent(desk.app, desk.by, create_consent(desk.app, desk.by, number))
    )
    assert come_back(Visit(desk.app, number, begun, ""), error="access_denied") is Outcome.REFUSED


def reason(desk: Desk, number: int) -> str:
    """As it is stored; and everything else is as the facts say, too."""
    assert differences(desk.app.database, desk.app.settings, clock.now()) == []
    return desk.row(number).status_reason


def test_a_link_is_told_until_it_is_withdrawn_or_expires(desk: Desk) -> None:
    number = desk.registered()
    assert reason(desk, number) == "waiting_for_consent"
    link(desk, number)
    assert reason(desk, number) == "waiting_for_consent+link_sent"
    revoke_customer_link(desk.app, desk.by, number)
    assert reason(desk, number) == "waiting_for_consent"
    link(desk, number)
    with clock.shifted(7 * DAY + MINUTE):
        Keeper(desk.app).turn()
        assert reason(desk, number) == "waiting_for_consent+link_expired"


@pytest.mark.parametrize("by_link", [True, False])
def test_a_refusal_holds_until_the_customer_is_asked_anew(desk: Desk, by_link: bool) -> None:
    number = desk.registered()
    deny(desk, number, link(desk, number) if by_link else "")
    assert desk.row(number).status == Status.CONSENT_DENIED
    view = registration(desk.app, desk.by, number)
    assert view.answered_at is not None
    assert clock.now() - view.answered_at < MINUTE
    with clock.shifted(MINUTE):
        create_consent(desk.app, desk.by, number)  # somebody tries again: nobody has said yes yet
        assert reason(desk, number) == "waiting_for_consent+denied"
        link(desk, number)
        assert reason(desk, number) == "waiting_for_consent+link_sent"
        assert registration(desk.app, desk.by, number).answered_at is None


def test_consent_after_a_refusal_makes_it_history(desk: Desk) -> None:
    number = desk.registered()
    deny(desk, number)
    consent(desk.app, desk.by, desk.simulator, number)
    assert desk.row(number).status == Status.CHOOSE_ADMINISTRATIONS
    assert reason(desk, number) == "choose_administrations"


def test_what_was_refused_before_a_consent_ended_says_nothing_of_asking_again(desk: Desk) -> None:
    number = connect(desk.app, desk.by, desk.simulator)
    deny(desk, number)
    assert desk.row(number).status == Status.CONNECTED, "the old consent lives on"
    disconnect(desk.app, desk.by, number)
    assert reason(desk, number) == "disconnected"
    with clock.shifted(MINUTE):
        deny(desk, number)
        assert reason(desk, number) == "disconnected+denied"


def test_a_consent_that_ends_asks_for_another_whatever_came_of_the_first(desk: Desk) -> None:
    number = desk.registered()
    deny(desk, number, link(desk, number))
    consent(desk.app, desk.by, desk.simulator, number)
    with clock.shifted(31 * DAY):
        Keeper(desk.app).turn()
        assert reason(desk, number) == "lapsed"
        deny(desk, number, link(desk, number))
        assert reason(desk, number) == "lapsed+denied"
        assert desk.row(number).status == Status.RECONNECT_NEEDED


def test_the_end_of_a_link_is_no_news_to_the_timeline(desk: Desk) -> None:
    number = desk.registered()
    link(desk, number)
    revoke_customer_link(desk.app, desk.by, number)
    with desk.app.database.read() as session:
        kinds = session.scalars(select(TimelineEntry.kind).order_by(TimelineEntry.id)).all()
    assert kinds == ["registered", "status", "link_created", "link_revoked"]


def test_that_exact_is_asked_whose_a_new_consent_is_is_no_step_in_the_timeline(desk: Desk) -> None:
    number = connect(desk.app, desk.by, desk.simulator)
    with clock.shifted(31 * DAY):
        Keeper(desk.app).turn()
        consent(desk.app, desk.by, desk.simulator, number)
    with desk.app.database.read() as session:
        told = session.scalars(select(TimelineEntry).order_by(TimelineEntry.id.desc())).all()
    steps = [entry.details["status"] for entry in told if entry.kind in {"status", "reason"}]
    assert steps.index("reconnect_needed") < steps.index("waiting_for_consent") == len(steps) - 1


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("unavailable", Outcome.MAINTENANCE),
        ("drop", Outcome.TIMEOUT),
        ("invalid_grant", Outcome.TOKEN_ERROR),
    ],
)
def test_a_code_that_brought_nothing_is_told(desk: Desk, fault: str, outcome: Outcome) -> None:
    number = desk.registered()
    desk.simulator.engine.add_fault(fault, times=None, endpoint="token")
    assert desk.visit(number).back().outcome is outcome
    assert reason(desk, number) == f"waiting_for_consent+{outcome}"
    assert registration(desk.app, desk.by, number).status_sentence == desk.visit(number).back().sentence


def test_what_exact_answered_instead_of_a_code_is_told(desk: Desk) -> None:
    number = desk.registered()
    assert come_back(desk.visit(number), error="server_error") is Outcome.PROVIDER_ERROR
    assert reason(desk, number) == "waiting_for_consent+provider_error"
    assert come_back(desk.visit(number)) is Outcome.MISSING_CODE
    assert reason(desk, number) == "waiting_for_consent+missing_code"


def test_whoever_it_becomes_has_not_refused(desk: Desk) -> None:
    number = desk.registered()
    deny(desk, number)
    edit(desk.app, desk.by, number, RegistrationForm(name="Test B.V", environment="nl"))
    assert reason(desk, number) == "waiting_for_consent+denied", "a slip of the pen mended"
    edit(desk.app, desk.by, number, RegistrationForm(name="Heel Anders V.O.F.", environment="nl"))
    assert reason(desk, number) == "waiting_for_consent"


def test_another_country_was_not_asked(desk: Desk) -> None:
    number = desk.registered()
    deny(desk, number)
    edit(desk.app, desk.by, number, RegistrationForm(name="Test B.V.", environment="be"))
    assert reason(desk, number) == "waiting_for_consent"


def test_a_consent_that_waits_for_its_owner_comes_before_asking_again(desk: Desk) -> None:
    number = connect(desk.app, desk.by, desk.simulator)
    with clock.shifted(31 * DAY):
        desk.me_is_away()
        assert desk.visit(number, TEST_USER).back().outcome is Outcome.UNIDENTIFIED
        assert reason(desk, number) == "lapsed+unidentified"
        assert desk.row(number).status == Status.WAITING_FOR_CONSENT
        desk.me_is_back()
        with clock.shifted(6 * MINUTE):
            Keeper(desk.app).turn()
            assert desk.row(number).status == Status.CONNECTED


def test_what_is_well_asks_nobody(desk: Desk) -> None:
    number = connect(desk.app, desk.by, desk.simulator)
    link(desk, number)
    assert reason(desk, number) == "connected"
    with desk.app.database.read() as session:
        assert session.scalar(select(Grant.live))
    with pytest.raises(ExactError), clock.shifted(20 * MINUTE):
        desk.simulator.engine.add_fault("unavailable", times=None)
        check_now(desk.app, desk.by, number)
    assert reason(desk, number).startswith("outage")
