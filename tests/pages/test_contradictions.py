"""What one page, list, file or message says of a registration, no other contradicts; each fault was here once."""

from __future__ import annotations

import html
from datetime import timedelta
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core import clock
from core.accounts.roles import CurrentOperator
from core.alarms.outbox import AlarmKind
from core.application import Application
from core.exact.errors import ExactError, FailureKind
from core.registrations.bulk import check_results, rows_for_bulk
from core.registrations.callback import complete_consent
from core.registrations.consent import Begun, begin_consent, create_consent
from core.registrations.customer_links import begin_customer_consent, create_customer_link, open_customer_link
from core.registrations.drafts import save_draft
from core.registrations.failures import record_failure
from core.registrations.issue_views import issues_of
from core.registrations.listing import RegistrationQuery, list_registrations
from core.registrations.overview import overview
from core.registrations.register import disconnect, edit, register
from core.registrations.registration import registration
from core.registrations.settle import settle
from core.registrations.views import RegistrationForm
from core.simulator.server import RunningSimulator
from core.storage.models import Grant, Registration
from dashboard.bulk_outcome import CHECKS
from dashboard.editing import form_of
from dashboard.export import REGISTRATION_COLUMNS
from dashboard.registration_rows import lines
from tests.factories import make_administration, make_alarm, make_connected, make_grant
from tests.support.frame import frame
from tests.support.office import state_in

DAY = timedelta(days=1)


def words(page: AppTest) -> str:
    parts = (*page.main.markdown, *page.main.caption, *page.main.warning, *page.main.success, *page.main.info)
    said = [part.value for part in parts] + [table.value.to_string() for table in page.main.table]
    return " ".join("\n".join(said).replace("\\", "").split())


def top(page: AppTest) -> str:
    return "\n".join(part.value for part in page.main.markdown[:3]).replace("\\", "")


def is_primary(page: AppTest, key: str) -> bool:
    return str(page.button(key).proto.type) == "primary"


def change(app: Application, number: int, **columns: Any) -> None:
    with app.database.transaction() as session:
        row = session.get_one(Registration, number)
        for name, value in columns.items():
            setattr(row, name, value)
        settle(session, app.settings, row, clock.now())


def come_back(app: Application, begun: Begun, **answer: str) -> None:
    given = [*answer.items(), ("state", state_in(begun.authorize_url))]
    complete_consent(app, given, begun.browser_token, None)


def denied(app: Application, by: CurrentOperator, number: int) -> None:
    """The customer opened the link, and pressed Deny at Exact."""
    token = create_customer_link(app, by, number).rpartition("/")[2]
    open_customer_link(app, token)
    come_back(app, begin_customer_consent(app, token), error="access_denied")


@pytest.fixture
def number(app: Application, sanne: CurrentOperator, simulator: RunningSimulator) -> int:
    return register(app, sanne, None, RegistrationForm(name="Test B.V.", environment="nl"))


def test_a_refusal_leads_the_page_the_list_and_the_file(
    app: Application, sanne: CurrentOperator, number: int
) -> None:
    denied(app, sanne, number)

    page = frame("registration", id=str(number))

    assert "Customer refused" in top(page)
    assert "refused it at Exact Online" in top(page)
    assert "Support. Talk to the customer, then send the link again." in top(page)
    answered = registration(app, sanne, number).answered_at
    assert answered is not None
    assert "Last answer to being asked:" in words(page)
    assert is_primary(page, "registration_link")
    assert not is_primary(page, "registration_connect")
    [row] = list_registrations(app, sanne, RegistrationQuery()).rows
    assert "Customer refused" in "".join(next(lines([row])))
    assert "Customer refused" in [column.value(row) for column in REGISTRATION_COLUMNS]
    assert overview(app, sanne).attention == (row,)


def test_the_page_that_waits_for_consent_tells_of_a_refusal(
    app: Application, sanne: CurrentOperator, number: int
) -> None:
    denied(app, sanne, number)

    page = frame("register", id=str(number))

    assert "Customer refused" in words(page)
    assert "goes on by itself" not in words(page)


