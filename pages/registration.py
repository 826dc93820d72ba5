"""One registration: its status and why, its facts, its administrations, and all that happened to it."""

from __future__ import annotations

import streamlit as st

from core.accounts.roles import Action
from core.application import application
from core.i18n import _
from core.registrations.issue_views import issues_of
from core.registrations.timeline import timeline
from core.registrations.wording import called
from dashboard import consent_panel, signin
from dashboard.candidate import draw_candidate
from dashboard.linked_administrations import draw_administrations
from dashboard.markdown import plain
from dashboard.registration_actions import draw_actions
from dashboard.registration_facts import draw_facts, draw_meaning, draw_status, draw_timeline
from dashboard.registration_in_address import registration_in_address
from dashboard.registration_issues import draw_history, draw_issues
from dashboard.shown import PLACE, has_shown
from dashboard.single_sign_on import show_confirmed
from dashboard.two_lists import draw_two_lists

app, by = application(), signin.current()
view = registration_in_address(app, by)
issues = issues_of(app, by, view.id)

show_confirmed(app, by)
st.title(plain(called(view.name)), anchor="registration")
draw_status(view)
draw_candidate(app, by, view)
draw_actions(app, by, view)
draw_issues(app, by, issues)
draw_meaning(view, by.name)

facts, administrations = st.columns([2, 3], gap="large")
with facts:
    st.subheader(_("Facts"))
    draw_facts(view)
with administrations:
    st.subheader(_("Administrations"))
    draw_administrations(app, by, view)

draw_two_lists(app, by, view)
draw_history(issues)
st.subheader(_("Timeline"))
draw_timeline(timeline(app, by, view.id))
has_shown(view, PLACE)
if by.may(Action.REGISTER):
    consent_panel.wait_for_consent(view)
