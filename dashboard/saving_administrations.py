"""Saving the ticks: at once where they fit the customer, after a question where they may be another's."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.accounts.roles import CurrentOperator
from core.application import Application
from core.i18n import _, ngettext
from core.registrations.administrations import save_administrations
from core.registrations.fitting import unlike
from core.registrations.seen import Seen
from core.registrations.views import AdministrationView, RegistrationView
from dashboard.administration_picker import forget_choice
from dashboard.feedback import attempt
from dashboard.markdown import plain
from dashboard.navigation import switch_to
from dashboard.nothing_to_choose import draw_nothing_linkable

NAMED = 10
"""Names that are enough to see that something is odd."""


def draw_save(
    app: Application,
    by: CurrentOperator,
    view: RegistrationView,
    chosen: frozenset[int],
    *,
    place: str,
    key: str,
    seen: Seen,
    saved: Callable[[], None],
) -> None:
    """Draw "Save all changes" and what belongs beside it; ``place`` is the picker's, ``saved`` goes on from here.

    The button is primary where saving is what comes next: something changes, and all of it fits.
    """
    if not any(a.available or a.linked for a in view.administrations):
        draw_nothing_linkable(app, by, view, place)
        _draw_back(view, key)
        return
    strange = unlike(view, chosen)
    changes = bool(chosen) and chosen != {a.code for a in view.linked}
    with st.container(horizontal=True):
        pressed = st.button(
            _("Save all changes"),
            key=key,
            type="primary" if changes and not strange else "secondary",
            icon=":material/save:",
        )
        if strange or not chosen:
            _draw_back(view, key)
    if _confirmed(view, strange, key, pressed=pressed):
        with attempt():
            save_administrations(app, by, view.id, chosen, seen)
            forget_choice(view, place)
            st.session_state.pop(_asked(view, key), None)
            saved()


def _confirmed(
    view: RegistrationView, strange: tuple[AdministrationView, ...], key: str, *, pressed: bool
) -> bool:
    """Whether to save now. What does not fit is asked about once it has been pressed, until the ticks change."""
    codes = frozenset(a.code for a in strange)
    if pressed:
        st.session_state[_asked(view, key)] = codes
    if not strange:
        return pressed
    if st.session_state.get(_asked(view, key)) != codes:
        return False
    names = ", ".join(plain(a.name) for a in strange[:NAMED]) + (" …" if len(strange) > NAMED else "")
    with st.container(border=True):
        st.markdown(
            ngettext(
                "This one is not called like **{name}**: {names}. Is it really this customer's?",
                "These are not called like **{name}**: {names}. Are they really this customer's?",
                len(strange),
            ).format(name=plain(view.name), names=names)
        )
        return st.button(_("Save all the same"), key=f"{key}_anyway", icon=":material/save:")


def _draw_back(view: RegistrationView, key: str) -> None:
    """To the registration, where another login connects."""
    if st.button(_("Wrong login: go back"), key=f"{key}_back", icon=":material/arrow_back:"):
        switch_to("registration", id=view.id)


def _asked(view: RegistrationView, key: str) -> str:
    return f"{key}_{view.id}_asked"
