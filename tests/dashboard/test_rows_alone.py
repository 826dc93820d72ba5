"""A filter of a list costs one run, of its rows; and shows what it asks for whatever else has happened."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.fragment import MemoryFragmentStorage

from core.accounts.operator_list import operator_called
from core.accounts.roles import Role
from core.accounts.sessions import end_session
from core.registrations.register import register
from core.registrations.views import RegistrationForm
from dashboard import rows_alone
from dashboard.cookies import session_cookie
from tests.bench.websocket import Run, Tab, Value, tab
from tests.factories import make_operator
from tests.support.frame import new_session
from tests.support.live import Live

EMAIL = "lia@clickker.test"


@pytest.fixture(scope="module", autouse=True)
def _registrations(live: Live) -> None:
    live.add_operator(EMAIL, "Lia List", Role.SUPPORT, "en")
    by = make_operator(live.app.database)
    for number in range(60):
        country = ("nl", "be")[number % 2]
        register(live.app, by, None, RegistrationForm(name=f"Rij {number:02} {country}", environment=country))


def worked(live: Live, *changes: dict[str, Value], ends: int | None = None) -> list[Run]:
    """What the list sends when its controls are changed one time after the other; the session ends before one."""
    cookie = new_session(live.app, operator_called(live.app, EMAIL))

    async def work() -> list[Run]:
        async with tab(live.url, "registrations", "", {session_cookie(live.app.settings): cookie}) as opened:
            return [await opened.run()] + [
                await one(opened, change, number) for number, change in enumerate(changes)
            ]

    async def one(opened: Tab, change: dict[str, Value], number: int) -> Run:
        await asyncio.sleep(0.2)  # as people do: Streamlit notes what a run was asked a moment after its end
        if number == ends:
            end_session(live.app, cookie, "localhost")
        return await opened.run(change)

    return asyncio.run(work())


def kinds(run: Run) -> set[str | None]:
    return {element.WhichOneof("type") for element in run.drawn}


def test_each_control_asks_for_the_rows_and_nothing_else(live: Live) -> None:
    opened, searched, filtered, sorted_, turned, several = worked(
        live,
        {"q": "rij"},
        {"environment": "Belgium"},
        {"sort": "Sort by Status"},
        {"page": 1, "desc": True},
        {"q": "rij 1", "environment": "Netherlands", "desc": False},
    )

    assert {"text_input", "selectbox", "checkbox"} <= kinds(opened)
    for run in (searched, filtered, sorted_, turned, several):
        assert run.starts == 1
        assert kinds(run) <= {"html", "pagination"}
    assert "60 found" in searched.text()
    assert "30 found" in filtered.text()
    assert "Rij 01 be" in filtered.text()
    assert "Rij 01 be" not in several.text()
    assert "5 found" in several.text()


def test_a_filter_shows_the_first_page(live: Live) -> None:
    _opened, second, filtered = worked(live, {"page": 2}, {"sort": "Sort by Name", "desc": True})

    assert "Rij 59 be" in second.text()
    assert filtered.text().index("Rij 59 be") < filtered.text().index("Rij 10 nl")
    assert filtered.starts == 1


def test_whoever_was_signed_out_meanwhile_sees_the_form(live: Live) -> None:
    *_before, asked = worked(live, {"q": "rij"}, {"environment": "Belgium"}, ends=1)

    assert "Rij " not in asked.text()
    assert "Inloggen" in asked.text(), "in the language that the browser asks for: none"


KNOWN = "$$ID-0123456789abcdef0123456789abcdef-"


def narrowed(*changed: str, page: str = "a page", fragments: bool = True) -> str:
    """The fragment that a browser's request is given, when the widgets of these keys have other values."""
    rows_alone.belong(["tq", "tstatus"], "trows")
    storage = MemoryFragmentStorage()
    if fragments:
        storage.register("the rows' id", lambda: None, target_key="trows")
    last = ClientState(page_script_hash="a page")
    last.widget_states.widgets.append(WidgetState(id=KNOWN + "tq", string_value=""))
    asked = ClientState(page_script_hash=page)
    asked.widget_states.CopyFrom(last.widget_states)
    for key in changed:
        asked.widget_states.widgets.append(WidgetState(id=KNOWN + key, string_value="x"))
    session = SimpleNamespace(_client_state=last, _fragment_storage=storage)
    return rows_alone._fragment(cast(AppSession, session), asked)


def test_only_what_belongs_to_rows_that_are_there_is_narrowed() -> None:
    assert narrowed("tstatus") == "the rows' id"
    assert narrowed() == ""
    assert narrowed("tstatus", "frame_sign_out") == ""
    assert narrowed("frame_sign_out") == ""
    assert narrowed("tstatus", page="another page") == ""
    assert narrowed("tstatus", fragments=False) == ""
