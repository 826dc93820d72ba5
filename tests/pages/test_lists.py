"""The two lists: filters in the address, fifty a page, a word when there is nothing."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from core.accounts.roles import CurrentOperator
from core.application import Application
from tests.factories import make_connected, make_registration
from tests.support.frame import frame


def table(page: AppTest) -> str:
    return "\n".join(html.value for html in page.html if "<table" in html.value)


def summary(page: AppTest) -> str:
    return "\n".join(html.value for html in page.html if "Export" in html.value)


def test_a_row_leads_to_its_registration(app: Application, sanne: CurrentOperator) -> None:
    number = make_connected(app.database, "Test B.V.")

    shown = table(frame("registrations"))

    assert f'<a href="/registration?id={number}">Test B.V.</a>' in shown
    assert 'aria-label="Registrations"' in shown


def test_the_address_filters_in_codes_and_in_words(app: Application, sanne: CurrentOperator) -> None:
    make_connected(app.database, "Test B.V.")
    make_registration(app.database, "Wacht B.V.")

    for status in ("waiting_for_consent", "Waiting for consent"):
        shown = table(frame("registrations", status=status))
        assert "Wacht B.V." in shown
        assert "Test B.V." not in shown


def test_a_search_travels_to_the_export(app: Application, sanne: CurrentOperator) -> None:
    make_connected(app.database, "Test & Zoon B.V.")
    make_connected(app.database, "Bakker B.V.")

    page = frame("registrations")
    page.text_input("q").set_value("test & z").run()

    assert "Bakker" not in table(page)
    assert 'href="/export/registrations.csv?q=test+%26+z"' in summary(page)


def test_fifty_rows_a_page(app: Application, sanne: CurrentOperator) -> None:
    for number in range(53):
        make_registration(app.database, f"Klant {number:02}")

    page = frame("registrations")
    assert table(page).count("<tr>") == 51
    assert "53 found" in summary(page)
    page = frame("registrations", page="2")

    assert table(page).count("<tr>") == 4


def test_a_new_search_starts_at_the_first_page(app: Application, sanne: CurrentOperator) -> None:
    for number in range(120):
        make_registration(app.database, f"Klant {number:03}")

    page = frame("registrations", page="3")
    assert "Klant 119" in table(page)
    page.text_input("q").set_value("klant").run()

    assert "Klant 000" in table(page)


def test_nothing_found_offers_everything_again(app: Application, sanne: CurrentOperator) -> None:
    make_connected(app.database, "Test B.V.")

    page = frame("registrations", q="zzzz")
    assert "Nothing matches" in page.info[0].value
    page.button("clear").click().run()

    assert "Test B.V." in table(page)


def test_an_empty_table_says_what_to_do_next(app: Application, sanne: CurrentOperator) -> None:
    page = frame("registrations")
    assert page.button("registrations_first").label == "Register the first customer"

    assert "No administrations are linked yet" in frame("administrations").info[0].value


def test_names_are_text_and_never_markup(app: Application, sanne: CurrentOperator) -> None:
    make_registration(app.database, "<img src=x onerror=alert(1)>")

    assert "&lt;img src=x onerror=alert(1)&gt;" in table(frame("registrations"))


def test_administrations_lead_to_their_registration(app: Application, sanne: CurrentOperator) -> None:
    number = make_connected(app.database, "Test B.V.", administrations=2)

    shown = table(frame("administrations"))

    assert shown.count(f"/registration?id={number}") == 2
    assert 'aria-label="Linked administrations"' in shown
