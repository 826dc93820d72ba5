"""Check 27 against the running server: what a button of another role sends, sent by somebody who has no such button.

A deed is done up to its last message by a role that may. These messages, with the names of their widgets and
windows, then go over the socket of a role that may not; at the end the rightful one sends the last message, so that
it is known to do something.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pytest
from sqlalchemy import select
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from core import health
from core.accounts.roles import CurrentOperator, Role
from core.storage.models import Base
from dashboard.cookies import session_cookie
from tests.bench.websocket import Tab, Value, tab
from tests.factories import make_administration, make_connected
from tests.support.frame import new_session
from tests.support.live import Live, live_dashboard

SUPPORTS, ADMINS = (Role.SUPPORT, Role.ADMIN), (Role.ADMIN,)
OWN_PAGES = ("overview", "registrations", "registration", "bulk", "account")
"""Pages that every role sees."""
VOLATILE = {"knocks", "sessions", "sign_in_tickets"}
SECONDS = 30.0
UNKNOWN = 0.3
"""Streamlit gives no answer at all for a window that this session has not opened."""


@dataclass(frozen=True)
class Deed:
    """Something that changes something: on which page, by which widgets (patterns of keys), step by step."""

    page: str
    steps: tuple[Mapping[str, Value], ...]
    roles: Sequence[Role] = SUPPORTS

    def __str__(self) -> str:
        return next(iter(self.steps[-1])).replace("\\", "")


ROWS = '{"selection":{"rows":[0],"columns":[],"cells":[]}}'
DEEDS = (
    Deed("registration", ({"registration_disconnect": True}, {"disconnect_confirm": True})),
    Deed(
        "registration",
        ({"registration_delete": True}, {"delete_name": "Test B.V."}, {"delete_confirm": True}),
    ),
    Deed("registration", ({r"registration_active_\d+": False}, {"active_confirm": True})),
    Deed("registration", ({"registration_connect": True},)),
    Deed("registration", ({"registration_link": True},)),
    Deed("registration", ({r"registration_pick_.*_all_False": True}, {"registration_save": True})),
    Deed("choose", ({r"choose_.*_all_False": True}, {"choose_save": True})),
    Deed("register", ({"register_name": "By nobody B.V."},)),
    Deed("bulk", ({"bulk_rows": ROWS}, {"bulk_pause": True}, {"bulk_confirm": True})),
    Deed("bulk", ({"bulk_rows": ROWS}, {"bulk_check": True})),
    Deed("alarms", ({"alarms_test_support": True},)),
    Deed(
        "operators",
        (
            {
                "operators_name": "Mallory",
                "operators_email": "mallory@clickker.test",
                "FormSubmitter:operators_invite.*": True,
            },
        ),
        ADMINS,
    ),
    Deed("operators", ({r"operators_disable_{victim}_yes": True},), ADMINS),
    Deed("operators", ({r"operators_link_{victim}": True},), ADMINS),
    Deed(
        "operators",
        (
            {r"operators_role_{victim}_support": "Admin"},
            {r"operators_save_role_{victim}_yes": True},
        ),
        ADMINS,
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Scene:
    """The server, one operator of each role, and what a deed is done to."""

    live: Live
    people: Mapping[Role, CurrentOperator]

    def cookies(self, role: Role) -> dict[str, str]:
        return {session_cookie(self.live.app.settings): new_session(self.live.app, self.people[role])}

    def rows(self) -> dict[str, list[str]]:
        """Everything that is in the database, save who was here when, what was written about it, and the sign of life
        that the server itself writes every few seconds."""
        found = {}
        with self.live.app.database.read() as session:
            for table in Base.metadata.sorted_tables:
                if table.name not in VOLATILE and not table.name.startswith("audit"):
                    columns = [column for column in table.columns if column.name != "last_seen_at"]
                    rows = (tuple(row) for row in session.execute(select(*columns)))
                    found[table.name] = sorted(repr(row) for row in rows if row[0] != health.NAME)
        return found


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("roles")
    # Without a keeper nothing changes by itself.
    told = "json://127.0.0.1:9"
    with live_dashboard(f"sqlite:///{folder / 'live.db'}", folder, KEEPER="off", ALARM_SUPPORT=told) as live:
        people = {}
        for role in Role:
            email = f"{role}@clickker.test"
            number = live.add_operator(email, role.value, role, "en")
            people[role] = CurrentOperator(number, email, role.value, role, "en")
        yield Scene(live, people)


async def prepare(acting: Tab, deed: Deed, victim: int) -> list[bytes]:
    """Do all but the last step; every message, the last one too, which is not sent."""
    sent = []
    await acting.run()
    for step in deed.steps:
        message, once = acting._request(resolved(acting, step, victim))
        sent.append(message)
        if step is not deed.steps[-1]:
            await acting._connection.send(message)
            await acting._answer(0.0)
            for widget in once:
                acting._states.pop(widget)
    return sent


def resolved(acting: Tab, step: Mapping[str, Value], victim: int) -> dict[str, Value]:
    """The keys as the page has given them."""
    keys = {}
    for pattern, value in step.items():
        wanted = pattern.replace("{victim}", str(victim))
        keys[next(key for key in acting.widgets if re.fullmatch(wanted, key))] = value
    return keys


async def forge(scene: Scene, role: Role, messages: Sequence[bytes], page: str, query: str) -> str:
    """Send these messages as ``role``, as they are and without their window; all that is drawn in return."""
    drawn = ""
    async with tab(scene.live.url, page, query, scene.cookies(role)) as theirs:
        await theirs._connection.send(opening(page, query))
        drawn += await answer(theirs)
        for whole in (True, False):
            for message in messages:
                back = BackMsg()
                back.ParseFromString(message)
                del back.rerun_script.cached_message_hashes[:]
                if not whole:
                    back.rerun_script.fragment_id = ""
                    back.rerun_script.page_script_hash = ""
                    back.rerun_script.page_name = page
                    back.rerun_script.query_string = query
                await theirs._connection.send(back.SerializeToString())
                try:
                    drawn += await answer(theirs, UNKNOWN if back.rerun_script.fragment_id else SECONDS)
                except TimeoutError:
                    assert back.rerun_script.fragment_id
    return drawn


def query_of(page: str, number: int) -> str:
    """What the address of a page names."""
    named = {"registration": f"id={number}", "choose": f"id={number}", "bulk": "filter=status%3Dconnected"}
    return named.get(page, "")


def opening(page: str, query: str) -> bytes:
    back = BackMsg()
    back.rerun_script.page_name = page
    back.rerun_script.query_string = query
    return bytes(back.SerializeToString())


async def answer(theirs: Tab, seconds: float = SECONDS) -> str:
    """Everything up to the end of the run, as text. Raises ``TimeoutError``."""
    drawn = ""
    while True:
        data = await asyncio.wait_for(theirs._connection.recv(), seconds)
        message = ForwardMsg()
        message.ParseFromString(data if isinstance(data, bytes) else b"")
        drawn += str(message)
        finished = message.WhichOneof("type") == "script_finished"
        if finished and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            return drawn


@pytest.mark.parametrize("deed", DEEDS, ids=str)
def test_check_27_what_a_role_has_no_button_for_it_cannot_send_either(scene: Scene, deed: Deed) -> None:
    database = scene.live.app.database
    name = "Test B.V." if "delete_name" in str(deed.steps) else None
    number = make_connected(database, name, administrations=1)
    make_administration(database, number, linked=False)
    victim = scene.live.add_operator(f"{secrets.token_hex(4)}@clickker.test", "Victim", Role.SUPPORT, "en")
    query = f"operator={victim}" if "{victim}" in str(deed) else query_of(deed.page, number)

    async def attack() -> None:
        async with tab(scene.live.url, deed.page, query, scene.cookies(deed.roles[0])) as acting:
            messages = await prepare(acting, deed, victim)
            before = scene.rows()
            for role in set(Role) - set(deed.roles):
                for page in dict.fromkeys((deed.page, *OWN_PAGES)):
                    await forge(scene, role, messages, page, query_of(page, number))
                    assert scene.rows() == before, f"{role} on {page}"
            await acting._connection.send(messages[-1])
            await answer(acting)
            assert scene.rows() != before, "the rightful role changes something with it"

    asyncio.run(attack())


@pytest.mark.parametrize(
    ("page", "role"),
    [
        *((page, Role.ACCOUNT_MANAGER) for page in ("applications", "register", "choose", "alarms", "operators")),
        ("operators", Role.SUPPORT),
    ],
)  # fmt: skip
def test_check_27_the_address_of_a_page_is_no_way_in(scene: Scene, page: str, role: Role) -> None:
    number = make_connected(scene.live.app.database)
    query = query_of(page, number)
    before = scene.rows()

    async def ask(who: Role) -> str:
        async with tab(scene.live.url, page, query, scene.cookies(who)) as theirs:
            await theirs._connection.send(opening(page, query))
            return await answer(theirs)

    drawn, rightful = asyncio.run(ask(role)), asyncio.run(ask(Role.ADMIN))

    assert "Your role does not allow this" in drawn
    assert not re.search(rf"\$\$ID-\w+-{page}_", drawn), "no widget of the page is drawn"
    assert "Your role does not allow this" not in rightful
    assert re.search(rf"\$\$ID-\w+-{page}_", rightful)
    assert scene.rows() == before
