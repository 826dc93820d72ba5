"""The two lists: filters in the address, fifty a page, a word when there is nothing."""

from __future__ import annotations

import re

import pytest
from streamlit.testing.v1 import AppTest

from core.accounts.operators import set_language
from core.accounts.roles import CurrentOperator
from core.application import Application
from core.i18n import LANGUAGES
from dashboard import signin
from tests.factories import make_connected, make_operator, make_registration
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


@pytest.fixture
def three(app: Application) -> dict[str, int]:
    """Two who share a name, one whose account is disabled, and a registration of each."""
    people = {
        "jan1": make_operator(app.database, "Jan de Boer", email="jan1@clickker.test").id,
        "jan2": make_operator(app.database, "Jan de Boer", email="jan2@clickker.test").id,
        "gone": make_operator(app.database, "Piet", active=False).id,
        "odd": make_operator(app.database, "All owners", email="odd@clickker.test").id,
    }
    for who, number in people.items():
        make_registration(app.database, f"Of {who}", owner_id=number)
    return people


@pytest.mark.parametrize("who", ["jan1", "jan2", "gone", "odd"])
def test_a_filter_by_owner_shows_the_one_chosen(
    app: Application, sanne: CurrentOperator, three: dict[str, int], who: str
) -> None:
    labels = {
        "jan1": "Jan de Boer (jan1@clickker.test)",
        "jan2": "Jan de Boer (jan2@clickker.test)",
        "gone": "Piet (disabled)",
        "odd": "All owners (odd@clickker.test)",
    }
    page = frame("registrations")
    box = page.selectbox("owner")
    assert len(set(box.options)) == len(box.options)
    box.select(labels[who]).run()

    assert shown_names(page) == {f"Of {who}"}
    for address in ({"owner": str(three[who])}, {"owner": labels[who]}):
        assert shown_names(frame("registrations", **address)) == {f"Of {who}"}


@pytest.mark.parametrize(
    ("address", "marked"),
    [
        ({"owner": "4711"}, "4711 (gone)"),
        ({"owner": "Klaas"}, "Unknown owner"),
        ({"status": "asleep"}, "asleep (gone)"),
        ({"environment": "xx"}, "xx (gone)"),
    ],
)
def test_a_saved_address_that_asks_for_what_is_gone_says_so_and_shows_nothing(
    app: Application, sanne: CurrentOperator, three: dict[str, int], address: dict[str, str], marked: str
) -> None:
    page = frame("registrations", **address)

    [name] = address
    assert marked in page.selectbox(name).options
    assert "Nothing matches" in page.info[0].value
    page.run()
    assert "Nothing matches" in page.info[0].value
    page.button("clear").click().run()
    assert len(shown_names(page)) == 4


@pytest.mark.parametrize("code", list(LANGUAGES))
def test_no_two_choices_of_a_list_read_alike(
    app: Application, sanne: CurrentOperator, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    monkeypatch.setattr(signin, "live_language", lambda: code)
    set_language(app, sanne, code)
    for name in ("registrations", "administrations"):
        for box in frame(name).selectbox:
            assert len(set(box.options)) == len(box.options), (name, box.label)


def shown_names(page: AppTest) -> set[str]:
    return set(re.findall(r'href="/registration\?id=\d+">([^<]+)</a>', table(page)))


def test_more_than_is_searched_is_told_and_not_dropped(app: Application, sanne: CurrentOperator) -> None:
    name = "Stichting " + "x" * 90
    make_registration(app.database, name)

    page = frame("registrations")
    page.text_input("q").set_value(name + " and whatever else was pasted").run()

    assert page.caption[0].value == "Only the first 100 characters are searched."
    assert shown_names(page) == {name}
    said = [caption.value for caption in frame("registrations", q=name).caption]
    assert "Only the first 100 characters are searched." not in said


STORED = "Ærø & Straße “Łódź” O’Brien–Müller"


@pytest.mark.parametrize(
    "sought",
    [
        "aero & strasse",
        "ÆRØ",
        "lodz",
        '"łódź"',
        "o'brien-muller",
        "O’BRIEN–MÜLLER",
        "o‘brien‑mu\u0308ller",
        "STRASSE",
    ],
)
@pytest.mark.parametrize("where", ["name", "reference"])
def test_what_people_type_finds_what_is_stored(
    app: Application, sanne: CurrentOperator, sought: str, where: str
) -> None:
    if where == "name":
        make_registration(app.database, STORED)
    else:
        make_registration(app.database, "Of STORED", reference=STORED)
    make_registration(app.database, "Another")

    [found] = shown_names(frame("registrations", q=sought))

    assert found != "Another"
