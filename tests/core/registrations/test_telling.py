"""Who hears of a change, and how often: each true thing once, and good news to whoever heard the bad."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core import clock
from core.accounts.roles import CurrentOperator
from core.alarms.outbox import AlarmKind
from core.application import Application
from core.exact.errors import ExactError, FailureKind
from core.registrations.drafts import save_draft
from core.registrations.failures import record_failure
from core.registrations.register import set_active
from core.registrations.registration import registration
from core.registrations.status import Status
from core.registrations.timeline import NAMES_SHOWN, timeline
from core.registrations.views import RegistrationForm
from core.storage.models import Administration, Grant, Registration
from tests.core.registrations.test_issues import alarms, change, refuse, succeed
from tests.factories import make_administration, make_alarm, make_connected, make_operator

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def alice(app: Application) -> CurrentOperator:
    return make_operator(app.database, "Alice")


@pytest.fixture
def number(app: Application) -> int:
    return make_connected(app.database, administrations=2)


def kinds(app: Application, number: int) -> list[str]:
    return [kind for kind, _details in alarms(app, number)]


def told(app: Application, by: CurrentOperator, number: int) -> list[str]:
    return [entry.kind for entry in timeline(app, by, number)]


def test_that_a_reconnect_is_needed_is_told_once_for_whatever_reasons(app: Application, number: int) -> None:
    refuse(app, number, 3, 2 * HOUR)
    assert alarms(app, number) == [("reconnect_needed", {"reason": "refused"})]
    change(app, number, note="called them")
    refuse(app, number, 4, 3 * HOUR)
    with app.database.transaction() as session:  # and now it has lapsed as well
        grant = session.get_one(Grant, session.get_one(Registration, number).grant_id)
        grant.rotated_at = clock.now() - 31 * DAY
        grant.refusals = 0
    change(app, number)
    assert kinds(app, number) == ["reconnect_needed"]


def test_it_is_told_again_when_it_happens_again(app: Application, number: int) -> None:
    for _round in range(2):
        refuse(app, number, 3, 2 * HOUR)
        succeed(app, number)
    assert kinds(app, number) == ["reconnect_needed", "recovered"] * 2


def test_trouble_that_told_nobody_ends_in_silence(app: Application, number: int) -> None:
    for kind in (FailureKind.OUTAGE, FailureKind.FORBIDDEN, FailureKind.REFUSED):
        record_failure(app, number, ExactError(kind))
        succeed(app, number)
    assert kinds(app, number) == []


def test_good_news_is_told_once_and_after_the_last_bad_news(app: Application, number: int) -> None:
    refuse(app, number, 3, 2 * HOUR)
    succeed(app, number)
    record_failure(app, number, ExactError(FailureKind.OUTAGE))
    succeed(app, number)
    change(app, number, note="called them")
    assert kinds(app, number) == ["reconnect_needed", "recovered"]


def test_an_alarm_of_another_kind_or_another_customer_is_no_bad_news(app: Application, number: int) -> None:
    other = make_connected(app.database)
    make_alarm(app.database, AlarmKind.TOKEN_ORPHANED, number)
    make_alarm(app.database, AlarmKind.RECONNECT_NEEDED, other)
    record_failure(app, number, ExactError(FailureKind.OUTAGE))
    succeed(app, number)
    assert kinds(app, number) == ["token_orphaned"]
    refuse(app, number, 3, 2 * HOUR)
    make_alarm(app.database, AlarmKind.TOKEN_ORPHANED, number)
    succeed(app, number)
    assert kinds(app, number) == ["token_orphaned", "reconnect_needed", "token_orphaned", "recovered"]


def test_partly_connected_is_good_news_and_attention_is_not(app: Application, number: int) -> None:
    refuse(app, number, 3, 2 * HOUR)
    with app.database.transaction() as session:
        rows = session.query(Administration).filter_by(registration_id=number).all()
        for row in rows:
            row.permitted = False
    succeed(app, number)
    assert kinds(app, number) == ["reconnect_needed"], "none of them works"
    with app.database.transaction() as session:
        session.get_one(Administration, rows[0].id).permitted = True
    change(app, number)
    assert kinds(app, number) == ["reconnect_needed", "recovered"]


def test_good_news_waits_while_a_lapse_is_coming(app: Application, number: int) -> None:
    with clock.shifted(17 * DAY):
        change(app, number, last_success_at=clock.now())
        assert alarms(app, number) == [("lapses_soon", {"days": 14})]
        record_failure(app, number, ExactError(FailureKind.OUTAGE))
        change(app, number, last_success_at=clock.now() + timedelta(seconds=1))
        assert kinds(app, number) == ["lapses_soon"], "an outage is over, and the lapse still comes"
        succeed(app, number)
    assert kinds(app, number) == ["lapses_soon", "recovered"]


def test_a_consent_that_goes_two_steps_at_once_is_told_of_the_last(app: Application, number: int) -> None:
    with clock.shifted(28 * DAY):
        change(app, number, last_success_at=clock.now())
        change(app, number, note="called them")
    assert alarms(app, number) == [("lapses_soon", {"days": 3})]


def test_a_draft_has_no_status_to_tell_of(app: Application, alice: CurrentOperator) -> None:
    draft = save_draft(app, alice, None, RegistrationForm(name="Test B.V.", environment="nl"))
    save_draft(app, alice, draft, RegistrationForm(name="Test", environment="nl"))
    assert "status" not in told(app, alice, draft)
    assert kinds(app, draft) == []


def test_a_pause_and_its_end_are_told_as_statuses(
    app: Application, alice: CurrentOperator, number: int
) -> None:
    before = len(told(app, alice, number))
    set_active(app, alice, number, False)
    set_active(app, alice, number, True)
    assert told(app, alice, number)[:-before] == ["status", "activated", "status", "paused"]
    assert registration(app, alice, number).status is Status.CONNECTED


def test_issues_under_the_same_status_are_told_with_a_few_names(
    app: Application, alice: CurrentOperator, number: int
) -> None:
    make_administration(app.database, number, "Zand", permitted=False)
    before = len(told(app, alice, number))
    with app.database.transaction() as session:
        for at in range(NAMES_SHOWN + 1):
            session.add(
                Administration(
                    registration_id=number, environment="nl", code=500 + at, name=f"Weg {at}", name_key=f"weg {at}",
                    linked=True, permitted=False, seen_at=clock.now(),
                )
            )  # fmt: skip
    change(app, number)
    entries = timeline(app, alice, number)[:-before]
    assert [entry.kind for entry in entries] == ["issue_opened"]
    assert f"Weg {NAMES_SHOWN - 1}" in entries[0].sentence
    assert f"Weg {NAMES_SHOWN}" not in entries[0].sentence
    assert "…" in entries[0].sentence
    assert "Zand" not in entries[0].sentence
    with app.database.transaction() as session:
        for row in session.query(Administration).filter(
            Administration.code >= 500, Administration.code < 502
        ):
            row.permitted = True
    change(app, number)
    entry = timeline(app, alice, number)[0]
    assert entry.kind == "issue_resolved"
    assert "Weg 0" in entry.sentence
    assert "Weg 1" in entry.sentence
    assert "Weg 2" not in entry.sentence
    assert "…" not in entry.sentence
