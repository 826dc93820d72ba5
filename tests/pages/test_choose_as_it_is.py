"""Choosing administrations where the list is long, empty, or holds nothing that can be linked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from streamlit.testing.v1 import AppTest

from core import clock
from core.accounts.roles import CurrentOperator
from core.application import Application
from core.i18n import language
from core.keeping.keeper import Keeper
from core.registrations.register import register
from core.registrations.registration import registration
from core.registrations.views import RegistrationForm
from core.simulator.server import RunningSimulator
from tests.support.connecting import TEST_USER, connect, consent
from tests.support.frame import frame

ACCOUNTANT = "kantoor@vandijk-accountants.example"
ALL = 72


@pytest.fixture(autouse=True)
def _at_the_beginning_of_a_minute() -> Iterator[None]:
    """At noon, and however slow the machine is: a minute has not passed before its calls are used up."""
    now = clock.now()
    by = now.replace(hour=11, minute=0, second=1, microsecond=0) + timedelta(days=1) - now
    with clock.shifted(by):
        yield


def registered(app: Application, by: CurrentOperator) -> int:
    return register(app, by, None, RegistrationForm(name="Test B.V.", environment="nl"))


def words(page: AppTest) -> str:
    said = (*page.markdown, *page.caption, *page.warning, *page.info, *page.success, *page.error)
    return "\n".join(element.value for element in said).replace("\\", "")


def test_how_far_a_long_list_is_read_is_shown_until_it_is_whole(
    app: Application, sanne: CurrentOperator, simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.settings, "calls_per_minute", 20)
    simulator.engine.configure(page_rows=2, calls_per_minute=20)
    number = registered(app, sanne)
    consent(app, sanne, simulator, number, user=ACCOUNTANT)

    page = frame("choose", id=str(number))
    reading = registration(app, sanne, number).reading
    assert reading is not None
    assert f"{reading.count} administrations read, going on at 12:0" in page.info[0].value
    assert not page.checkbox
    with language("nl"):
        assert f"{reading.count} administrations read" in words(frame("registration", id=str(number)))

    for _minute in range(8):
        clock._offset += timedelta(seconds=61)
        Keeper(app).turn()
    page = frame("choose", id=str(number))
    assert f"Exact Online shows {ALL} administrations." in words(page)
    assert "going on at" not in words(page)


@pytest.mark.parametrize("user_sees", [True, False])
def test_an_empty_list_says_why_whom_to_call_and_how_to_try_again(
    app: Application, sanne: CurrentOperator, simulator: RunningSimulator, user_sees: bool
) -> None:
    number = registered(app, sanne)
    consent(app, sanne, simulator, number, divisions=[])

    page = frame("choose", id=str(number))
    said = words(page)
    assert page.title[0].value == "No administrations yet"
    assert "none was permitted for our app, or the Exact user has access to none" in said
    assert "Call the customer" in said
    assert "Machtigingen voor mijn apps" in said
    assert "Choose administrations" not in said
    assert "choose the administrations" not in said.lower()
    if user_sees:
        simulator.engine.set_scope("nl", TEST_USER, "all")
    page.button("choose_read").click().run()
    if user_sees:
        assert len([box for box in page.checkbox if box.label.startswith("**")]) == 3
        assert "The list has been read: 3 administrations." in said_by_toast(page)
    else:
        assert "shows us no administration" in page.error[0].value
        assert page.button("choose_read").label == "Read the list again"


def said_by_toast(page: AppTest) -> str:
    return "\n".join([*(toast.value for toast in page.toast), words(page)])


def test_an_empty_list_is_not_asked_to_be_chosen_from_on_the_registration_s_page_either(
    app: Application, sanne: CurrentOperator, simulator: RunningSimulator
) -> None:
    number = registered(app, sanne)
    consent(app, sanne, simulator, number, divisions=[])
    said = words(frame("registration", id=str(number)))
    assert "choose the administrations" not in said.lower()
    assert "shows us no administration" in said


def test_a_user_without_a_current_administration_is_said_to_have_none(
    app: Application, sanne: CurrentOperator, simulator: RunningSimulator
) -> None:
    simulator.engine.configure(null_fields=("CurrentDivision",))
    number = registered(app, sanne)
    consent(app, sanne, simulator, number)
    page = frame("choose", id=str(number))
    assert "has no administration open at Exact Online" in words(page)
    simulator.engine.configure(null_fields=())
    page.button("choose_read").click().run()
    assert len([box for box in page.checkbox if box.label.startswith("**")]) == 3


def test_where_nothing_can_be_linked_somebody_is_named_who_can_change_that(
    app: Application, sanne: CurrentOperator, simulator: RunningSimulator
) -> None:
    number = registered(app, sanne)
    consent(app, sanne, simulator, number, divisions=[1001003])  # the one in the archive
    page = frame("choose", id=str(number))
    assert "Nothing here can be linked" in page.info[0].value
    assert "Call the customer" in page.info[0].value
    simulator.engine.set_division("nl", 1001003, status=1)
    page.button("choose_none_read").click().run()
    assert "Nothing here can be linked" not in words(page)
    assert page.button("choose_save").label == "Save all changes"


def test_a_user_whom_exact_does_not_name_is_not_four_asterisks(
    app: Application, sanne: CurrentOperator, simulator: RunningSimulator
) -> None:
    simulator.engine.configure(null_fields=("FullName", "UserName", "Email"))
    number = connect(app, sanne, simulator, codes={1001001})
    for place in ("choose", "registration"):
        said = words(frame(place, id=str(number)))
        assert "****" not in said
    assert "came from **name not given**" in words(frame("choose", id=str(number)))


def test_another_user_whom_exact_does_not_name_can_be_chosen_or_set_aside(
    app: Application, sanne: CurrentOperator, simulator: RunningSimulator
) -> None:
    number = connect(app, sanne, simulator, codes={1001001})
    simulator.engine.configure(null_fields=("FullName", "UserName", "Email"))
    with pytest.raises(AssertionError):  # a decision is needed
        consent(app, sanne, simulator, number, user=ACCOUNTANT)
    page = frame("registration", id=str(number))
    assert "Exact Online has not told yet whose it is" not in words(page)
    assert "name not given" in words(page)
    assert page.button("candidate_reject").label == "Keep the old login"
