"""How long each consent still lives, and what would be lost if we were down for a while."""

from __future__ import annotations

import streamlit as st

from core.application import application
from core.i18n import _
from core.registrations.lifeline import would_lapse
from dashboard import lifeline_parts, signin
from dashboard.feedback import attempt
from dashboard.filters import Keys, draw_pages

KEYS = Keys("lifeline", "lifeline_")

app, by = application(), signin.current()

st.title(_("Lifeline"))
lifeline_parts.explain(app.settings)
outage = lifeline_parts.ask_days(app.settings)
if outage is not None:
    with attempt():
        page = would_lapse(app, by, outage, lifeline_parts.page_number(KEYS))
        lifeline_parts.draw(page, outage)
        draw_pages(KEYS, page.pages, page.number)
