"""The second step: registered, and waiting for somebody to give consent at Exact Online."""

from __future__ import annotations

import streamlit as st

from core.accounts.roles import CurrentOperator
from core.application import Application
from core.exact.environments import environment_name
from core.i18n import _
from core.registrations.next_action import Act
from core.registrations.registration import registration
from core.registrations.status import Status
from dashboard import consent_panel
from dashboard.markdown import plain
from dashboard.navigation import page, switch_to
from dashboard.registration_facts import draw_status
from dashboard.shown import has_shown, shown
from dashboard.steps import draw_steps

PLACE = "waiting"


def draw_waiting(app: Application, by: CurrentOperator, registration_id: int) -> None:
    """Wait quietly for consent; elsewhere when the registration is past that. Raises ``NotFound``."""
    view = registration(app, by, registration_id)
    if view.status is Status.CHOOSE_ADMINISTRATIONS and view.grant is not None:
        switch_to("choose", id=view.id)
    if view.status not in consent_panel.ASKING:
        switch_to("registration", id=view.id)
    draw_steps(2)
    with st.container(width=640):
        st.markdown(
            _("**{name}** ({country}) is registered. Now somebody with an Exact login gives consent.").format(
                name=plain(view.name), country=plain(environment_name(view.environment))
            )
        )
        draw_status(view)
        consent_panel.draw_buttons(
            app, by, PLACE, _("Connect"), lambda: view.id, primary=view.action.act, seen=shown(view, PLACE)
        )
        consent_panel.draw_open_link(app, by, view, PLACE)
        if view.action.act is not Act.TALK:  # nothing arrives by itself after a refusal
            st.caption(_("This page goes on by itself when the consent arrives. You may also leave it."))
        st.page_link(page("registration"), label=_("To the registration"), query_params={"id": str(view.id)})
    has_shown(view, PLACE)
    consent_panel.wait_for_consent(view)
