"""Alarms reach somebody: once as a rule, at least once whatever happens, and without a flood."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select, text, update

from core import clock
from core.accounts.roles import CurrentOperator
from core.alarms import delivery, sending
from core.alarms.delivery import BACK_OFF, DAILY, HELD_AT_MOST, LEASE, Outcome, deliver_due
from core.alarms.outbox import AlarmKind
from core.alarms.planning import plan
from core.application import Application
from core.storage.models import Alarm, Delivery, Incident, Operator, Registration
from tests.factories import (
    make_alarm,
    make_befallen,
    make_broken,
    make_connected,
    make_incident,
    make_operator,
)
from tests.support.live import environment
from tests.support.receivers import Hook, Mailbox, addressed, web_hook

QUIET = timedelta(minutes=15, seconds=1)
"""Longer than the window of a digest."""


@pytest.fixture
def alice(app: Application) -> CurrentOperator:
    return make_operator(app.database, "Alice")


@pytest.fixture
def support(app: Application, hook: Hook) -> Application:
    """Support has one address, and owners have none."""
    return addressed(app, hook.address())


def deliveries(app: Application) -> list[Delivery]:
    with app.database.read() as session:
        return list(session.scalars(select(Delivery).order_by(Delivery.id)))


def outcomes(app: Application) -> list[str]:
    return [row.outcome for row in deliveries(app)]


def settled(app: Application) -> list[bool]:
    with app.database.read() as session:
        return [row.settled_at is not None for row in session.scalars(select(Alarm).order_by(Alarm.id))]


def put(app: Application, registration_id: int, **facts: object) -> None:
    with app.database.transaction() as session:
        session.execute(update(Registration).where(Registration.id == registration_id).values(**facts))


# --- The normal case -------------------------------------------------------------------------------------


def test_an_alarm_reaches_owner_and_support_once(
    app: Application, hook: Hook, mailbox: Mailbox, alice: CurrentOperator
) -> None:
    app = addressed(app, hook.address(), mailbox.address)
    number = make_broken(app.database, "Bakker B.V.", owner_id=alice.id)
    make_alarm(app.database, AlarmKind.RECONNECT_NEEDED, number)

    assert [deliver_due(app), deliver_due(app)] == [2, 0]

    [told], [mail] = hook.received, mailbox.received
    assert told["title"] == "Opnieuw verbinden nodig: Bakker B.V."
    assert mail["Subject"] == "Reconnect needed: Bakker B.V."
    assert mailbox.recipients == [alice.email]
    assert f"http://localhost:8501/registration?id={number}" in mail.get_content()
    assert "The customer has to give consent again" in mail.get_content()
    assert (outcomes(app), settled(app)) == (["sent", "sent"], [True])


def test_each_kind_goes_where_the_settings_send_it(
    app: Application, hook: Hook, mailbox: Mailbox, alice: CurrentOperator
) -> None:
    app = addressed(
        app, hook.address(), mailbox.address, alarm_to={"lapses_soon": "nobody", "reconnect_needed": "owner"}
    )
    number = make_broken(app.database, owner_id=alice.id)
    for kind in (AlarmKind.LAPSES_SOON, AlarmKind.RECONNECT_NEEDED):
        make_alarm(app.database, kind, number, days=7)

    assert deliver_due(app) == 1
    assert (len(hook.received), len(mailbox.received)) == (0, 1)
    assert settled(app) == [True, True]


def test_what_has_no_owner_is_told_to_support(app: Application, hook: Hook, mailbox: Mailbox) -> None:
    app = addressed(app, hook.address(), mailbox.address, alarm_to={"reconnect_needed": "owner"})
    gone = make_operator(app.database, "Gone", active=False)
    for owner_id in (None, gone.id):
        make_alarm(app.database, AlarmKind.RECONNECT_NEEDED, make_broken(app.database, owner_id=owner_id))

    deliver_due(app)
    assert (len(hook.received), len(mailbox.received)) == (1, 0)


def test_every_address_of_support_is_told(app: Application, hook: Hook) -> None:
    app = addressed(app, f"{hook.address('one')} {hook.address('two')}")
    make_alarm(app.database, AlarmKind.RECONNECT_NEEDED, make_broken(app.database))

    assert deliver_due(app) == 2


def test_without_an_address_nobody_is_told_and_the_alarm_stays(app: Application) -> None:
    make_alarm(app.database, AlarmKind.RECONNECT_NEEDED, make_broken(app.database))

    assert deliver_due(app) == 0
    assert (deliveries(app), settled(app)) == ([], [True])


def test_an_address_set_later_gets_no_old_alarms(app: Application, hook: Hook) -> None:
    make_alarm(app.database, AlarmKind.RECONNECT_NEEDED, make_broken(app.database))
    deliver_due(app)

    assert deliver_due(addressed(app, hook.address())) == 0


# --- At least once ---------------------------------------------------------------------------------------


def test_killed_between_sending_and_marking_it_is_sent_again(support: Application, hook: Hook) -> None:
    make_alarm(support.database, AlarmKind.RECONNECT_NEEDED, make_broken(support.database))
    process = subprocess.Popen(
        [sys.executable, "-m", "dashboard.cli", "alarms", "send"],
        env=environment(support.settings, ALARM_SUPPORT=hook.address()),
    )
    hook.then = process.kill
    assert process.wait() == -signal.SIGKILL
    hook.then = lambda: None

    assert (len(hook.received), outcomes(support)) == (1, [""])
    assert deliver_due(support) == 0, "the lease of the dead still holds"
    with clock.shifted(LEASE + timedelta(seconds=1)):
        assert deliver_due(support) == 1
    assert (len(hook.received), outcomes(support), settled(support)) == (2, ["sent"], [True])


def test_a_receiver_that_is_down_is_tried_again_and_in_the_end_told(app: Application) -> None:
    with web_hook() as gone:
        address = gone.address()
    app = addressed(app, address)
    make_alarm(app.database, AlarmKind.RECONNECT_NEEDED, make_broken(app.database))
    later = timedelta(0)
    for tries, pause in enumerate((*BACK_OFF, DAILY, DAILY), start=1):
        with clock.shifted(later):
            assert [deliver_due(app), deliver_due(app)] == [0, 0]
        [row] = deliveries(app)
        assert (row.tries, row.last_error, row.outcome) == (tries, sending.UNREACHABLE, "")
        with clock.shifted(later + pause - timedelta(minutes=1)):
            deliver_due(app)
        assert deliveries(app)[0].tries == tries, "not before the pause is over"
        later += pause + timedelta(seconds=1)

    with web_hook(gone.port) as back, clock.shifted(later):
        assert deliver_due(app) == 1
        assert len(back.received) == 1
    [row] = deliveries(app)
    assert (row.outcome, row.last_error, row.next_try_at) == ("sent", "", None)


def test_after_many_failures_it_is_left_to_a_person(support: Application, hook: Hook) -> None:
    hook.status = 500
    app = addressed(support, hook.address(), alarm_tries=2)
    make_alarm(app.database, AlarmKind.RECONNECT_NEEDED, make_broken(app.database))
    for later in (0, 1, 30):
        with clock.shifted(timedelta(days=later)):
            deliver_due(app)

    [row] = deliveries(app)
    assert (row.tries, row.outcome, row.last_error) == (2, Outcome.GIVEN_UP, "http_500")


def test_what_waited_for_a_dead_address_goes_as_soon_as_it_answers(support: Application, hook: Hook) -> None:
    hook.status = 500
    make_alarm(support.database, AlarmKind.RECONNECT_NEEDED, make_broken(support.database))
    deliver_due(support)
    hook.status = 200
    make_alarm(support.database, AlarmKind.TOKEN_ORPHANED, make_connected(support.database))

    assert [deliver_due(support), deliver_due(support)] == [1, 1]
    assert outcomes(support) == ["sent", "sent"]


def test_two_deliverers_send_each_alarm_once(app: Application, hook: Hook) -> None:
    addresses = " ".join(hook.address(str(number)) for number in range(8))
    app = addressed(app, addresses, alarm_digest_after=1000)
    make_alarm(app.database, AlarmKind.RECONNECT_NEEDED, make_broken(app.database, "Bakker B.V."))
    start = threading.Barrier(4)
    sent: list[int] = []

    def work() -> None:
        start.wait()
        sent.append(deliver_due(app))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (sum(sent), len(hook.received)) == (8, 8)
    assert [row.tries for row in deliveries(app)] == [1] * 8


def test_a_failure_whose_lease_has_passed_to_another_counts_for_nothing(
    support: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_alarm(support.database, AlarmKind.RECONNECT_NEEDED, make_broken(support.database))

    def slow(*_: str) -> str:
        monkeypatch.undo()
        with clock.shifted(LEASE + timedelta(seconds=1)):
            assert deliver_due(support) == 1
        return sending.LATE

    monkeypatch.setattr(sending, "send", slow)
    deliver_due(support)

    [row] = deliveries(support)
    assert (row.outcome, row.last_error) == ("sent", "")


def test_nothing_is_sent_inside_a_transaction(support: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    make_alarm(support.database, AlarmKind.RECONNECT_NEEDED, make_broken(support.database))

    def write_meanwhile(*_: str) -> str:
        with support.database.transaction() as session:
            session.execute(text("UPDATE deliveries SET last_error = 'seen'"))
        return ""

    monkeypatch.setattr(sending, "send", write_meanwhile)
    assert deliver_due(support) == 1


# --- A digest instead of a flood -------------------------------------------------------------------------


def test_forty_at_once_are_one_message(support: Application, hook: Hook) -> None:
    for number in range(40):
        registration = make_broken(support.database, f"Klant {number:02}")
        make_alarm(support.database, AlarmKind.RECONNECT_NEEDED, registration)

    assert deliver_due(support) == 1

    [message] = hook.received
    assert message["title"] == "40 meldingen: 40× opnieuw verbinden nodig"
    assert all(f"- Klant {number:02} (Nederland): http" in message["message"] for number in range(40))
    assert outcomes(support) == ["sent"] * 40


def test_after_a_few_the_rest_waits_and_comes_together(support: Application, hook: Hook) -> None:
    for number in range(8):
        make_alarm(support.database, AlarmKind.RECONNECT_NEEDED, make_broken(support.database, f"K{number}"))
        deliver_due(support)
    assert len(hook.received) == support.settings.alarm_digest_after

    with clock.shifted(QUIET):
        assert deliver_due(support) == 1
    assert hook.titles[-1].startswith("3 meldingen: ")


def test_a_digest_is_grouped_and_says_of_each_only_the_newest(support: Application, hook: Hook) -> None:
    lapsing = make_connected(support.database, "Visser", at=clock.now() - timedelta(days=24))
    make_alarm(support.database, AlarmKind.LAPSES_SOON, lapsing, days=14)
    make_alarm(support.database, AlarmKind.RECONNECT_NEEDED, make_broken(support.database, "Bakker"))
    make_alarm(support.database, AlarmKind.LAPSES_SOON, lapsing, days=7)

    assert deliver_due(support) == 1

    [message] = hook.received
    assert message["title"].startswith("2 meldingen")
    assert message["message"].index("Bakker") < message["message"].index("Visser")
    assert message["message"].count("Visser") == 1
    assert outcomes(support) == ["sent"] * 3


# --- Held, overtaken, never told -------------------------------------------------------------------------


def test_during_an_incident_those_whom_it_befell_wait_and_nobody_else(
    support: Application, hook: Hook
) -> None:
    incident = make_incident(support.database)
    broken, mended = make_broken(support.database, "Bakker"), make_broken(support.database, "Visser")
    apart = make_broken(support.database, "Jansen")
    elsewhere = make_broken(support.database, "Peeters", environment="be")
    for number in (broken, mended):
        make_befallen(support.database, number, incident)
    for number in (broken, mended, elsewhere, apart):
        make_alarm(support.database, AlarmKind.RECONNECT_NEEDED, number)
    make_alarm(support.database, AlarmKind.INCIDENT_OPENED, environment="nl", incident_id=incident)

    assert deliver_due(support) == 1
    assert "Bakker" not in hook.received[0]["message"]
    assert "Peeters" in hook.received[0]["message"]
    assert "Jansen" in hook.received[0]["message"], "the incident has nothing to do with this one"

    put(support, mended, status="connected")
    with support.database.transaction() as session:
        session.get_one(Incident, incident).closed_at = clock.now()
    make_alarm(support.database, AlarmKind.INCIDENT_CLOSED, environment="nl", incident_id=incident)

    assert deliver_due(support) == 1
    last = hook.received[-1]["message"]
    assert "Bakker" in last
    assert "Visser" not in last
    assert outcomes(support) == ["sent", "overtaken", "sent", "sent", "sent", "sent"]
    assert all(settled(support))


def test_nothing_waits_for_an_incident_longer_than_hours(support: Application, hook: Hook) -> None:
    number = make_broken(support.database, "Bakker")
    make_befallen(support.database, number, make_incident(support.database))
    make_alarm(support.database, AlarmKind.RECONNECT_NEEDED, number)
    with clock.shifted(HELD_AT_MOST - timedelta(minutes=1)):
        assert deliver_due(support) == 0
    with clock.shifted(HELD_AT_MOST + timedelta(minutes=1)):
        assert deliver_due(support) == 1
    assert timedelta(hours=1) <= HELD_AT_MOST <= timedelta(hours=6)
    assert "Bakker" in hook.titles[0]


INCIDENTS = {
    "outage": ("the trouble is at Exact", "Nobody has to do anything"),
    "unknown": ("the trouble is at Exact", "Nobody has to do anything"),
    "not_sent": ("in our own network", "An admin must see whether the server reaches the internet"),
    "refused": ("refuses several customers", "Support is told which customers have to reconnect"),
    "not_authenticated": ("refuses several customers", "Support is told which customers"),
    "client": ("does not know our app", "An admin must correct the settings"),
}


@pytest.fixture
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    """Support's language."""
    monkeypatch.setattr(delivery, "DEFAULT_LANGUAGE", "en")


