"""Every attempt to get in, and a short fuzz; and that those who judge can tell an open door from a shut one."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from sqlalchemy import select

from core.accounts.roles import Role
from core.accounts.sessions import start_ticket
from core.storage.models import OperatorSession, SignInFailure
from tests.security.attempts import by_name, by_password, by_route, by_session, by_socket
from tests.security.attempts.attempt import ATTEMPTS
from tests.security.attempts.by_name import SCRIPTS, Seen, runs_in_a_spreadsheet, watched
from tests.security.attempts.round import whole_round
from tests.security.attempts.world import BROWSER, MARK, World, new_world, odd
from tests.support.chromium import new_page, running_browser
from tests.support.live import PASSWORD

INPUTS = 250
SEED = 7


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with new_world(tmp_path_factory.mktemp("attempts")) as made:
        yield made


def test_there_are_enough_and_each_is_another() -> None:
    assert len(ATTEMPTS) >= 100
    assert len({one.name for one in ATTEMPTS}) == len(ATTEMPTS)


# --- The judges, at doors that stand open -----------------------------------------------------------------


def test_a_good_cookie_is_seen_to_get_in(world: World) -> None:
    assert world.lets_in(f"clickker_session={world.cookie('Alice')}")
    assert by_session.replay(world, lambda *_nothing: None, "sign-out")


def test_a_good_ticket_is_seen_to_get_in(world: World) -> None:
    ticket = start_ticket(world.live.app, world.person("Alice").id, BROWSER, "/")
    assert by_session.take(world, ticket)


def test_our_own_origin_is_seen_to_open_a_socket(world: World) -> None:
    assert by_socket.from_origin(world, world.url)


@pytest.mark.parametrize(
    ("key", "chosen"), [*reversed(by_socket.FOR_ADMINS.values()), ("operators_enable_{id}", "")]
)
def test_an_admin_is_seen_to_press_the_button(world: World, key: str, chosen: str) -> None:
    assert by_socket.press(world, "Anna", Role.ADMIN, key, chosen)


def test_the_right_password_is_seen_to_get_in(world: World) -> None:
    assert by_password.got_in(world.sign_in(world.person("Alice").email, PASSWORD))
    assert not by_password.got_in(world.sign_in(world.person("Alice").email, "another herring"))


def test_a_good_answer_of_exact_is_seen_to_count(world: World) -> None:
    state, code, cookie = by_route.begun(world)
    assert by_route.come_back(world, [("code", code), ("state", state)], cookie)


def test_a_way_off_this_host_is_seen(world: World) -> None:
    for to in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        answer = httpx.Response(303, headers={"Location": to})
        assert by_route.leads_away(world, answer), to
    assert not by_route.leads_away(world, httpx.Response(303, headers={"Location": "/registrations"}))


def test_the_inside_is_seen_when_it_shows() -> None:
    assert by_route.shows_inside(b"HTTP/1.1 200 OK\r\n\r\n# TYPE cache_memory_bytes gauge")
    assert not by_route.shows_inside(b"HTTP/1.1 404 Not Found\r\n\r\nNot found")


def test_a_name_that_runs_is_seen() -> None:
    # A browser of its own: while one runs, so does Playwright's event loop, and no attempt could start another.
    with running_browser() as browser, new_page(browser) as page, watched(page) as seen:
        page.goto("about:blank")
        page.set_content(f"{SCRIPTS[1].replace('N', '1')}<img src=http://evil.example/12>")
        page.evaluate("window.got(1)")
        page.wait_for_timeout(300)
        seen.ran |= set(page.evaluate("window.ran"))
        page.evaluate("alert('hello')")
    assert seen.of(1)
    assert seen.of(12)
    assert seen.dialogs == ["hello"]
    assert not Seen().of(1)


def test_a_formula_is_seen() -> None:
    assert runs_in_a_spreadsheet("Name;Note\nBakker;=1+1\n")
    assert not runs_in_a_spreadsheet("Name;Note\nBakker;'=1+1\n")


def test_a_line_that_nobody_foresaw_is_seen() -> None:
    assert odd('{"level": "error", "message": "Exception in ASGI application"}')
    assert odd("Traceback (most recent call last):")
    assert not odd('{"level": "warning", "message": "Refused a WebSocket"}')


def test_check_30_a_visitor_has_the_address_that_our_own_proxy_tells_and_no_other(world: World) -> None:
    told = {"X-Forwarded-For": "203.0.113.9, 198.51.100.42"}
    world.sign_in("nobody@clickker.test", "wrong herring", world.behind, **told)
    world.sign_in("nobody@clickker.test", "wrong herring", world.url, **told)
    ticket = start_ticket(world.live.app, world.person("Zoe").id, BROWSER, "/")
    assert by_session.take(world, ticket)
    with world.live.app.database.read() as session:
        failed = session.scalars(
            select(SignInFailure.address).order_by(SignInFailure.id.desc()).limit(2)
        ).all()
        asked = select(OperatorSession.address).where(OperatorSession.operator_id == world.person("Zoe").id)
        signed_in = session.scalars(asked).one()
    assert failed == ["localhost", "198.51.100.42"]
    assert signed_in.startswith("10."), "where the attempts come from"


# --- The round --------------------------------------------------------------------------------------------


def test_check_31_nobody_gets_in_and_nothing_falls_over(world: World) -> None:
    result = whole_round(world, INPUTS, SEED)
    assert result.bad == []
    assert result.tried == len(ATTEMPTS)
    assert result.fuzzed.inputs.total() >= INPUTS * 0.95
    assert (
        MARK
        in world.get(
            "/export/registrations.csv", headers={"Cookie": f"clickker_session={world.cookie('Alice')}"}
        ).text
    )
    assert by_name.shown(world).texts
