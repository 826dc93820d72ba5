"""Several registrations at once: choosing them, and the outcome for each. Ticking itself is seen in a browser."""

from __future__ import annotations

from datetime import timedelta

from streamlit.testing.v1 import AppTest

from core import clock
from core.accounts.roles import CurrentOperator
from core.application import Application
from core.registrations.bulk import RowResult, RowState
from core.storage.models import Registration
from dashboard import bulk_outcome
from tests.factories import make_connected
from tests.support.frame import frame


def shown(page: AppTest) -> str:
    return "\n".join(html.value for html in page.html if "<table" in html.value)


def test_the_filter_in_the_address_says_which_rows(app: Application, sanne: CurrentOperator) -> None:
    make_connected(app.database, "Test B.V.")
    make_connected(app.database, "Bakker B.V.")

    page = frame("bulk", filter="q=bakk")

    assert list(page.dataframe[0].value["Name"]) == ["Bakker B.V."]
    assert all(button.disabled for button in page.button if (button.key or "").startswith("bulk_"))


def test_an_account_manager_may_only_change_the_owner(app: Application, mark: CurrentOperator) -> None:
    make_connected(app.database, "Test B.V.")

    page = frame("bulk")

    assert [button.key for button in page.button if (button.key or "").startswith("bulk_")] == ["bulk_owner"]


def test_nothing_to_change_leads_back(app: Application, sanne: CurrentOperator) -> None:
    assert "no registrations" in frame("bulk").info[0].value


def test_what_did_not_go_well_stands_first(app: Application, sanne: CurrentOperator) -> None:
    number = make_connected(app.database, "Test B.V.")
    page = frame("bulk")
    page.session_state[bulk_outcome.RESULTS] = [
        RowResult(number, "Goed B.V.", RowState.DONE, "Paused."),
        RowResult(number, "<b>Fout</b> B.V.", RowState.FAILED, "It is gone."),
    ]
    page.run()

    assert shown(page).index("&lt;b&gt;Fout&lt;/b&gt;") < shown(page).index("Goed B.V.")
    page.button("bulk_again").click().run()
    assert len(page.dataframe) == 1


def test_checks_are_followed_until_all_have_come(app: Application, sanne: CurrentOperator) -> None:
    number = make_connected(app.database, "Test B.V.", at=clock.now() - timedelta(hours=1))
    page = frame("bulk")
    since = clock.now()
    page.session_state[bulk_outcome.CHECKS] = ((number,), since)
    page.run()
    assert "Waiting" in shown(page)

    with app.database.transaction() as session:
        row = session.get_one(Registration, number)
        row.last_checked_at = row.last_success_at = clock.now()
    page.run()

    assert "Answered" in shown(page)


def test_no_row_slips_between_while_rows_are_being_ticked(app: Application, sanne: CurrentOperator) -> None:
    make_connected(app.database, "Bakker B.V.")
    make_connected(app.database, "Test B.V.")
    page = frame("bulk")

    make_connected(app.database, "Aannemer B.V.")
    page.run()

    assert list(page.dataframe[0].value["Name"]) == ["Bakker B.V.", "Test B.V."]
    assert list(frame("bulk").dataframe[0].value["Name"]) == ["Aannemer B.V.", "Bakker B.V.", "Test B.V."]
