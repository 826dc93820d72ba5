"""What is the matter? A message pasted, and what it means."""

from __future__ import annotations

from datetime import timedelta

import pytest
from streamlit.testing.v1 import AppTest

from core import clock
from core.accounts.operators import set_language
from core.accounts.roles import CurrentOperator
from core.application import Application
from core.exact.kinds import FailureKind
from core.storage.models import Registration
from tests.factories import make_broken, make_connected
from tests.support.frame import frame


def words(page: AppTest) -> str:
    shown = [e.value for e in (*page.markdown, *page.caption)]
    shown += [e.value.to_string() for e in page.table]
    return "\n".join(shown).replace("\\", "")


def pasted(text: str) -> AppTest:
    page = frame("diagnosis")
    page.text_area("diagnosis_text").set_value(text).run()
    assert not page.exception
    return page


def test_an_empty_box_says_nothing(app: Application, sanne: CurrentOperator) -> None:
    page = frame("diagnosis")
    assert page.title[0].value == "What is the matter?"
    assert not page.table
    assert page.button("diagnosis_clear").disabled


def test_a_message_is_answered_with_who_acts_and_what_to_send(
    app: Application, sanne: CurrentOperator
) -> None:
    number = make_broken(app.database, "Bakkerij Jansen B.V.")

    page = pasted("Bakkerij Jansen B.V. ziet: > Old refresh\n> token used.")

    assert "Does reconnecting help?" in words(page)
    assert "Yes" in words(page)
    assert "The customer" in words(page)
    assert any(f'<a href="/registration?id={number}">Bakkerij' in html.value for html in page.html)
    assert "unauthorized" not in words(page)
    assert page.code[0].value == "Please connect Bakkerij Jansen B.V. with Exact Online again"
    assert "[paste the link for the customer here]" in page.code[1].value
    assert page.code[1].value.endswith("Sanne\nClickker")


def test_the_mail_can_be_had_in_dutch(app: Application, sanne: CurrentOperator) -> None:
    page = pasted("NoDivisionAccess")
    page.segmented_control("diagnosis_mail_language").set_value("nl").run()
    assert page.code[1].value.startswith("Goedendag,")
    assert "Administraties: Toegangsrechten" in page.code[1].value
    assert page.text_area("diagnosis_text").value == "NoDivisionAccess"


def test_clear_empties_the_box_and_the_answer(app: Application, sanne: CurrentOperator) -> None:
    page = pasted("NoDivisionAccess")
    page.button("diagnosis_clear").click().run()
    assert page.text_area("diagnosis_text").value == ""
    assert not page.table


def test_the_unknown_is_said_to_be_unknown_and_shown_as_text(
    app: Application, sanne: CurrentOperator
) -> None:
    page = pasted(
        "**Fout** [klik](https://evil.example) :red[x] <script>alert(1)</script> stampNL001.abcdefgh"
    )

    assert "We do not know" in words(page)
    assert "This message is not known here" in words(page)
    cell = page.table[0].value.to_string()
    assert r"\*\*Fout\*\* \[klik\]\(https\:" in cell
    assert "<script" not in cell
    assert "abcdefgh" not in cell
    assert "No name or code of a registration" in words(page)


def test_it_speaks_dutch(app: Application, sanne: CurrentOperator) -> None:
    set_language(app, sanne, "nl")
    page = pasted("User division is not within division scope.")
    assert page.title[0].value == "Wat is er aan de hand?"
    assert "Helpt opnieuw verbinden?" in words(page)
    assert "Nee" in words(page)
    assert "Beveiligingscentrum › Machtigingen voor mijn apps" in words(page)
    assert page.code[1].value.startswith("Goedendag,")


@pytest.mark.parametrize(("hours", "shown"), [(0, True), (2, False)])
def test_the_page_of_a_registration_says_what_its_failure_means(
    app: Application, sanne: CurrentOperator, hours: int, shown: bool
) -> None:
    now = clock.now()
    number = make_connected(app.database, "Test B.V.", at=now - timedelta(hours=1))
    with app.database.transaction() as session:
        row = session.get_one(Registration, number)
        row.last_failure_at = now - timedelta(hours=hours)
        row.last_failure_kind = FailureKind.FORBIDDEN.value
        row.last_failure_message = "Forbidden - WrongDivision"
        row.status, row.status_reason = "attention", "failure_forbidden"

    page = frame("registration", id=str(number))

    assert not page.exception
    assert ("Does reconnecting help?" in words(page)) is shown
    assert words(page).count("cannot open this administration") == 1
    if shown:
        assert page.code[0].value == "A setting in Exact Online for Test B.V."
