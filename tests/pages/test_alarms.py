"""The page that says who was told, and lets support find out whether alarms arrive."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from core.accounts.roles import CurrentOperator
from core.alarms.delivery import deliver_due
from core.alarms.outbox import AlarmKind
from core.application import Application
from tests.factories import make_alarm, make_befallen, make_broken, make_incident
from tests.support.frame import frame
from tests.support.receivers import Hook, addressed, mail_server, web_hook


@pytest.fixture
def hook() -> Iterator[Hook]:
    with web_hook() as running:
        yield running


def drawn(page: AppTest) -> str:
    """All the page says, whichever element says it."""
    parts = (page.html, page.markdown, page.info, page.warning, page.success, page.error, page.caption)
    return "\n".join(str(element.value) for part in parts for element in part)


def test_without_alarms_and_addresses_it_says_so(app: Application, sanne: CurrentOperator) -> None:
    page = frame("alarms")

    assert "Nobody is told: no address is set" in page.warning[0].value
    assert "no alarms yet" in page.info[0].value


def test_an_alarm_nobody_is_told_of_is_shown(app: Application, sanne: CurrentOperator) -> None:
    number = make_broken(app.database, "Bakker <b>B.V.</b>")
    make_alarm(app.database, AlarmKind.RECONNECT_NEEDED, number)
    deliver_due(app)

    shown = drawn(frame("alarms"))
    assert f'<a href="/registration?id={number}">Bakker &lt;b&gt;B.V.&lt;/b&gt;</a>' in shown
    assert "Reconnect needed" in shown
    assert ">nobody<" in shown


def test_it_shows_what_was_sent_what_is_held_and_what_failed(
    app: Application, sanne: CurrentOperator, hook: Hook
) -> None:
    app = addressed(app, hook.address("canary"))
    make_alarm(app.database, AlarmKind.RECONNECT_NEEDED, make_broken(app.database))
    deliver_due(app)
    held = make_broken(app.database, environment="be")
    make_befallen(app.database, held, make_incident(app.database, "be"))
    make_alarm(app.database, AlarmKind.RECONNECT_NEEDED, held)
    hook.status = 404
    make_alarm(app.database, AlarmKind.RECONNECT_NEEDED, make_broken(app.database))
    deliver_due(app)

    page = frame("alarms")

    shown = drawn(page)
    assert "Support (json): sent" in shown
    assert "Support (json): held until the outage is over" in shown
    assert "Support (json): failed 1×, again" in shown
    assert "error 404" in shown
    assert "canary" not in shown + str(page.session_state)


def test_support_sends_itself_a_test(app: Application, sanne: CurrentOperator, hook: Hook) -> None:
    with mail_server() as mailbox:
        addressed(app, hook.address(), mailbox.address)
        page = frame("alarms")
        page.button("alarms_test_support").click().run()
        assert "Support (json): sent." in page.success[0].value.replace("\\", "")
        page.button("alarms_test_owner").click().run()
        assert "Sanne: sent." in page.success[0].value

    assert hook.titles == ["Test"]
    assert mailbox.recipients == [sanne.email]
    assert drawn(page).count("Test</td>") == 2


def test_a_test_that_fails_says_why_and_what_failed_is_tried_again(
    app: Application, sanne: CurrentOperator, hook: Hook
) -> None:
    addressed(app, hook.address())
    hook.status = 401
    page = frame("alarms")
    page.button("alarms_test_support").click().run()
    assert "The server answered with error 401" in page.warning[0].value.replace("\\", "")

    hook.status = 200
    page.button("alarms_again_support_1").click().run()

    assert "sent." in page.success[0].value
    assert not [button for button in page.button if button.key == "alarms_again_support_1"]
    assert hook.titles == ["Test"]


def test_a_test_without_an_address_says_what_to_set(app: Application, sanne: CurrentOperator) -> None:
    page = frame("alarms")
    page.button("alarms_test_owner").click().run()
    assert "CLICKKER_ALARM_OWNER" in page.error[0].value.replace("\\", "")


def test_an_account_manager_has_no_business_there(app: Application, mark: CurrentOperator) -> None:
    page = frame("alarms")
    assert "Your role does not allow this" in page.error[0].value
    assert not [button for button in page.button if (button.key or "").startswith("alarms_")]


def test_fifty_alarms_a_page(app: Application, sanne: CurrentOperator) -> None:
    number = make_broken(app.database)
    for _ in range(51):
        make_alarm(app.database, AlarmKind.RECONNECT_NEEDED, number)

    assert drawn(frame("alarms")).count("<tr>") == 51
    assert drawn(frame("alarms", alarms_page="2")).count("<tr>") == 2