def test_a_new_link_after_a_refusal_asks_anew(app: Application, sanne: CurrentOperator, number: int) -> None:
    denied(app, sanne, number)
    with clock.shifted(timedelta(minutes=1)):
        create_customer_link(app, sanne, number)

        page = frame("registration", id=str(number))

    assert "Waiting for consent" in top(page)
    assert "The customer opens the link" in top(page)
    assert "refused" not in top(page)


def test_another_customer_has_refused_nothing(app: Application, sanne: CurrentOperator, number: int) -> None:
    denied(app, sanne, number)
    form = form_of(registration(app, sanne, number))

    edit(app, sanne, number, RegistrationForm(name="Heel Anders V.O.F.", environment="nl"), form)

    assert "Waiting for consent" in top(frame("registration", id=str(number)))


@pytest.mark.parametrize(
    "answer",
    [
        ('{"error":"invalid_client"}', "An admin of Clickker Connections"),
        ('{"error":"invalid_grant"}', "Support"),
    ],
)
def test_an_attempt_that_failed_leads_too(
    app: Application,
    sanne: CurrentOperator,
    simulator: RunningSimulator,
    number: int,
    answer: tuple[str, str],
) -> None:
    fault, who = answer
    simulator.engine.add_fault("custom", times=None, endpoint="token", status=400, body=fault)
    begun = begin_consent(app, sanne, create_consent(app, sanne, number))
    come_back(app, begun, code=simulator.engine.grant_code("nl", "test@testbv.example"))

    page = frame("registration", id=str(number))

    assert f"Who must act: {who}." in top(page)
    assert "has not given consent" not in top(page)
    assert is_primary(page, "registration_connect") is (who == "Support")


def test_one_refusal_by_exact_asks_nothing_of_anybody(app: Application, sanne: CurrentOperator) -> None:
    number = make_connected(app.database, "Test B.V.")
    record_failure(app, number, ExactError(FailureKind.REFUSED, exact_message="Old refresh token used."))

    page = frame("registration", id=str(number))

    said = words(page)
    for advice in ("You can already reconnect", "already helps", "Ask the customer to connect again"):
        assert advice not in said
    assert not is_primary(page, "registration_connect")
    assert said.count("Who must act: Nobody yet") == 2  # on top, and with the issue
    assert "We, at Clickker" not in said


def test_a_check_that_is_refused_gives_no_advice_of_its_own(
    app: Application, sanne: CurrentOperator, simulator: RunningSimulator
) -> None:
    number = make_connected(app.database, "Test B.V.", at=clock.now() - timedelta(hours=1))

    page = frame("registration", id=str(number))
    page.button("registration_check").click().run()  # it has no tokens that Exact could know

    assert [box.value for box in page.warning] == ["Exact Online refused the consent"]
    assert "Ask the customer to connect again" not in words(page)


@pytest.mark.parametrize("days", [9, 12])
def test_old_news_is_to_be_checked_and_nobody_is_to_reconnect(
    app: Application, sanne: CurrentOperator, days: int
) -> None:
    number = make_connected(app.database, "Test B.V.", at=clock.now() - days * DAY)

    page = frame("registration", id=str(number))

    assert is_primary(page, "registration_check")
    assert not is_primary(page, "registration_connect")
    assert "Support. Check now" in top(page)


@pytest.mark.parametrize("kind", [FailureKind.FORBIDDEN, FailureKind.RATE_LIMITED, FailureKind.BAD_REQUEST])
def test_reconnecting_is_primary_where_it_helps_alone(
    app: Application, sanne: CurrentOperator, kind: FailureKind
) -> None:
    number = make_connected(app.database, "Test B.V.")
    record_failure(app, number, ExactError(kind))

    assert not is_primary(frame("registration", id=str(number)), "registration_connect")


def test_an_inactive_user_is_the_one_right_that_reconnecting_mends(
    app: Application, sanne: CurrentOperator
) -> None:
    number = make_connected(app.database, "Test B.V.")
    record_failure(app, number, ExactError(FailureKind.FORBIDDEN, exact_message="Reason: InactiveUser"))

    page = frame("registration", id=str(number))

    assert is_primary(page, "registration_connect")
    assert words(page).count("Who must act: The customer, helped by support.") == 2


