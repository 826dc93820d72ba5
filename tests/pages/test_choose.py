"""Choosing administrations: who came back, what fits, what cannot be linked, and the end of the path."""

from __future__ import annotations

from datetime import timedelta

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Checkbox

from core import clock
from core.accounts.roles import CurrentOperator
from core.application import Application
from core.registrations.administrations import save_administrations
from core.registrations.registration import registration
from core.storage.models import Registration
from dashboard.reading import LONGEST
from tests.factories import (
    make_administration,
    make_connected,
    make_grant,
    make_operator,
    make_registration,
)
from tests.support.frame import cookies, frame


def consented(app: Application, *names: str, name: str = "Test B.V.") -> tuple[int, list[int]]:
    """A registration with consent, and the codes of its administrations."""
    number = make_registration(app.database, name)
    make_grant(app.database, number)
    return number, [make_administration(app.database, number, each, linked=False) for each in names]


def box(page: AppTest, code: int) -> Checkbox:
    """The box of one administration; its key ends in the code, after the round that it was drawn in."""
    (one,) = [each for each in page.checkbox if str(each.key).endswith(f"_{code}")]
    return one


def everything(page: AppTest) -> Checkbox:
    (one,) = [each for each in page.checkbox if each.label == "Select all"]
    return one


def ticked(page: AppTest, codes: list[int]) -> list[bool]:
    return [box(page, code).value for code in codes]


def words(page: AppTest) -> str:
    return "\n".join(e.value for e in (*page.markdown, *page.caption, *page.warning)).replace("\\", "")


def test_it_says_who_came_back(app: Application, sanne: CurrentOperator) -> None:
    number, _codes = consented(app, "Test B.V.")

    page = frame("choose", id=str(number))

    assert page.title[0].value == "Choose administrations"
    assert "came from **Jan Jansen**" in words(page)


def test_nothing_is_said_of_the_administrations_while_exact_is_being_asked(
    app: Application, sanne: CurrentOperator
) -> None:
    number, _codes = consented(app)

    page = frame("choose", id=str(number))

    assert [box.value for box in page.info] == [
        "Exact Online is being asked for the administrations. This page goes on by itself."
    ]
    assert "administration" not in words(page)


@pytest.mark.parametrize("moment", ["last_failure_at", "last_checked_at", ""])
def test_what_was_not_found_is_said_once_exact_has_answered_or_nobody_asks_any_more(
    app: Application, sanne: CurrentOperator, moment: str
) -> None:
    number, _codes = consented(app)
    later = clock.now() + timedelta(seconds=3)
    if moment:
        with app.database.transaction() as session:
            setattr(session.get_one(Registration, number), moment, later)

    with clock.shifted(timedelta(seconds=5) if moment else LONGEST):
        page = frame("choose", id=str(number))

    assert not page.info
    assert "Exact Online shows 0 administrations." in words(page)


def test_the_one_with_the_same_name_is_ticked(app: Application, sanne: CurrentOperator) -> None:
    number, codes = consented(app, "Bakker B.V.", "test bv")

    assert ticked(frame("choose", id=str(number)), codes) == [False, True]


def test_a_name_that_does_not_fit_is_pointed_out(app: Application, sanne: CurrentOperator) -> None:
    number, codes = consented(app, "Jansen Holding", "Jansen Beheer")

    page = frame("choose", id=str(number))

    assert "None of these administrations is called **Test B.V.**" in words(page)
    assert ticked(page, codes) == [False, False]


def test_select_all_takes_what_can_be_linked(app: Application, sanne: CurrentOperator) -> None:
    number, codes = consented(app, "Een", "Twee")
    archived = make_administration(app.database, number, "Oud", linked=False, exact_status=2)
    other = make_connected(app.database, "Ander B.V.")
    taken = registration(app, sanne, other).linked[0].code
    make_administration(app.database, number, "Bezet", linked=False, code=taken)

    page = frame("choose", id=str(number))
    everything(page).check().run()

    assert ticked(page, [*codes, archived, taken]) == [True, True, False, False]
    assert box(page, archived).disabled
    assert "Already linked to Ander B.V." in box(page, taken).label.replace("\\", "")


def test_search_narrows_select_all(app: Application, sanne: CurrentOperator) -> None:
    number, codes = consented(app, "Appel", "Appelboom", "Peer")

    page = frame("choose", id=str(number))
    page.text_input("choose_search").set_value("appel").run()
    everything(page).check().run()
    page.text_input("choose_search").set_value("").run()

    assert ticked(page, codes) == [True, True, False]


