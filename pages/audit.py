"""Audit: who did what, on what, from where, and what came of it; fifty a page, with filters and exports."""

from __future__ import annotations

import streamlit as st

from core.application import application
from core.audit.listing import list_entries
from core.i18n import _
from dashboard.audit_filters import KEYS, clear, draw_audit_filters, is_filtered
from dashboard.audit_rows import draw_entries, summary
from dashboard.audit_state import draw_verification
from dashboard.filters import draw_pages
from dashboard.signin import current

app, by = application(), current()
st.title(_("Audit"))
st.caption(_("Who did what, on what, from where. Entries are only added, and none is ever deleted."))
draw_verification(app, by)
query = draw_audit_filters(app, by)
page = list_entries(app, by, query)
if page.rows:
    draw_entries(page.rows, summary(page, query))
    draw_pages(KEYS, page.pages, page.number)
elif is_filtered(query):
    st.info(_("No entry matches this search and these filters."), icon=":material/search_off:")
    st.button(_("Clear filters"), key="audit_clear", on_click=clear, icon=":material/filter_alt_off:")
else:
    st.info(_("Nothing has been recorded yet."), icon=":material/inbox:")
