"""What this tab showed of a registration before the click that is being answered.

The script reads the registration anew before it answers a click: by then it may be another customer's than the one
on the screen. So a page keeps what it drew last, and its buttons save against that.
"""

from __future__ import annotations

import streamlit as st

from core.registrations.seen import Seen, seen_in
from core.registrations.views import RegistrationView

PLACE = "registration"
"""The page of one registration, whose parts share what it showed."""


def shown(view: RegistrationView, place: str) -> Seen:
    """What stood on the page ``place`` when it was drawn last; what it draws now when this is the first time."""
    before = st.session_state.get(_key(view, place))
    return before if isinstance(before, Seen) else seen_in(view)


def has_shown(view: RegistrationView, place: str) -> None:
    """Call this where the page ends: all of it has been drawn from ``view``."""
    st.session_state[_key(view, place)] = seen_in(view)


def _key(view: RegistrationView, place: str) -> str:
    return f"{place}_{view.id}_shown"
