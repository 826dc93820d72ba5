"""Asking once more who sits there, in the window of what cannot be undone; nothing while the password is fresh.

The second way, for those without a password, goes here too: whatever proves who somebody is ends in
``core.accounts.confirming.confirm_session``.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from core.accounts.confirming import confirm_by_password, is_fresh
from core.accounts.lockout import TooManyAttempts
from core.accounts.roles import CurrentOperator
from core.application import Application
from core.errors import InvalidInput
from core.i18n import _
from dashboard import signin
from dashboard.markdown import error_text
from dashboard.single_sign_on import draw_confirm, offers_confirming, offers_password


@dataclass
class Confirmation:
    """The button of a window, and what was given beside it."""

    pressed: bool
    password: str
    needed: bool
    problem: st.delta_generator.DeltaGenerator

    def given(self, app: Application, by: CurrentOperator) -> bool:
        """Whether it is clear who sits there; what is wrong is said under the field, and nothing is lost."""
        if not self.needed:
            return True
        try:
            confirm_by_password(app, by, self.password, signin.live_browser())
        except (InvalidInput, TooManyAttempts) as error:
            self.problem.markdown(error_text(error.message))
            return False
        return True


def explanation() -> str:
    """Why a password is asked of somebody who is signed in."""
    return _(
        "This cannot be undone, so we ask your password once more: an open screen alone is not enough for it."
    )


def explanation_of_export() -> str:
    """The same, of a file with everything in it."""
    return _(
        "This file holds every customer you can see, or more than a thousand of them, so we ask your password once "
        "more: an open screen alone is not enough for it."
    )


def explanation_of_audit() -> str:
    """The same, of the audit log."""
    return _(
        "This file holds who did what here, and from where, so we ask your password once more: an open screen alone "
        "is not enough for it."
    )


def draw_button(
    app: Application,
    by: CurrentOperator,
    place: str,
    label: str,
    *,
    disabled: bool = False,
    draft: bool = False,
) -> Confirmation:
    """Draw the button ``label`` with what must be given first, as one form: its answers arrive together.

    Of a ``draft`` nothing is asked.

    confirmation = draw_button(app, by, "disconnect", _("Disconnect"))
    if confirmation.pressed and confirmation.given(app, by):
        disconnect(app, by, number)
    """
    needed = not draft and not is_fresh(app, by)
    password = ""
    by_provider = needed and offers_confirming(app, by)
    if by_provider:
        draw_confirm(app, by, signin.live_browser(), place)
        if not offers_password(app, by):
            return Confirmation(False, "", needed, st.empty())
    with st.form(f"{place}_form", border=False, clear_on_submit=True):
        if needed:
            if not by_provider:
                st.caption(explanation())
            password = (
                st.text_input(
                    _("Your password"),
                    type="password",
                    key=f"{place}_password",
                    autocomplete="current-password",
                )
                or ""
            )
        problem = st.empty()
        pressed = st.form_submit_button(label, key=f"{place}_confirm", type="primary", disabled=disabled)
    return Confirmation(pressed, password, needed, problem)
