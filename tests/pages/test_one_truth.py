"""A walk through every state of a registration: whatever says who acts and what by, says the same everywhere."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from streamlit.testing.v1 import AppTest

from core import application
from core.accounts.roles import Role
from core.alarms.facts import read_facts, still_holds
from core.alarms.messages import compose
from core.alarms.outbox import OF_ONE_CUSTOMER
from core.registrations.action_words import ACT_WORDS, WHO_WORDS
from core.registrations.bulk import RowState, check_results
from core.registrations.finding import find_named, judge
from core.registrations.issue_views import issues_of
from core.registrations.listing import RegistrationQuery, RegistrationRow, list_registrations
from core.registrations.next_action import Act, Who
from core.registrations.registration import registration
from core.registrations.status import Status
from core.registrations.wording import status_word
from core.storage.models import Alarm
from dashboard.export import REGISTRATION_COLUMNS
from dashboard.overview_parts import _lines
from dashboard.registration_rows import lines
from tests.factories import make_operator
from tests.support.frame import cookies, frame
from tests.support.states import STATES, Hall, State
from tests.support.worlds import World, world

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""What is written on the way is tested on both; here it is read and worded."""

NOBODY = {Who.EXACT, Who.RETRY, Who.NOBODY}
PRIMARY = {
    Act.CONNECT: "registration_connect",
    Act.RECONNECT: "registration_connect",
    Act.TALK: "registration_link",
    Act.CHECK: "registration_check",
    Act.CONTINUE: "registration_continue",
    Act.CHOOSE: "registration_save",
}
"""The one button that does what is to be done; other acts have no button, or several (a login to be chosen)."""
ACTS = {*PRIMARY.values(), "registration_delete", "registration_disconnect", "registration_edit"} - {
    "registration_save"
}
ADVICE = re.compile(
    r"(?<!if you have to )connect(ing|s)? again|reconnect(?!ing help)|new consent|consent again",
    re.IGNORECASE,
)
"""Words that ask the customer for something."""


@pytest.fixture
def place(tmp_path: Path, database_url: str) -> Iterator[World]:
    with world(tmp_path, database_url, quiet_hour=-1) as made:
        application.use(made.app)
        made.wait_for(10)
        yield made
        application.use(None)


@pytest.fixture
def hall(place: World) -> Hall:
    return Hall(place, make_operator(place.app.database, "Sanne", Role.SUPPORT))


def words(page: AppTest) -> str:
    """All that stands on the page, without the marks of Markdown, tables and cards included."""
    said = [
        part.value for part in (*page.main.markdown, *page.main.caption, *page.main.warning, *page.main.info)
    ]
    said += [str(table.value.to_string()) for table in page.main.table]
    return " ".join("\n".join(said).replace("\\", "").split())


def leading(page: AppTest) -> str:
    """The status line, and who acts: what stands on top."""
    return "\n".join(part.value for part in page.main.markdown[:3]).replace("\\", "")


def primary(page: AppTest) -> set[str]:
    pressed = {button.key or "" for button in page.main.button if str(button.proto.type) == "primary"}
    return pressed & ACTS


def row_of(hall: Hall, number: int) -> RegistrationRow:
    found = list_registrations(hall.app, hall.by, RegistrationQuery()).rows
    [row] = [each for each in found if each.id == number]
    return row


def exported(row: RegistrationRow) -> dict[str, object]:
    return {column.title: column.value(row) for column in REGISTRATION_COLUMNS}


def alarms(hall: Hall, number: int) -> list[str]:
    """What would be sent now of all that was raised about this registration and still holds."""
    with hall.app.database.read() as session:
        ids = session.scalars(select(Alarm.id).where(Alarm.registration_id == number)).all()
        known = [one for one in read_facts(session, list(ids)) if still_holds(one, hall.world.now())]
    return [compose([one], "en", "https://x.example").body for one in known if one.kind in OF_ONE_CUSTOMER]


@on_sqlite
@pytest.mark.parametrize("state", STATES, ids=[state.name for state in STATES])
def test_everything_says_the_same(hall: Hall, monkeypatch: pytest.MonkeyPatch, state: State) -> None:
    number = state.make(hall)
    cookies(monkeypatch, hall.app, hall.by)
    page = frame("registration", id=str(number))
    assert not page.exception
    view, row = registration(hall.app, hall.by, number), row_of(hall, number)
    who, act = WHO_WORDS[state.who], ACT_WORDS[state.act]
    line = f"Who must act: {who}. {act}"

    # The page
    assert (view.status, view.action.who, view.action.act) == (state.status, state.who, state.act)
    assert line in leading(page)
    assert status_word(state.status) in leading(page)
    expected = PRIMARY.get(state.act)
    assert primary(page) == ({expected} & ACTS if expected else set())
    _agree(re.findall(r"Who must act: ([^.]*)\.", words(page)), state)
    if state.who in NOBODY:
        assert not ADVICE.search(_without_history(words(page)))
    if view.status is Status.DISCONNECTED:
        assert "Active" not in words(page)
        assert not page.main.toggle

    # Its issues
    for issue in issues_of(hall.app, hall.by, number).open:
        if not issue.administration:
            assert (issue.action.who, issue.action.act) == (state.who, state.act)

    # The lists
    cells = [html.unescape(cell) for cell in next(lines([row]))]
    assert any(status_word(state.status) in cell for cell in cells)
    assert any(row.name in cell and cell for cell in cells[:1])
    assert ">Draft without a name<" in cells[0] or row.name
    if view.status is Status.DISCONNECTED:
        assert "Active" not in cells
    assert f"{who}. {act}" in html.unescape(next(iter(_lines([row])))[-1])

    # The file
    file = exported(row)
    assert (file["Status"], file["Who must act"], file["What to do"]) == (status_word(state.status), who, act)
    assert file["Name"] == (row.name or "Draft without a name")
    assert str(file["Why"]) in leading(page)

    # The check of many
    [result] = check_results(hall.app, hall.by, [number], view.created_at)
    assert result.name
    if result.state is not RowState.WAITING:
        assert line in result.message
        assert str(file["Why"]) in result.message
    checked = view.active and view.grant is not None
    assert (result.state is RowState.FAILED) == (checked and state.who not in NOBODY)
    assert (result.state is RowState.SKIPPED) == (not checked)

    # What is sent
    for body in alarms(hall, number):
        assert line in body

    # The message of a customer who is named in it
    if row.name:
        judged = judge(f"{row.name} meldt: Old refresh token used.", find_named(hall.app, hall.by, row.name))
        assert (judged.action.who, judged.action.act) == (state.who, state.act)
        assert judged.facts


def test_the_walk_comes_by_every_status_and_every_act() -> None:
    assert {state.status for state in STATES} == set(Status)
    elsewhere = {Act.EACH, Act.UNLINK}  # of several registrations, and of one administration
    assert {state.act for state in STATES} == set(Act) - elsewhere


def _agree(said: list[str], state: State) -> None:
    """Nobody is called beside "nobody", but for single administrations, which have answers of their own."""
    assert said[0] == WHO_WORDS[state.who]
    nobody = {WHO_WORDS[who] for who in NOBODY}
    if state.who in NOBODY:
        assert set(said) <= nobody
    elif state.act is not Act.ADMINISTRATIONS:
        assert set(said) == {WHO_WORDS[state.who]}


def _without_history(said: str) -> str:
    """What the timeline tells was so once."""
    return said.partition(" When ")[0]
