"""Where somebody is signed in, a row each with a button that ends it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from core.accounts.open_sessions import SessionView
from core.i18n import _
from dashboard.browsers import browser_name
from dashboard.feedback import attempt, flash
from dashboard.markdown import plain
from dashboard.moments import day, soon, time_of_day


def draw_sessions(
    sessions: Sequence[SessionView], here: int | None, key: str, end: Callable[[int], None]
) -> None:
    """Draw them; ``end`` is called with the session's id, ``here`` is the one that looks on."""
    for session in sessions:
        with st.container(key=f"{key}_session_{session.id}"):
            what, when, button = st.columns([4, 4, 2], vertical_alignment="center")
        what.markdown(f"{plain(browser_name(session.browser))}  \n{plain(session.address)}")
        since, last = session.created_at, session.last_active_at
        when.markdown(
            _("since {day} {time}").format(day=day(since), time=time_of_day(since))
            + "  \n"
            + _("last active {moment}").format(moment=soon(last))
        )
        if session.id == here:
            button.markdown(_("This browser"))
        elif button.button(_("End"), key=f"{key}_end_{session.id}", icon=":material/logout:"):
            with attempt() as done:
                end(session.id)
            if done:
                flash(_("That session has ended."))
                st.rerun()
