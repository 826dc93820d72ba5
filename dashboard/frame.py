"""What stands around each page for the signed-in: the sidebar, and a watch on the session."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from pathlib import Path

import streamlit as st

from core.accounts.roles import CurrentOperator
from core.accounts.sessions import end_session
from core.application import application
from core.i18n import _
from dashboard import signin
from dashboard.cookies import session_cookie
from dashboard.going import go_to
from dashboard.markdown import plain
from dashboard.menu import draw_menu
from dashboard.navigation import Entry

WATCH_SECONDS = 60


@cache
def _logo() -> str:
    # As data in the page: no request of its own, and no file for Streamlit to hash at every run.
    picture = (Path(__file__).parent / "static" / "logo.svg").read_bytes()
    return "data:image/svg+xml;base64," + b64encode(picture).decode()


def draw_logo() -> None:
    """Our mark, over the menu and over the sign-in form."""
    st.logo(_logo(), size="medium")


def draw_sidebar(operator: CurrentOperator, here: Entry) -> None:
    """The menu, the operator's name and the way out."""
    with st.sidebar:
        draw_menu(operator, here)
        st.caption(plain(operator.name))
        left = st.button(_("Sign out"), key="frame_sign_out", icon=":material/logout:", type="tertiary")
    if left:
        app = application()
        end_session(app, signin.live_cookie(session_cookie(app.settings)), operator.address)
        go_to("/session/end")


def tell_trouble() -> bool:
    """Say on top of the page that nothing can be saved now; whether that is so."""
    app = application()
    trouble = bool(app.health.trouble(app))
    if trouble:
        st.error(
            _(
                "Nothing can be saved at the moment: the server cannot write. You can read everything; keep what you "
                "have typed, and tell your admin."
            ),
            icon=":material/error:",
        )
    return trouble


@st.fragment(run_every=WATCH_SECONDS)
def watch_session(told: bool = False) -> None:
    """Take an open tab back to the sign-in page once its session has ended; the look is no activity.

    ``told``: whether the page says that nothing can be saved; it is drawn anew when that is so no longer, or is so now.
    """
    try:
        signin.current()
    except signin.SignInNeeded:
        st.rerun()
    app = application()
    if bool(app.health.trouble(app)) is not told:
        st.rerun()
