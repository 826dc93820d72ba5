"""What stands around each page for the signed-in: the sidebar's foot, and a watch on the session."""

from __future__ import annotations

import streamlit as st

from core.accounts.roles import CurrentOperator
from core.accounts.sessions import end_session
from core.application import application
from core.i18n import _
from dashboard import signin
from dashboard.cookies import session_cookie
from dashboard.going import go_to

WATCH_SECONDS = 60


def draw_sidebar(operator: CurrentOperator) -> None:
    """The operator's name and the way out."""
    with st.sidebar:
        st.caption(operator.name)
        left = st.button(_("Sign out"), key="frame_sign_out", icon=":material/logout:", type="tertiary")
    if left:
        app = application()
        end_session(app, signin.live_cookie(session_cookie(app.settings)))
        go_to("/session/end")


@st.fragment(run_every=WATCH_SECONDS)
def watch_session() -> None:
    """Take an open tab back to the sign-in page once its session has ended; the look is no activity."""
    try:
        signin.current()
    except signin.SignInNeeded:
        st.rerun()
