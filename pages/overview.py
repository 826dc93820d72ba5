"""How things stand: counts by status, what needs attention now, what lapses soon."""

from __future__ import annotations

import streamlit as st

from core.accounts.roles import Action
from core.application import application
from core.i18n import _
from core.registrations.overview import overview
from dashboard import overview_parts, signin
from dashboard.bars import figure
from dashboard.list_page import draw_nothing
from dashboard.navigation import end_page, switch_to

app, by = application(), signin.current()
view = overview(app, by)

st.title(_("Overview"))
if not view.registrations:
    draw_nothing(app, by, _("Nothing is registered yet."))
    if by.may(Action.REGISTER) and st.button(
        _("Register the first customer"), key="overview_first", type="primary", icon=":material/add_link:"
    ):
        switch_to("applications")
    end_page()

overview_parts.warn_without_keeper(view)
st.caption(
    _("{registrations} registrations · {administrations} linked administrations").format(
        registrations=figure(view.registrations), administrations=figure(view.administrations)
    )
)
overview_parts.draw_incidents(view)
statuses, coming = st.columns(2, gap="large")
with statuses:
    overview_parts.draw_statuses(view)
with coming:
    overview_parts.draw_attention(view)
    overview_parts.draw_lapsing(view)
overview_parts.draw_rows(_("Look at these first"), view.attention)
overview_parts.draw_rows(_("Lapsing soonest"), view.lapsing)