def opened(app: Application, code: str, failure: str) -> None:
    incident = make_incident(app.database, code, kind=failure)
    make_alarm(
        app.database, AlarmKind.INCIDENT_OPENED, environment=code, incident_id=incident, failure=failure
    )


@pytest.mark.usefixtures("english")
@pytest.mark.parametrize("failure", INCIDENTS)
def test_an_incident_says_whose_trouble_it_is_and_who_acts(
    support: Application, hook: Hook, failure: str
) -> None:
    opened(support, "nl", failure)
    deliver_due(support)
    said = hook.received[0]["message"]
    assert all(words in said for words in INCIDENTS[failure])
    assert ("Nobody has to do anything" in said) == (failure in {"outage", "unknown"})


@pytest.mark.usefixtures("english")
def test_a_digest_does_not_mix_up_who_acts(support: Application, hook: Hook) -> None:
    opened(support, "nl", "outage")
    opened(support, "be", "refused")
    deliver_due(support)
    assert hook.titles == ["2 alarms: 2× incident began"]
    parts = [part for part in hook.received[0]["message"].split("\n\n") if "Incident began" in part]
    assert len(parts) == 2
    for part in parts:
        assert ("Nobody has to do anything" in part) == ("Netherlands" in part)


Change = Callable[[Application, int], None]