def test_diagnosis_believes_what_it_finds(app: Application, sanne: CurrentOperator) -> None:
    make_connected(app.database, "Bakkerij Jansen B.V.", at=clock.now() - timedelta(minutes=2))

    page = frame("diagnosis")
    page.text_area("diagnosis_text").set_value("Bakkerij Jansen meldt: Old refresh token used.").run()

    said = words(page)
    assert "Does reconnecting help?" in said
    assert "-badge[:material/link_off: No]" in said
    assert "Bakkerij Jansen B.V.: Connected. Everything answered at the last check. Last success:" in said
    assert "connect again" not in said
    assert not any("connect" in code.value and "again" in code.value for code in page.code)


def test_diagnosis_of_several_says_to_look_at_each(app: Application, sanne: CurrentOperator) -> None:
    make_connected(app.database, "Bakkerij Jansen B.V.")
    make_connected(app.database, "Slagerij Pietersen B.V.", at=clock.now() - 31 * DAY)

    page = frame("diagnosis")
    text = "Bakkerij Jansen en Slagerij Pietersen melden: Old refresh token used."
    page.text_area("diagnosis_text").set_value(text).run()

    assert "We do not know" in words(page)
    assert "See below what each registration needs." in words(page)
    [table] = [part.value for part in page.main.html if "Slagerij" in part.value]
    assert "There is nothing to do." in html.unescape(table)
    assert "The customer has to give consent again" in html.unescape(table)


def test_diagnosis_says_reconnect_of_what_needs_it(app: Application, sanne: CurrentOperator) -> None:
    make_connected(app.database, "Bakkerij Jansen B.V.", at=clock.now() - 31 * DAY)

    page = frame("diagnosis")
    page.text_area("diagnosis_text").set_value("Bakkerij Jansen: 503 Service Unavailable").run()

    assert "-badge[:material/link: Yes]" in words(page)
    assert "The customer has to give consent again" in words(page)
    assert "again" in page.code[0].value


def test_what_is_disconnected_is_not_active(app: Application, sanne: CurrentOperator) -> None:
    number = make_connected(app.database, "Test B.V.")
    disconnect(app, sanne, number)

    page = frame("registration", id=str(number))

    assert not page.main.toggle
    assert "Active" not in words(page)
    assert not is_primary(page, "registration_connect")
    [row] = list_registrations(app, sanne, RegistrationQuery()).rows
    assert "Active" not in next(lines([row]))
    assert "Active" not in [column.value(row) for column in REGISTRATION_COLUMNS]
    assert list(frame("bulk").dataframe[0].value["Setting"]) == ["–"]


def test_a_paused_one_that_was_disconnected_can_be_set_to_active(
    app: Application, sanne: CurrentOperator
) -> None:
    number = make_connected(app.database, "Test B.V.", active=False)
    disconnect(app, sanne, number)

    assert frame("registration", id=str(number)).main.toggle


def test_a_check_of_many_calls_for_somebody_where_somebody_is_needed(
    app: Application, sanne: CurrentOperator, number: int
) -> None:
    save_draft(app, sanne, None, RegistrationForm(reference="K-1"))
    make_connected(app.database, "Pauze B.V.", active=False)
    make_connected(app.database, "Weg B.V.", disconnected_at=clock.now())
    fine = make_connected(app.database, "Goed B.V.")
    down = make_connected(app.database, "Stil B.V.")
    since = clock.now()
    numbers = [row.id for row in rows_for_bulk(app, sanne, RegistrationQuery())]
    record_failure(app, down, ExactError(FailureKind.OUTAGE))
    shut = make_connected(app.database, "Dicht B.V.")
    record_failure(app, shut, ExactError(FailureKind.FORBIDDEN, exact_message="Reason: BlockedUser"))
    change(app, fine, last_checked_at=clock.now(), last_success_at=clock.now())

    page = frame("bulk")
    page.session_state[CHECKS] = ((*numbers, shut), since)
    page.run()

    [counts] = [part.value for part in page.main.markdown if "**" in part.value and "·" in part.value]
    assert counts.replace("*", "") == "Answered: 1 · Needs attention: 1 · We try again: 1 · Not checked: 4"
    by_name = {result.name: result.message for result in check_results(app, sanne, [*numbers, shut], since)}
    assert "is blocked" in by_name["Dicht B.V."]  # Exact's own words decide here as on the page
    assert "Draft without a name" in by_name