def test_saving_ends_the_path(app: Application, sanne: CurrentOperator) -> None:
    number, codes = consented(app, "Een", "Twee")

    page = frame("choose", id=str(number))
    box(page, codes[1]).check().run()
    page.button("choose_save").click().run()
    page.button("choose_save_anyway").click().run()

    assert page.title[0].value == "Registration complete"
    assert [a.code for a in registration(app, sanne, number).linked] == [codes[1]]


def test_saving_nothing_is_refused(app: Application, sanne: CurrentOperator) -> None:
    number, _codes = consented(app, "Een", "Twee")

    page = frame("choose", id=str(number))
    page.button("choose_save").click().run()

    assert "Choose at least one administration" in page.error[0].value


def test_sixty_administrations_come_in_pages(app: Application, sanne: CurrentOperator) -> None:
    number, codes = consented(app, *(f"Klant {n:02}" for n in range(60)))

    page = frame("choose", id=str(number))

    assert len([each for each in page.checkbox if each.label.startswith("**")]) == 50
    everything(page).check().run()
    page.button("choose_save").click().run()
    page.button("choose_save_anyway").click().run()
    assert len(registration(app, sanne, number).linked) == len(codes)


def test_a_name_is_never_read_as_markdown(app: Application, sanne: CurrentOperator) -> None:
    number, codes = consented(app, "[x](javascript:alert) :red[**B.V.**]")

    label = box(frame("choose", id=str(number)), codes[0]).label

    assert r"\[x\]\(javascript\:alert\) \:red\[\*\*B\.V\.\*\*\]" in label


def test_without_consent_there_is_nothing_to_choose(app: Application, sanne: CurrentOperator) -> None:
    number = make_registration(app.database, "Test B.V.")

    page = frame("choose", id=str(number))

    assert "There is no consent" in page.info[0].value


def test_an_unknown_number_is_explained(app: Application, sanne: CurrentOperator) -> None:
    assert "no longer there" in frame("choose", id="abc").info[0].value


def test_the_only_one_is_not_ticked_when_it_is_called_otherwise(
    app: Application, sanne: CurrentOperator
) -> None:
    number, [code] = consented(app, "Garage De Vries")

    page = frame("choose", id=str(number))

    assert not box(page, code).value
    assert not is_primary(page)
    assert page.button("choose_save_back").label == "Wrong login: go back"
    page.button("choose_save_back").click().run()
    assert page.title[0].value.replace("\\", "") == "Test B.V."


@pytest.mark.parametrize("called", ["Test Holding B.V.", "Hoofdadministratie"])
def test_the_only_one_is_ticked_when_it_is_the_customer_s(
    app: Application, sanne: CurrentOperator, called: str
) -> None:
    number = make_registration(app.database, "Test B.V.")
    make_grant(app.database, number)
    code = make_administration(app.database, number, called, linked=False, customer_name="Test BV")

    page = frame("choose", id=str(number))

    assert box(page, code).value
    assert is_primary(page)
    assert not [button for button in page.button if button.key == "choose_save_back"]
    page.button("choose_save").click().run()
    assert page.title[0].value == "Registration complete"


def test_what_does_not_fit_is_asked_about_before_it_is_saved(
    app: Application, sanne: CurrentOperator
) -> None:
    number, codes = consented(app, "Test Webshop B.V.", "Garage De Vries")
    page = frame("choose", id=str(number))
    box(page, codes[0]).check().run()
    box(page, codes[1]).check().run()

    page.button("choose_save").click().run()

    assert "This one is not called like **Test B.V.**: Garage De Vries." in words(page)
    assert registration(app, sanne, number).linked == ()
    box(page, codes[1]).uncheck().run()
    assert "not called like" not in words(page)
    page.button("choose_save").click().run()
    assert [a.code for a in registration(app, sanne, number).linked] == [codes[0]]


def test_another_tick_is_asked_about_anew(app: Application, sanne: CurrentOperator) -> None:
    number, codes = consented(app, "Garage De Vries", "Bakkerij Jansen")
    page = frame("choose", id=str(number))
    box(page, codes[0]).check().run()
    page.button("choose_save").click().run()

    box(page, codes[1]).check().run()
    assert "choose_save_anyway" not in {button.key for button in page.button}
    page.button("choose_save").click().run()

    assert "Bakkerij Jansen, Garage De Vries" in words(page)


def test_where_nothing_can_be_linked_nothing_can_be_saved(app: Application, sanne: CurrentOperator) -> None:
    number, _codes = consented(app)
    make_administration(app.database, number, "Test B.V.", linked=False, exact_status=2)

    page = frame("choose", id=str(number))

    assert "choose_save" not in {button.key for button in page.button}
    assert "Nothing here can be linked" in page.info[0].value
    assert page.button("choose_save_back")


