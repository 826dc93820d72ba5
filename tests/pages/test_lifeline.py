"""The page that tells what would be lost if we were down."""

from __future__ import annotations

from datetime import timedelta

from core import clock
from core.accounts.roles import CurrentOperator
from core.application import Application
from core.registrations.lifeline import today
from tests.factories import make_connected
from tests.support.frame import frame

DAY = timedelta(days=1)


def test_two_days_tell_what_would_lapse(app: Application, sanne: CurrentOperator) -> None:
    make_connected(app.database, "Bijna B.V.", at=clock.now() - 25 * DAY)
    make_connected(app.database, "Vers B.V.")

    page = frame("lifeline")
    assert page.subheader[0].value == "1 consent would lapse"
    assert "Bijna B.V." in page.html[0].value
    assert "Vers B.V." not in page.html[0].value

    page.date_input("lifeline_to").set_value(today() + 40 * DAY).run()
    assert page.subheader[0].value == "2 consents would lapse"

    page.date_input("lifeline_from").set_value(today() + 6 * DAY).run()
    assert page.subheader[0].value == "1 consent would lapse"
    assert "Vers B.V." in page.html[0].value


def test_calm_when_nothing_would(app: Application, sanne: CurrentOperator) -> None:
    make_connected(app.database)

    assert frame("lifeline").success[0].value == "No consent would lapse in these days."


def test_days_the_wrong_way_round_are_explained(app: Application, sanne: CurrentOperator) -> None:
    page = frame("lifeline")
    page.date_input("lifeline_from").set_value(today() + 20 * DAY).run()

    assert "last day must not be before the first" in page.error[0].value
