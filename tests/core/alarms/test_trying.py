"""What a person sets going from the screen, and what the screen then shows."""

from __future__ import annotations

import logging
import re

import pytest
from sqlalchemy import select, text

from core.accounts.roles import CurrentOperator, Role
from core.alarms.addresses import Audience, Recipient
from core.alarms.delivery import deliver_due
from core.alarms.listing import State, list_alarms, list_failing
from core.alarms.outbox import AlarmKind
from core.alarms.trying import Tried, send_test, try_again
from core.application import Application
from core.errors import NotAllowed, NotFound, SettingsError
from core.storage.models import Alarm
from tests.factories import make_alarm, make_befallen, make_broken, make_incident, make_operator
from tests.support.plans import plan_of
from tests.support.receivers import Hook, Mailbox, addressed
from tests.support.statements import statements

SUPPORT = Recipient(Audience.SUPPORT, 1)


@pytest.fixture
def sanne(app: Application) -> CurrentOperator:
    return make_operator(app.database, "Sanne")


def states(app: Application, by: CurrentOperator) -> list[list[State]]:
    return [[told.state for told in alarm.deliveries] for alarm in list_alarms(app, by).rows]


# --- Tests -----------------------------------------------------------------------------------------------


def test_a_test_really_arrives(
    app: Application, hook: Hook, mailbox: Mailbox, sanne: CurrentOperator
) -> None:
    app = addressed(app, hook.address(), mailbox.address)

    assert send_test(app, sanne, Audience.SUPPORT) == (Tried("Support (json)", sent=True),)
    assert send_test(app, sanne, Audience.OWNER) == (Tried("Sanne", sent=True),)

    assert hook.titles == ["Test"]
    assert mailbox.recipients == [sanne.email]
    assert "This is a test" in mailbox.received[0].get_content()
    assert states(app, sanne) == [[State.SENT], [State.SENT]]


def test_a_test_tells_of_each_address_and_is_not_tried_again_by_itself(
    app: Application, hook: Hook, sanne: CurrentOperator
) -> None:
    app = addressed(app, f"{hook.address()} json://127.0.0.1:1/hook")

    one, two = send_test(app, sanne, Audience.SUPPORT)

    assert (one.label, one.sent) == ("Support 1 (json)", True)
    assert (two.label, two.sent, two.error) == (
        "Support 2 (json)",
        False,
        "The server could not be reached.",
    )
    assert states(app, sanne) == [[State.SENT, State.GIVEN_UP]]


def test_the_command_line_tests_the_address_of_an_operator(
    app: Application, mailbox: Mailbox, sanne: CurrentOperator
) -> None:
    app = addressed(app, "", mailbox.address)

    send_test(app, None, Audience.OWNER, sanne.email.upper())

    assert mailbox.recipients == [sanne.email]
    with pytest.raises(NotFound):
        send_test(app, None, Audience.OWNER, "nobody@clickker.test")


@pytest.mark.parametrize("audience", list(Audience))
def test_without_an_address_a_test_says_what_to_set(
    app: Application, sanne: CurrentOperator, audience: Audience
) -> None:
    with pytest.raises(SettingsError, match=f"CLICKKER_ALARM_{audience.value.upper()}"):
        send_test(app, sanne, audience)
    assert list_alarms(app, sanne).rows == ()


def test_a_test_takes_along_what_waits(app: Application, hook: Hook, sanne: CurrentOperator) -> None:
    app = addressed(app, hook.address())
    make_alarm(app.database, AlarmKind.RECONNECT_NEEDED, make_broken(app.database))
    hook.status = 503
    deliver_due(app)
    hook.status = 200
    send_test(app, sanne, Audience.SUPPORT)

    assert deliver_due(app) == 1
    assert states(app, sanne) == [[State.SENT], [State.SENT]]


# --- Again -----------------------------------------------------------------------------------------------


def test_what_failed_is_told_when_somebody_tries_again(
    app: Application, hook: Hook, sanne: CurrentOperator
) -> None:
    app = addressed(app, hook.address(), alarm_tries=1)
    hook.status = 500
    make_alarm(app.database, AlarmKind.RECONNECT_NEEDED, make_broken(app.database))
    deliver_due(app)
    [failing] = list_failing(app, sanne)
    assert (failing.to, failing.count, failing.tries, failing.next_try_at) == (SUPPORT, 1, 1, None)
    assert failing.error == "The server answered with error 500."

    assert try_again(app, sanne, SUPPORT).error == "The server answered with error 500."
    hook.status = 200
    assert try_again(app, sanne, SUPPORT) == Tried("Support (json)", sent=True)

    assert list_failing(app, sanne) == ()
    deliver_due(app)
    with app.database.read() as session:
        assert session.scalars(select(Alarm.settled_at)).one() is not None
    with pytest.raises(NotFound):
        try_again(app, sanne, SUPPORT)