def _rotated(app: Application, number: int) -> None:
    put(app, number, lapses_at=clock.now() + timedelta(days=30))


@pytest.mark.parametrize(
    ("kind", "age", "change"),
    [
        (AlarmKind.RECONNECT_NEEDED, 31, lambda app, number: put(app, number, status="connected")),
        (AlarmKind.LAPSES_SOON, 23, _rotated),
        (AlarmKind.LAPSES_SOON, 23, lambda app, number: put(app, number, lapses_at=None)),
        (AlarmKind.LAPSES_SOON, 23, lambda app, number: put(app, number, status="reconnect_needed")),
        (AlarmKind.RECOVERED, 1, lambda app, number: None),
    ],
    ids=["reconnected", "rotated", "disconnected", "lapsed by now", "never told of the trouble"],
)
def test_what_is_no_longer_so_is_told_to_nobody(
    support: Application, hook: Hook, kind: AlarmKind, age: int, change: Change
) -> None:
    app = addressed(support, hook.address(), alarm_to={"recovered": "both"})
    number = make_connected(app.database, at=clock.now() - timedelta(days=age))
    make_alarm(app.database, kind, number, days=7)
    change(app, number)

    assert deliver_due(app) == 0
    assert (hook.received, outcomes(app), settled(app)) == ([], ["overtaken"], [True])


