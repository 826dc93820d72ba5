"""What is wrong, who must act, what differs from Exact: on the registration's page and the overview."""

from __future__ import annotations

from datetime import timedelta

import pytest
from streamlit.testing.v1 import AppTest

from core import clock
from core.accounts.roles import CurrentOperator
from core.application import Application
from core.exact.errors import ExactError, FailureKind
from core.registrations.failures import record_failure
from core.registrations.heartbeat import beat
from core.registrations.issue_views import issues_of
from core.registrations.overview import overview
from core.registrations.settle import settle
from core.storage.models import Registration
from tests.factories import make_administration, make_connected
from tests.support.frame import frame


def words(page: AppTest) -> str:
    shown = (*page.subheader, *page.markdown, *page.caption, *page.html, *page.warning, *page.success)
    return "\n".join(element.value for element in shown).replace("\\", "")


def labels(page: AppTest) -> list[str]:
    return [expander.label for expander in page.expander]


def succeed(app: Application, number: int) -> None:
    with app.database.transaction() as session:
        row = session.get_one(Registration, number)
        row.last_success_at = clock.now()
        settle(session, app.settings, row, clock.now())


def test_all_is_well_and_the_page_is_quiet(app: Application, sanne: CurrentOperator) -> None:
    number = make_connected(app.database, "Test B.V.")

    page = frame("registration", id=str(number))

    assert "What is wrong" not in words(page)
    assert "Compared with Exact Online: all agrees" in labels(page)
    assert "Mended issues" not in labels(page)


def test_an_issue_says_since_when_and_who_must_act(app: Application, sanne: CurrentOperator) -> None:
    number = make_connected(app.database, "Test B.V.")
    record_failure(app, number, ExactError(FailureKind.REFUSED, exact_message="Old refresh token used."))

    page = frame("registration", id=str(number))

    assert "Exact Online refused the consent; this is being confirmed" in words(page)
    assert "Who must act: Nobody yet: we try again by ourselves." in words(page)
    assert any("Old refresh token used" in table.value.to_string() for table in page.table)
    assert "Reconnect" in [button.label for button in page.button]


def test_silencing_takes_it_out_of_the_overview(app: Application, mark: CurrentOperator) -> None:
    number = make_connected(app.database, "Test B.V.")
    record_failure(app, number, ExactError(FailureKind.FORBIDDEN))
    (issue,) = issues_of(app, mark, number).open

    page = frame("registration", id=str(number))
    day = clock.now().date() + timedelta(days=5)
    page.date_input(f"issue_until_{issue.id}").set_value(day)
    page.button(f"issue_snooze_{issue.id}").click().run()

    assert "Silenced. It comes back by itself." in words(page)
    assert "by Mark" in words(page)
    assert overview(app, mark).attention == ()
    first = frame("overview")
    assert "1 silenced." in words(first)
    assert "Nothing needs attention." not in words(first)
    assert "Look at these first" not in words(first)


def test_what_was_mended_is_folded_away(app: Application, sanne: CurrentOperator) -> None:
    number = make_connected(app.database, "Test B.V.")
    record_failure(app, number, ExactError(FailureKind.RATE_LIMITED))
    succeed(app, number)

    page = frame("registration", id=str(number))

    assert "Mended issues" in labels(page)
    assert "Exact Online asks us to slow down" in page.table[-2].value.to_string()


def test_differences_with_exact_are_named(app: Application, sanne: CurrentOperator) -> None:
    number = make_connected(app.database, "Test B.V.")
    make_administration(app.database, number, "Weg <b>", permitted=False)
    make_administration(app.database, number, "Oud", exact_status=2)

    page = frame("registration", id=str(number))

    assert "Linked, no longer permitted" in words(page)
    assert "Linked, archived at Exact" in words(page)
    assert "Weg &lt;b&gt;" in words(page)
    assert "Compared with Exact Online: 2 differ" in labels(page)


def test_who_only_reads_sees_the_comparison_too(app: Application, mark: CurrentOperator) -> None:
    number = make_connected(app.database, "Test B.V.")
    make_administration(app.database, number, "Weg", permitted=False)

    assert "Linked, no longer permitted" in words(frame("registration", id=str(number)))


def test_many_issues_are_not_a_wall(app: Application, sanne: CurrentOperator) -> None:
    number = make_connected(app.database, "Test B.V.")
    for _n in range(13):
        make_administration(app.database, number, permitted=False)

    page = frame("registration", id=str(number))

    assert "3 more; the administrations below tell which." in words(page)


def test_an_incident_is_told_once_with_its_verdict(app: Application, sanne: CurrentOperator) -> None:
    for _n in range(3):
        record_failure(app, make_connected(app.database), ExactError(FailureKind.OUTAGE))
    for _n in range(3):
        number = make_connected(app.database, environment="be")
        record_failure(app, number, ExactError(FailureKind.CLIENT))

    _keeper_works(app)
    page = frame("overview")

    first, second = (warning.value for warning in page.warning)
    assert "Netherlands" in first
    assert "Belgium" in second
    assert "3 customers fail since" in first
    assert "It is Exact, not the customers" in first
    assert "It is our app's settings, not the customers" in second


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (FailureKind.REFUSED, "an admin must look in the Exact App Center"),
        (FailureKind.NOT_SENT, "An admin must see whether the server reaches the internet"),
    ],
)
def test_a_banner_does_not_say_that_nobody_acts_where_somebody_has_to(
    app: Application, sanne: CurrentOperator, kind: FailureKind, words: str
) -> None:
    for _n in range(3):
        record_failure(app, make_connected(app.database), ExactError(kind))
    _keeper_works(app)

    [banner] = (warning.value for warning in frame("overview").warning)

    assert words in banner
    assert "nobody has to" not in banner


def test_no_incident_no_banner(app: Application, sanne: CurrentOperator) -> None:
    make_connected(app.database)
    _keeper_works(app)

    assert not frame("overview").warning


def _keeper_works(app: Application) -> None:
    with app.database.transaction() as session:
        beat(session, clock.now())
