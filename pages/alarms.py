"""Alarms: who was told of what, what is in the way, and a test of every address."""

from __future__ import annotations

import streamlit as st

from core.alarms.addresses import Audience, somebody_can_be_told
from core.alarms.listing import list_alarms, list_failing
from core.alarms.trying import send_test
from core.application import application
from core.i18n import _
from dashboard.alarm_rows import draw_alarms, draw_failing, tell
from dashboard.feedback import attempt
from dashboard.filters import Keys, draw_pages, page_number
from dashboard.signin import current

KEYS = Keys("alarms", "alarms_")

app, by = application(), current()
st.title(_("Alarms"))
if not somebody_can_be_told(app.settings):
    st.warning(
        _(
            "Nobody is told: no address is set. An admin sets CLICKKER_ALARM_SUPPORT and CLICKKER_ALARM_OWNER."
        ),
        icon=":material/notifications_off:",
    )

with st.container(horizontal=True):
    tests = {
        Audience.SUPPORT: st.button(
            _("Send support a test"), key="alarms_test_support", icon=":material/send:"
        ),
        Audience.OWNER: st.button(
            _("Send me a test, as to an owner"), key="alarms_test_owner", icon=":material/mail:"
        ),
    }
for audience, asked in tests.items():
    if asked:
        with attempt() as done, st.spinner(_("Sending …")):
            tell(send_test(app, by, audience))
        if done:
            st.rerun()

for failing in list_failing(app, by):
    draw_failing(by, failing)

page = list_alarms(app, by, page_number(KEYS))
if page.rows:
    draw_alarms(page.rows)
    draw_pages(KEYS, page.pages, page.number)
else:
    st.info(_("There have been no alarms yet."), icon=":material/inbox:")
