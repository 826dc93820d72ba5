"""The real frame, ``dashboard/main.py``, driven without a browser."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.accounts.operator_list import OperatorView
from core.accounts.roles import CurrentOperator
from core.accounts.sessions import start_session, start_ticket
from core.application import Application
from core.settings import Settings
from dashboard import signin
from dashboard.cookies import browser_cookie, session_cookie

ROOT = Path(__file__).parent.parent.parent
SECONDS = 20


@dataclass
class Cookies:
    """What the socket of the test brings along: AppTest has no cookies of its own."""

    settings: Settings
    session: str | None = None
    browser: str | None = "the browser of the test"

    def get(self, name: str) -> str | None:
        known = {session_cookie(self.settings): self.session, browser_cookie(self.settings): self.browser}
        return known.get(name)


def cookies(monkeypatch: pytest.MonkeyPatch, app: Application, who: CurrentOperator | None) -> Cookies:
    """Cookies of somebody signed in, or of nobody, in force until the test ends."""
    held = Cookies(app.settings)
    if who is not None:
        held.session = new_session(app, who)
    monkeypatch.setattr(signin, "live_cookie", held.get)
    monkeypatch.setattr(signin, "live_language", lambda: "en")
    monkeypatch.setattr(signin, "live_address", lambda: "198.51.100.7")
    return held


def new_session(app: Application, who: CurrentOperator | OperatorView) -> str:
    """The cookie of a new session, as after a sign-in."""
    ticket = start_ticket(app, who.id, "browser", "/", confirmed=True)
    return start_session(app, ticket, "browser", "127.0.0.1", "").cookie


def frame(page: str | None = None, /, **query: str) -> AppTest:
    """The frame, run; on ``pages/<page>.py`` if given, with these values in the address."""
    test = AppTest.from_file(str(ROOT / "dashboard" / "main.py"), default_timeout=SECONDS)
    test.query_params.update(query)
    test.run()
    if page is not None:
        test.switch_page(f"../pages/{page}.py")
        test.run()
    return test