def test_a_login_that_is_known_for_another_customer_is_pointed_out(
    app: Application, sanne: CurrentOperator
) -> None:
    number, [code] = consented(app, "Test B.V.")
    grant = registration(app, sanne, number).grant
    assert grant is not None
    make_registration(app.database, "Ander B.V.", grant_id=grant.id)

    page = frame("choose", id=str(number))

    assert "This login is known for others already: [Ander B.V.](/registration?id=" in words(page)
    assert "Is it the right one for **Test B.V.**?" in words(page)
    save_administrations(app, sanne, number, {code})
    assert "known for others" not in words(frame("choose", id=str(number)))


def test_ticks_are_here_again_in_another_session(app: Application, sanne: CurrentOperator) -> None:
    number, codes = consented(app, "Een", "Twee", "Drie")
    page = frame("choose", id=str(number))
    box(page, codes[1]).check().run()

    page = frame("choose", id=str(number))

    assert ticked(page, codes) == [False, True, False]
    page.button("choose_save").click().run()
    page.button("choose_save_anyway").click().run()
    box(frame("registration", id=str(number)), codes[0])
    assert ticked(frame("registration", id=str(number)), codes) == [False, True, False]


def test_ticks_of_before_keep_what_a_colleague_linked_since(app: Application, sanne: CurrentOperator) -> None:
    number, codes = consented(app, "Een", "Twee", "Drie")
    save_administrations(app, sanne, number, codes[:1])
    page = frame("registration", id=str(number))
    box(page, codes[0]).uncheck().run()
    box(page, codes[1]).check().run()
    save_administrations(app, make_operator(app.database, "Bob"), number, [codes[0], codes[2]])

    assert ticked(frame("registration", id=str(number)), codes) == [False, True, True]


def test_ticks_under_another_consent_are_let_go_of(app: Application, sanne: CurrentOperator) -> None:
    number, codes = consented(app, "Een", "Twee")
    box(frame("choose", id=str(number)), codes[1]).check().run()
    make_grant(app.database, number)

    assert ticked(frame("choose", id=str(number)), codes) == [False, False]


def test_nobody_sees_the_ticks_of_another(
    app: Application, sanne: CurrentOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, codes = consented(app, "Een", "Twee")
    box(frame("choose", id=str(number)), codes[1]).check().run()
    cookies(monkeypatch, app, make_operator(app.database, "Bob"))

    assert ticked(frame("choose", id=str(number)), codes) == [False, False]


def test_saving_is_bound_to_the_customer_and_the_links_that_were_shown(
    app: Application, sanne: CurrentOperator
) -> None:
    number, codes = consented(app, "Test B.V.", "Test Holding")
    page = frame("choose", id=str(number))
    with app.database.transaction() as session:
        session.get_one(Registration, number).name = "Test Twee B.V."

    page.button("choose_save").click().run()

    assert "it was “Test B.V.” (Netherlands), and is “Test Twee B.V.” (Netherlands) now" in said(page)
    assert registration(app, sanne, number).linked == ()
    assert ticked(page, codes) == [True, False]


@pytest.mark.parametrize(
    "sought", ["NL 8123.45.678.B01", "nl812345678b01", "8123 45 678", "O’Brien", "o'brien", "Lodz", "K–12"]
)
def test_what_stands_on_paper_finds_it(app: Application, sanne: CurrentOperator, sought: str) -> None:
    number, _codes = consented(app, "Ander B.V.")
    code = make_administration(
        app.database, number, "O'Brien Łódź K-12", linked=False, vat_number="NL812345678B01"
    )

    page = frame("choose", id=str(number))
    page.text_input("choose_search").set_value(sought).run()

    assert [str(each.key).rpartition("_")[2] for each in page.checkbox if each.label.startswith("**")] == [
        str(code)
    ]


def is_primary(page: AppTest) -> bool:
    return str(page.button("choose_save").proto.type) == "primary"


def said(page: AppTest) -> str:
    return "\n".join(box.value for box in page.error).replace("\\", "")


def test_nobody_is_asked_twice_whose_books_are_called_otherwise(
    app: Application, sanne: CurrentOperator
) -> None:
    number, codes = consented(app, "Een", "Twee")
    save_administrations(app, sanne, number, codes[:1])

    page = frame("choose", id=str(number))
    box(page, codes[1]).check().run()
    page.button("choose_save").click().run()

    assert page.title[0].value == "Registration complete"