def test_a_lapse_that_still_comes_is_told(support: Application, hook: Hook) -> None:
    number = make_connected(support.database, at=clock.now() - timedelta(days=23))
    make_alarm(support.database, AlarmKind.LAPSES_SOON, number, days=7)

    with clock.shifted(timedelta(days=3)):
        assert deliver_due(support) == 1


def test_a_recovery_is_told_where_the_trouble_was(support: Application, hook: Hook) -> None:
    app = addressed(support, hook.address(), alarm_to={"recovered": "support"})
    number = make_broken(app.database, "Bakker")
    make_alarm(app.database, AlarmKind.RECONNECT_NEEDED, number)
    deliver_due(app)
    put(app, number, status="connected")
    make_alarm(app.database, AlarmKind.RECOVERED, number)
    deliver_due(app)
    make_alarm(app.database, AlarmKind.RECOVERED, number)

    assert deliver_due(app) == 0, "that trouble has had its end"
    assert hook.titles == ["Opnieuw verbinden nodig: Bakker", "Hersteld: Bakker"]


@pytest.mark.parametrize(
    "status", ["disconnected", "waiting_for_consent", "exact_outage", "attention", "draft"]
)
def test_nothing_works_again_that_does_not_work(support: Application, hook: Hook, status: str) -> None:
    app = addressed(support, hook.address(), alarm_to={"recovered": "support"})
    number = make_broken(app.database, "Bakker")
    make_alarm(app.database, AlarmKind.RECONNECT_NEEDED, number)
    deliver_due(app)
    put(app, number, status=status, status_reason=status)
    make_alarm(app.database, AlarmKind.RECOVERED, number)

    assert deliver_due(app) == 0
    assert hook.titles == ["Opnieuw verbinden nodig: Bakker"]


