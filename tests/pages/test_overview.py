"""The first screen: figures that lead to the rows behind them, and what to do when there is nothing."""

from __future__ import annotations

from datetime import timedelta

from streamlit.testing.v1 import AppTest

from core import clock
from core.accounts.roles import CurrentOperator
from core.application import Application
from core.registrations.heartbeat import beat
from tests.factories import make_connected, make_registration
from tests.support.frame import frame


def drawn(page: AppTest) -> str:
    return "\n".join(html.value for html in page.html)


def test_every_status_is_counted_and_leads_to_its_rows(app: Application, sanne: CurrentOperator) -> None:
    make_connected(app.database, administrations=3)
    make_connected(app.database, administrations=4)
    make_registration(app.database)

    page = frame("overview")

    assert page.caption[0].value == "3 registrations · 7 linked administrations"
    assert '<a href="/registrations?status=Connected">' in drawn(page)
    assert drawn(page).count("/registrations?status=Waiting+for+consent") == 1


def test_what_needs_attention_is_named(app: Application, sanne: CurrentOperator) -> None:
    number = make_connected(app.database, "Oud Nieuws B.V.", at=clock.now() - timedelta(days=9))

    page = frame("overview")

    assert [part.value for part in page.subheader][-1] == "Look at these first"
    assert f'<a href="/registration?id={number}">Oud Nieuws B.V.</a>' in drawn(page)


def test_what_lapses_soon_is_named(app: Application, sanne: CurrentOperator) -> None:
    make_connected(app.database, "Bijna B.V.", at=clock.now() - timedelta(days=25))
    make_connected(app.database, "Vers B.V.")

    page = frame("overview")

    assert "1 consent lapses unless it is used." in [part.value for part in page.caption]
    assert "Bijna B.V." in drawn(page)
    assert "Vers B.V." not in drawn(page)


def test_calm_when_all_is_well(app: Application, sanne: CurrentOperator) -> None:
    make_connected(app.database)

    said = [part.value for part in frame("overview").caption]

    assert "Nothing needs attention." in said
    assert "No consent lapses soon." in said


def test_an_empty_house_leads_to_the_first_registration(app: Application, sanne: CurrentOperator) -> None:
    page = frame("overview")

    page.button("overview_first").click().run()

    assert page.title[0].value == "Applications"


def test_an_account_manager_is_not_offered_to_register(app: Application, mark: CurrentOperator) -> None:
    page = frame("overview")

    assert page.info[0].value == "Nothing is registered yet."
    assert "Register the first customer" not in [button.label for button in page.button]


def test_without_a_keeper_it_says_that_what_is_shown_may_be_old(
    app: Application, sanne: CurrentOperator
) -> None:
    make_connected(app.database)
    assert "No one is keeping the connections alive" in frame("overview").warning[0].value

    with app.database.transaction() as session:
        beat(session, clock.now() - timedelta(minutes=59))
    assert not frame("overview").warning
    with clock.shifted(timedelta(minutes=2)):
        assert frame("overview").warning
