"""A consent that shows nothing to choose from: why that can be, whom to call, and how to try again."""

from __future__ import annotations

import streamlit as st

from core.accounts.roles import CurrentOperator
from core.application import Application
from core.i18n import _
from core.registrations.views import RegistrationView
from dashboard.consent_facts import draw_read_again, draw_where_permitted
from dashboard.markdown import plain
from dashboard.registration_facts import draw_meaning


def draw_nothing(app: Application, by: CurrentOperator, view: RegistrationView, place: str) -> None:
    """What is known of the reason, in Exact's words where it gave any, and the button that asks again."""
    if view.failing:
        st.warning(plain(view.status_sentence), icon=":material/warning:")
    else:
        st.warning(_("Exact Online has not shown the administrations yet."), icon=":material/warning:")
    draw_where_permitted()
    draw_read_again(app, by, view, place, first=True)
    draw_meaning(view, by.name)


def draw_nothing_linkable(app: Application, by: CurrentOperator, view: RegistrationView, place: str) -> None:
    """Administrations are shown, and none of them can be linked: archived, not permitted any more, or another's."""
    st.info(
        _(
            "Nothing here can be linked; the remarks above say why. Call the customer, who can permit other "
            "administrations or bring one back from the archive at Exact Online; one that another registration has "
            "must be unlinked there first. Then read the list again."
        ),
        icon=":material/link_off:",
    )
    draw_where_permitted()
    draw_read_again(app, by, view, f"{place}_none", first=True)
