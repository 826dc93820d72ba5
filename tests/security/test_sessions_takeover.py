"""A Streamlit session id is no credential: tried over the raw socket against the running server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import CloseCode

from core.accounts.roles import CurrentOperator, Role
from dashboard.server import LARGEST_MESSAGE
from tests.support.frame import new_session
from tests.support.live import Live, live_dashboard

SECRET = "Alice of the ninth floor"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("takeover")
    with live_dashboard(f"sqlite:///{folder / 'live.db'}", folder) as live:
        yield live


@pytest.fixture(scope="module")
def alice(served: Live) -> CurrentOperator:
    number = served.add_operator("alice@clickker.test", SECRET, Role.SUPPORT, "en")
    return CurrentOperator(number, "alice@clickker.test", SECRET, Role.SUPPORT, "en")


@pytest.fixture(scope="module")
def mallory(served: Live) -> CurrentOperator:
    number = served.add_operator("mallory@clickker.test", "Mallory", Role.SUPPORT, "en")
    return CurrentOperator(number, "mallory@clickker.test", "Mallory", Role.SUPPORT, "en")


def socket(served: Live, cookie: str | None, session_id: str = "", origin: str | None = "") -> connect:
    """A socket with this cookie that claims to be the session ``session_id``."""
    protocols = ["streamlit", "PLACEHOLDER", *([session_id] if session_id else [])]
    headers = {"Cookie": f"clickker_session={cookie}"} if cookie else {}
    return connect(
        served.url.replace("http", "ws", 1) + "/_stcore/stream",
        origin=served.url if origin == "" else origin,  # type: ignore[arg-type]
        subprotocols=protocols,  # type: ignore[arg-type]
        additional_headers=headers,
        max_size=None,
    )


async def run(connection: ClientConnection, page: str = "account") -> tuple[str, str]:
    """Run the page: (session id, all that was drawn, as text)."""
    back = BackMsg()
    back.rerun_script.page_name = page
    await connection.send(back.SerializeToString())
    session_id, drawn = "", ""
    while True:
        message = ForwardMsg()
        data = await asyncio.wait_for(connection.recv(), 20)
        message.ParseFromString(data if isinstance(data, bytes) else b"")
        if message.WhichOneof("type") == "new_session":
            session_id = message.new_session.initialize.session_id
        drawn += str(message)
        if message.WhichOneof("type") == "script_finished":
            return session_id, drawn


def test_check_25_alice_sees_her_own_page(served: Live, alice: CurrentOperator) -> None:
    async def look() -> None:
        async with socket(served, new_session(served.app, alice)) as connection:
            assert SECRET in (await run(connection))[1]

    asyncio.run(look())


@pytest.mark.parametrize("thief", ["nobody", "mallory"])
@pytest.mark.parametrize("still_open", [True, False])
def test_check_25_her_session_id_shows_nothing_to_others(
    served: Live, alice: CurrentOperator, mallory: CurrentOperator, thief: str, still_open: bool
) -> None:
    async def steal() -> str:
        connection = await socket(served, new_session(served.app, alice))
        session_id, drawn = await run(connection)
        assert SECRET in drawn
        assert session_id
        if not still_open:
            await connection.close()
            await asyncio.sleep(0.3)
        cookie = new_session(served.app, mallory) if thief == "mallory" else None
        async with socket(served, cookie, session_id) as stolen:
            shown = (await run(stolen))[1] + (await run(stolen))[1]
        await connection.close()
        return shown

    assert SECRET not in asyncio.run(steal())


@pytest.mark.parametrize("origin", [None, "http://evil.example", "null"])
def test_check_30_no_other_origin_opens_a_live_socket(served: Live, origin: str | None) -> None:
    async def knock() -> None:
        async with socket(served, None, origin=origin):
            pass

    with pytest.raises(InvalidStatus):
        asyncio.run(knock())


def test_check_16_the_log_holds_no_cookie(served: Live, alice: CurrentOperator) -> None:
    cookie = new_session(served.app, alice)

    async def look() -> None:
        async with socket(served, cookie) as connection:
            await run(connection)

    asyncio.run(look())
    assert cookie not in Path(served.log).read_text()


def test_check_31_a_message_larger_than_any_form_ends_the_socket(served: Live) -> None:
    async def shout() -> int | None:
        async with socket(served, None) as connection:
            await connection.send(b"A" * (LARGEST_MESSAGE + 1))
            with pytest.raises(ConnectionClosed):
                await asyncio.wait_for(connection.recv(), 20)
            return connection.close_code

    assert asyncio.run(shout()) == CloseCode.MESSAGE_TOO_BIG
