"""Check 24 with a tab that is really open: the minute's look of the page over the raw socket, against the server."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from sqlalchemy import select, update
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

from core import clock
from core.accounts.roles import CurrentOperator, Role
from core.storage.models import OperatorSession
from tests.support.frame import new_session
from tests.support.live import Live

EMAIL = "alice@clickker.test"


def tab(live: Live, cookie: str) -> connect:
    """An open page with this cookie."""
    return connect(
        live.url.replace("http", "ws", 1) + "/_stcore/stream",
        origin=live.url,  # type: ignore[arg-type]
        subprotocols=["streamlit", "PLACEHOLDER"],  # type: ignore[list-item]
        additional_headers={"Cookie": f"clickker_session={cookie}", "Accept-Language": "en"},
        max_size=None,
    )


async def run(connection: ClientConnection, fragment: str = "") -> tuple[str, str]:
    """The page, or as Streamlit's timer does its fragment alone: (the fragment with a timer, all that was drawn).

    A fragment that calls for the whole page starts a second run, which is waited for.
    """
    back = BackMsg()
    back.rerun_script.page_name = "account"
    if fragment:
        back.rerun_script.fragment_id = fragment
        back.rerun_script.is_auto_rerun = True
    await connection.send(back.SerializeToString())
    timed, drawn = "", ""
    while True:
        message = ForwardMsg()
        data = await asyncio.wait_for(connection.recv(), 30)
        message.ParseFromString(data if isinstance(data, bytes) else b"")
        drawn += str(message)
        if message.WhichOneof("type") == "auto_rerun":
            timed = message.auto_rerun.fragment_id
        if message.WhichOneof("type") == "script_finished" and (
            message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN
        ):
            return timed, drawn


def aged(live: Live, **time: float) -> None:
    """Let so much time pass for every session: the server's clock is not ours to move."""
    with live.app.database.transaction() as session:
        for row in session.scalars(select(OperatorSession)):
            row.last_active_at -= timedelta(**time)
            row.expires_at -= timedelta(**time)


def test_check_24_a_timed_look_is_no_activity_and_ends_the_tab_in_time(live: Live) -> None:
    number = live.add_operator(EMAIL, "Alice of the ninth floor", Role.SUPPORT, "en")
    alice = CurrentOperator(number, EMAIL, "Alice of the ninth floor", Role.SUPPORT, "en")

    def last_active() -> timedelta:
        with live.app.database.read() as session:
            return clock.now() - session.scalars(select(OperatorSession.last_active_at)).one()

    async def watch(cookie: str) -> None:
        async with tab(live, cookie) as connection:
            timer, drawn = await run(connection)
            assert timer
            assert "Alice of the ninth floor" in drawn
            aged(live, minutes=20)
            _timer, drawn = await run(connection, timer)
            assert "E-mail address" not in drawn
            assert last_active() > timedelta(minutes=20)
            aged(live, minutes=10)
            _timer, drawn = await run(connection, timer)
            assert "You have been signed out" in drawn
            assert "E-mail address" in drawn
            assert "Alice of the ninth floor" not in drawn

    asyncio.run(watch(new_session(live.app, alice)))


def test_check_24_a_click_is_activity_and_twelve_hours_end_it_all_the_same(live: Live) -> None:
    number = live.add_operator("bob@clickker.test", "Bob", Role.SUPPORT, "en")
    bob = CurrentOperator(number, "bob@clickker.test", "Bob", Role.SUPPORT, "en")
    cookie = new_session(live.app, bob)

    async def click() -> None:
        async with tab(live, cookie) as connection:
            await run(connection)
            for _round in range(3):
                aged(live, minutes=20)
                _timer, drawn = await run(connection)
                assert "Bob" in drawn
            with live.app.database.transaction() as session:
                session.execute(update(OperatorSession).values(expires_at=clock.now()))
            _timer, drawn = await run(connection)
            assert "E-mail address" in drawn

    asyncio.run(click())