def test_one_who_tries_again_does_not_wait_for_the_end_of_a_flood(
    app: Application, hook: Hook, sanne: CurrentOperator
) -> None:
    app = addressed(app, hook.address(), alarm_digest_after=1)
    send_test(app, sanne, Audience.SUPPORT)
    hook.status = 500
    send_test(app, sanne, Audience.SUPPORT)
    hook.status = 200

    assert try_again(app, sanne, SUPPORT).sent


# --- The list --------------------------------------------------------------------------------------------


def test_the_list_shows_the_latest_first_a_page_at_a_time(app: Application, sanne: CurrentOperator) -> None:
    number = make_broken(app.database, "Bakker B.V.")
    made = [make_alarm(app.database, AlarmKind.RECONNECT_NEEDED, number) for _ in range(53)]

    first, last = list_alarms(app, sanne), list_alarms(app, sanne, 9)

    assert [row.id for row in first.rows] == made[:2:-1]
    assert [row.id for row in last.rows] == made[2::-1]
    assert (last.number, last.pages, last.count, last.more) == (2, 2, 53, False)
    assert (first.rows[0].name, first.rows[0].deliveries) == ("Bakker B.V.", ())


def test_the_list_says_what_is_held_and_what_fails(
    app: Application, hook: Hook, sanne: CurrentOperator
) -> None:
    hook.status = 404
    app = addressed(app, hook.address())
    incident = make_incident(app.database, "be")
    for country in ("be", "nl"):
        number = make_broken(app.database, environment=country)
        if country == "be":
            make_befallen(app.database, number, incident)
        make_alarm(app.database, AlarmKind.RECONNECT_NEEDED, number)
    deliver_due(app)
    make_alarm(app.database, AlarmKind.RECONNECT_NEEDED, number)

    assert states(app, sanne) == [[], [State.FAILING], [State.HELD]]
    failing = list_alarms(app, sanne).rows[1].deliveries[0]
    assert (failing.to, failing.tries) == ("Support (json)", 1)
    assert failing.error == "The server answered with error 404."


def test_an_account_manager_may_not(app: Application) -> None:
    mark = make_operator(app.database, "Mark", Role.ACCOUNT_MANAGER)
    for call in (
        lambda: list_alarms(app, mark),
        lambda: list_failing(app, mark),
        lambda: send_test(app, mark, Audience.SUPPORT),
        lambda: try_again(app, mark, SUPPORT),
    ):
        with pytest.raises(NotAllowed):
            call()


@pytest.fixture
def many(app: Application, hook: Hook) -> Application:
    """A hundred and twenty alarms, told."""
    app = addressed(app, hook.address(), alarm_digest_after=1000)
    number = make_broken(app.database)
    for _ in range(120):
        make_alarm(app.database, AlarmKind.RECONNECT_NEEDED, number)
    deliver_due(app)
    return app


WHOLE = re.compile(r"Seq Scan|SCAN (alarms|deliveries|registrations|operators)\b(?! USING)")


def assert_served(app: Application, by: CurrentOperator) -> None:
    """No question of the page, or of a deliverer with nothing to do, reads a whole table or sorts it."""
    with statements(app.database) as seen:
        list_alarms(app, by, 2)
        list_failing(app, by)
        deliver_due(app)
    assert len(seen) >= 6
    for statement, parameters in list(seen):
        plan = plan_of(app.database, statement, parameters)
        if "ORDER BY alarms.id DESC" in statement:  # walks along the primary key, a page long
            assert not re.search(r"TEMP B-TREE|Seq Scan|Sort", plan), f"{statement}\n{plan}"
        else:
            assert not WHOLE.search(plan), f"{statement}\n{plan}"


def test_every_question_is_served_by_an_index(many: Application, sanne: CurrentOperator) -> None:
    assert_served(many, sanne)


@pytest.mark.parametrize("name", ["ix_deliveries_due", "uq_deliveries_recipient"])
def test_a_missing_index_would_be_seen(many: Application, sanne: CurrentOperator, name: str) -> None:
    with many.database.transaction() as session:
        for index in (name, "ix_deliveries_sent"):
            session.execute(text(f"DROP INDEX {index}"))
    with pytest.raises(AssertionError):
        assert_served(many, sanne)


def test_no_secret_is_logged_by_a_test(
    app: Application, hook: Hook, sanne: CurrentOperator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    app = addressed(app, hook.address("canary"))
    hook.status = 400
    tried = send_test(app, sanne, Audience.SUPPORT)
    assert "canary" not in repr(tried) + repr(list_alarms(app, sanne)) + caplog.text