def test_a_draft_without_a_name_is_no_blank(app: Application, sanne: CurrentOperator) -> None:
    number = save_draft(app, sanne, None, RegistrationForm(reference="K-1"))

    [row] = list_registrations(app, sanne, RegistrationQuery()).rows

    assert REGISTRATION_COLUMNS[0].value(row) == "Draft without a name"
    page = frame("bulk")
    page.session_state[CHECKS] = ((number,), clock.now())
    page.run()
    assert any(">Draft without a name<" in part.value for part in page.main.html)


@pytest.mark.parametrize(("left", "soon"), [(14 * DAY, 1), (14 * DAY + timedelta(hours=1), 0)])
def test_alarm_and_overview_agree_on_what_soon_is(
    app: Application, sanne: CurrentOperator, left: timedelta, soon: int
) -> None:
    number = make_connected(app.database, "Test B.V.")
    lapses = registration(app, sanne, number).lapses_at
    assert lapses is not None
    with clock.shifted(lapses - left - clock.now()):
        change(app, number)
        issues = [issue for issue in _issues(app, sanne, number) if "lapses within" in issue]
        assert (overview(app, sanne).lapsing_count, len(issues)) == (soon, soon)


def test_what_exact_refuses_for_good_does_not_lapse_soon(app: Application, sanne: CurrentOperator) -> None:
    number = make_connected(app.database, "Test B.V.", at=clock.now() - 20 * DAY)
    with app.database.transaction() as session:
        grant = make_dead(session, number)
        settle(session, app.settings, session.get_one(Registration, number), clock.now())
        assert grant

    assert overview(app, sanne).lapsing_count == 0
    assert overview(app, sanne).lapsing == ()
    assert not [issue for issue in _issues(app, sanne, number) if "lapses within" in issue]


def make_dead(session: Any, number: int) -> str:
    grant = session.get_one(Grant, session.get_one(Registration, number).grant_id)
    now = clock.now()
    grant.refusals, grant.refused_since, grant.last_failure_at = 3, now - timedelta(hours=3), now
    grant.last_failure_kind = FailureKind.REFUSED.value
    session.flush()
    return str(grant.id)


def _issues(app: Application, by: CurrentOperator, number: int) -> list[str]:
    return [issue.what for issue in issues_of(app, by, number).open]


def test_an_alarm_that_is_no_longer_so_says_so(app: Application, sanne: CurrentOperator) -> None:
    number = make_connected(app.database, "Test B.V.")
    make_alarm(app.database, AlarmKind.LAPSES_SOON, number, days=14)
    soon = make_connected(app.database, "Bijna B.V.", at=clock.now() - 20 * DAY)
    make_alarm(app.database, AlarmKind.LAPSES_SOON, soon, days=14)

    shown = html.unescape("\n".join(part.value for part in frame("alarms").main.html))

    assert shown.count("Consent lapses soon (no longer so)") == 1
    assert shown.count("Consent lapses soon") == 2


def test_a_login_that_waits_for_a_word_comes_before_a_new_consent(
    app: Application, sanne: CurrentOperator
) -> None:
    number = make_connected(app.database, "Test B.V.", at=clock.now() - 31 * DAY)
    change(app, number, candidate_grant_id=make_grant(app.database, full_name="Piet Pieters"))

    page = frame("registration", id=str(number))

    assert "Reconnect needed" not in top(page)
    assert "Choose which login the connection runs under." in top(page)
    assert not is_primary(page, "registration_connect")


def test_administrations_that_open_by_themselves_call_for_nobody(
    app: Application, sanne: CurrentOperator
) -> None:
    number = make_connected(app.database, "Test B.V.")
    make_administration(app.database, number, "Back-up B.V.", blocking_status=1)

    said = words(frame("registration", id=str(number)))

    assert said.count("Who must act: Nobody yet") == 2
    assert "Who must act: Support" not in said
