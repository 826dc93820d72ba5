"""Looking at a registration again and again while a page is open, as no activity of whoever reads it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.application import application
from core.registrations.registration import registration
from core.registrations.views import RegistrationView
from dashboard import signin


def look_again(key: str, number: int, every: str, seen: Callable[[RegistrationView], None]) -> None:
    """Hand the registration ``number`` as it is now to ``seen``, which goes elsewhere or draws the page anew."""

    @st.fragment(run_every=every, key=key)
    def look() -> None:
        try:
            by = signin.current()
        except signin.SignInNeeded:
            st.rerun()
        seen(registration(application(), by, number))

    look()
