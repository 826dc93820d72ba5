"""Checks 22 to 24 and 26: new sessions, how they end, idle and absolute time, and the cookies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from core import clock
from core.accounts import passwords
from core.accounts.invitations import accept_invitation, reset
from core.accounts.open_sessions import end_operator_sessions, end_other_sessions
from core.accounts.operators import disable, enable, set_role
from core.accounts.roles import CurrentOperator, Role
from core.accounts.second_factor import take_away_second_factor
from core.accounts.second_step import begin_second_step, second_step_waits
from core.accounts.sessions import end_session, session_operator, start_session, start_ticket
from core.accounts.signing_in import change_password
from core.application import Application, use
from core.errors import NotAllowed
from core.storage.models import OperatorSession
from dashboard.assets import Assets
from dashboard.cookies import browser_cookie, form_cookie, session_cookie
from dashboard.middleware import Shield
from dashboard.routes import routes
from tests.core.accounts.conftest import PASSWORD, added
from tests.support.frame import cookies, frame, new_session
from tests.support.second_factor import turned_on

BROWSER = "the browser's name"


@pytest.fixture(autouse=True)
def quick_bcrypt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "ROUNDS", 4)


@pytest.fixture
def alice(app: Application) -> CurrentOperator:
    return added(app, "Alice")


@pytest.fixture
def admin(app: Application) -> CurrentOperator:
    return added(app, "Anna", Role.ADMIN)


def client(app: Application) -> TestClient:
    """A browser on our routes, signed out."""
    served = Starlette(routes=routes(), middleware=[Middleware(Shield), Middleware(Assets)])
    return TestClient(
        served, base_url=app.settings.public_url, headers={"accept-language": "en"}, follow_redirects=False
    )


@pytest.fixture
def visitor(app: Application) -> Iterator[TestClient]:
    with client(app) as opened:
        yield opened


def ticket(visitor: TestClient, app: Application, who: CurrentOperator) -> str:
    """What the sign-in form makes, for the browser that has it on its screen."""
    visitor.get("/")
    return start_ticket(app, who.id, visitor.cookies[browser_cookie(app.settings)], "/")


def signed_in(app: Application, operator: CurrentOperator) -> str:
    """The cookie of a new session."""
    return start_session(app, start_ticket(app, operator.id, BROWSER, "/"), BROWSER, "127.0.0.1", "").cookie


def holds(app: Application, cookie: str) -> bool:
    return session_operator(app, cookie) is not None


def asks_to_sign_in(test: AppTest) -> bool:
    return not test.exception and [box.label for box in test.text_input] == ["E-mail address", "Password"]


def test_check_22_signing_in_again_ends_the_session_of_before(
    visitor: TestClient, app: Application, alice: CurrentOperator
) -> None:
    visitor.get("/session/start", params={"ticket": ticket(visitor, app, alice)})
    before = visitor.cookies[session_cookie(app.settings)]
    visitor.get("/session/start", params={"ticket": ticket(visitor, app, alice)})
    assert session_operator(app, before) is None
    assert session_operator(app, visitor.cookies[session_cookie(app.settings)])


def test_check_22_a_cookie_planted_before_signing_in_is_not_taken_over(
    visitor: TestClient, app: Application, alice: CurrentOperator
) -> None:
    planted = "a token that somebody else knows"
    visitor.cookies.set(session_cookie(app.settings), planted)
    visitor.get("/session/start", params={"ticket": ticket(visitor, app, alice)})
    fresh = [cookie.value for cookie in visitor.cookies.jar if cookie.name == session_cookie(app.settings)]
    assert planted != fresh[-1]
    assert holds(app, str(fresh[-1]))
    assert not holds(app, planted)


def test_check_22_a_new_role_takes_a_new_session(
    app: Application, alice: CurrentOperator, admin: CurrentOperator
) -> None:
    before = signed_in(app, alice)
    waiting = start_ticket(app, alice.id, BROWSER, "/")
    set_role(app, admin, alice.id, Role.ADMIN)
    assert not holds(app, before)
    with pytest.raises(NotAllowed):
        start_session(app, waiting, BROWSER, "", "")
    after = session_operator(app, signed_in(app, alice))
    assert after is not None
    assert after.operator.role is Role.ADMIN


def test_check_23_sign_out_ends_it_on_the_server(app: Application, alice: CurrentOperator) -> None:
    cookie, other = signed_in(app, alice), signed_in(app, alice)
    end_session(app, cookie)
    assert not holds(app, cookie)
    assert holds(app, other)


def test_check_23_a_new_password_ends_every_session(app: Application, alice: CurrentOperator) -> None:
    cookies = [signed_in(app, alice), signed_in(app, alice)]
    change_password(app, alice, PASSWORD, "an eel in the coffee")
    assert not any(holds(app, cookie) for cookie in cookies)


def test_check_23_another_role_and_being_disabled_end_every_session(
    app: Application, alice: CurrentOperator, admin: CurrentOperator
) -> None:
    cookie = signed_in(app, alice)
    set_role(app, admin, alice.id, Role.ACCOUNT_MANAGER)
    assert not holds(app, cookie)
    again = signed_in(app, alice)
    disable(app, admin, alice.id)
    assert not holds(app, again)


def test_check_23_a_session_that_ended_is_told_at_the_next_run(
    app: Application, alice: CurrentOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = cookies(monkeypatch, app, alice)
    test = frame("account")
    end_session(app, held.session)
    test.run()
    assert asks_to_sign_in(test)
    assert "You have been signed out" in test.info[0].value


def _take_away(app: Application, alice: CurrentOperator, admin: CurrentOperator) -> None:
    turned_on(app, alice, PASSWORD)
    take_away_second_factor(app, admin, alice.id)


ENDINGS: dict[str, Callable[[Application, CurrentOperator, CurrentOperator, str], None]] = {
    "sign-out": lambda app, _alice, _admin, cookie: end_session(app, cookie),
    "disabled": lambda app, alice, admin, _cookie: disable(app, admin, alice.id),
    "password": lambda app, alice, _admin, _cookie: change_password(
        app, alice, PASSWORD, "an eel in the coffee"
    ),
    "role": lambda app, alice, admin, _cookie: set_role(app, admin, alice.id, Role.ACCOUNT_MANAGER),
    "reset link": lambda app, alice, admin, _cookie: accept_invitation(
        app, reset(app, admin, alice.id).url.rsplit("/", 1)[1], "an eel in the coffee"
    ),
    "ended by an admin": lambda app, alice, admin, _cookie: end_operator_sessions(app, admin, alice.id),
    "ended elsewhere": lambda app, alice, _admin, _cookie: end_other_sessions(app, alice),
    "second factor taken away": lambda app, alice, admin, _cookie: _take_away(app, alice, admin),
}


def test_check_23_enabled_again_the_sessions_of_before_stay_ended(
    app: Application, alice: CurrentOperator, admin: CurrentOperator
) -> None:
    cookie, waiting = signed_in(app, alice), start_ticket(app, alice.id, BROWSER, "/")
    disable(app, admin, alice.id)
    enable(app, admin, alice.id)
    assert not holds(app, cookie)
    with pytest.raises(NotAllowed):
        start_session(app, waiting, BROWSER, "", "")


@pytest.mark.parametrize("how", ["password", "role", "reset link", "ended by an admin", "ended elsewhere"])
def test_check_23_who_was_half_signed_in_begins_again(
    app: Application, alice: CurrentOperator, admin: CurrentOperator, how: str
) -> None:
    turned_on(app, alice, PASSWORD)
    assert begin_second_step(app, alice.id, BROWSER)
    ENDINGS[how](app, alice, admin, "")
    assert not second_step_waits(app, BROWSER)


@pytest.mark.parametrize("how", ENDINGS)
def test_check_23_an_open_page_ends_at_its_next_run(
    app: Application,
    alice: CurrentOperator,
    admin: CurrentOperator,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    held = cookies(monkeypatch, app, alice)
    test = frame("account")
    assert not asks_to_sign_in(test)
    ENDINGS[how](app, alice, admin, held.session or "")
    assert asks_to_sign_in(test.run())
    assert "signed out" in test.info[0].value


@pytest.mark.parametrize("how", ENDINGS)
def test_check_23_the_cookie_opens_no_route_any_more(
    app: Application, visitor: TestClient, alice: CurrentOperator, admin: CurrentOperator, how: str
) -> None:
    cookie = signed_in(app, alice)
    visitor.cookies.set(session_cookie(app.settings), cookie)
    assert visitor.get("/export/registrations.csv?q=test").status_code == 200
    ENDINGS[how](app, alice, admin, cookie)
    assert visitor.get("/export/registrations.csv?q=test").status_code != 200


def test_check_24_a_session_ends_after_half_an_hour_of_nothing(
    app: Application, alice: CurrentOperator
) -> None:
    cookie = signed_in(app, alice)
    with clock.shifted(timedelta(minutes=29)):
        assert session_operator(app, cookie, active=False)
    with clock.shifted(timedelta(minutes=30)):
        assert not holds(app, cookie)


def test_check_24_activity_keeps_it_open_and_a_mere_look_does_not(
    app: Application, alice: CurrentOperator
) -> None:
    busy, watched = signed_in(app, alice), signed_in(app, alice)
    with clock.shifted(timedelta(minutes=20)):
        assert session_operator(app, busy)
        assert session_operator(app, watched, active=False)
    with clock.shifted(timedelta(minutes=40)):
        assert holds(app, busy)
        assert not holds(app, watched)


def test_check_24_it_ends_after_twelve_hours_whatever_is_done(
    app: Application, alice: CurrentOperator
) -> None:
    cookie = signed_in(app, alice)
    for quarter in range(1, 48):
        with clock.shifted(timedelta(minutes=15 * quarter)):
            assert holds(app, cookie)
    with clock.shifted(timedelta(hours=12)):
        assert not holds(app, cookie)


def test_check_24_idle_for_half_an_hour_or_disabled_is_signed_out(
    app: Application, alice: CurrentOperator, admin: CurrentOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = cookies(monkeypatch, app, alice)
    test = frame("account")
    with clock.shifted(timedelta(minutes=31)):
        assert asks_to_sign_in(test.run())
    held.session = new_session(app, alice)
    assert not asks_to_sign_in(frame("account"))
    disable(app, admin, alice.id)
    assert asks_to_sign_in(frame("account"))


def test_check_24_a_fragment_asks_for_itself_and_is_no_activity(
    app: Application, alice: CurrentOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = cookies(monkeypatch, app, alice)

    def fragment() -> None:
        import streamlit as st

        from core.errors import ClickkerError
        from dashboard import signin

        try:
            st.markdown(signin.current().name)
        except ClickkerError as error:
            st.markdown(error.message)

    test = AppTest.from_function(fragment).run()
    assert test.markdown[0].value == "Alice"
    with clock.shifted(timedelta(minutes=20)):
        assert test.run().markdown[0].value == "Alice"
    with clock.shifted(timedelta(minutes=31)):
        assert "signed out" in test.run().markdown[0].value
    held.session = None
    assert "signed out" in test.run().markdown[0].value


def test_check_24_an_open_tab_that_only_looks_ends_too(
    app: Application, alice: CurrentOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = cookies(monkeypatch, app, alice)
    test = AppTest.from_function(_watched_tab).run()
    for minutes in range(1, 30, 7):
        with clock.shifted(timedelta(minutes=minutes)):
            assert test.run().markdown[0].value == "open"
    with clock.shifted(timedelta(minutes=30)):
        assert test.run().markdown[0].value == "ended"
    with app.database.read() as session:
        row = session.scalars(select(OperatorSession)).one()
    assert row.last_active_at == row.created_at
    assert held.session


def _watched_tab() -> None:
    """What ``dashboard.frame.watch_session`` does every minute."""
    import streamlit as st

    from dashboard import signin

    try:
        signin.current()
    except signin.SignInNeeded:
        st.markdown("ended")
    else:
        st.markdown("open")


@pytest.mark.parametrize("url", ["http://localhost:8501", "https://connections.clickker.test"])
def test_check_26_every_cookie_is_out_of_reach(app: Application, alice: CurrentOperator, url: str) -> None:
    served = Application(
        app.settings.model_copy(update={"public_url": url}), app.database, app.vault, app.exact
    )
    use(served)
    secure = url.startswith("https")
    seen: dict[str, str] = {}
    with client(served) as visitor:
        start = {"ticket": ticket(visitor, served, alice)}
        link = reset(served, None, alice.id).url.removeprefix(url)
        answers = [
            visitor.get("/"),
            visitor.get(link),
            visitor.get("/session/start", params=start),
            visitor.get("/session/end", headers={"sec-fetch-site": "same-origin"}),
        ]
        visitor.cookies.clear()
        answers.append(visitor.get("/"))
    for answer in answers:
        for cookie in answer.headers.get_list("set-cookie"):
            seen[cookie.split("=", 1)[0]] = cookie
            parts = {part.strip().lower().split("=")[0] for part in cookie.split(";")[1:]}
            assert {"httponly", "samesite", "path"} <= parts
            assert "samesite=lax" in cookie.lower()
            assert "path=/" in cookie.lower().replace(" ", "").split(";")
            assert "domain" not in parts
            assert ("secure" in parts) is secure
    named = [make(served.settings) for make in (session_cookie, browser_cookie, form_cookie)]
    assert set(seen) == set(named)
    assert all(name.startswith("__Host-") for name in named) is secure