def test_an_incident_that_was_over_before_it_was_told_is_told_to_nobody(
    support: Application, hook: Hook
) -> None:
    incident = make_incident(support.database, closed_at=clock.now())
    for kind in (AlarmKind.INCIDENT_OPENED, AlarmKind.INCIDENT_CLOSED):
        make_alarm(support.database, kind, environment="nl", incident_id=incident)

    assert deliver_due(support) == 0
    assert outcomes(support) == ["overtaken", "overtaken"]


def test_somebody_who_has_left_is_not_told(
    app: Application, mailbox: Mailbox, alice: CurrentOperator
) -> None:
    app = addressed(app, "", mailbox.address)
    make_alarm(app.database, AlarmKind.RECONNECT_NEEDED, make_broken(app.database, owner_id=alice.id))
    plan(app)
    with app.database.transaction() as session:
        session.get_one(Operator, alice.id).active = False

    assert deliver_due(app) == 0
    assert (outcomes(app), mailbox.received) == (["nobody"], [])


# --- Secrets and hostile names ---------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 404])
def test_no_part_of_an_address_is_kept_or_logged(
    app: Application, hook: Hook, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    caplog.set_level(logging.DEBUG)
    hook.status = status
    app = addressed(
        app, hook.address("canary-path?+X-Key=canary-key").replace("json://", "json://user:canary-word@")
    )
    make_alarm(app.database, AlarmKind.RECONNECT_NEEDED, make_broken(app.database))
    deliver_due(app)

    with app.database.read() as session:
        kept = session.execute(
            text("SELECT * FROM alarms JOIN deliveries ON deliveries.alarm_id = alarms.id")
        ).all()
    assert len(kept) == 1
    assert "canary" not in str(kept) + caplog.text + repr(app.settings)


HOSTILE = "Bakker\r\nBcc: mallory@example.com\r\n\r\n\u202eevil\x1b[31m{name}%s"


@pytest.mark.parametrize("count", [1, 2], ids=["alone", "in a digest"])
def test_a_hostile_name_adds_no_header_and_no_line(
    app: Application, mailbox: Mailbox, alice: CurrentOperator, count: int
) -> None:
    app = addressed(app, "", mailbox.address)
    for number in range(count):
        registration = make_broken(app.database, HOSTILE + str(number), owner_id=alice.id)
        make_alarm(app.database, AlarmKind.RECONNECT_NEEDED, registration)
    deliver_due(app)

    [mail] = mailbox.received
    assert mail["Bcc"] is None
    assert mailbox.recipients == [alice.email]
    assert "\u202e" not in mail["Subject"] + mail.get_content()
    assert "\n" not in mail["Subject"]
    assert "Bakker Bcc: mallory@example.com evil{name}%s0" in mail.get_content()
