"""Check, pause, resume or give to another owner: the registrations that are ticked, with an outcome for each."""

from __future__ import annotations

from urllib.parse import parse_qsl

import streamlit as st

from core.application import application
from core.i18n import _, ngettext
from core.registrations.bulk import MOST
from core.registrations.query import RegistrationQuery
from dashboard import bulk_outcome, bulk_selection, signin
from dashboard.address import query_of
from dashboard.navigation import address, end_page

app, by = application(), signin.current()

st.title(_("Change several registrations"))
if bulk_outcome.draw(app, by):
    end_page()

query = query_of(RegistrationQuery, dict(parse_qsl(st.query_params.get("filter", ""))))
rows = bulk_selection.rows_on_screen(app, by, query)
if not rows:
    st.info(_("The list shows no registrations. Choose another filter there first."), icon=":material/inbox:")
    back = _("Back to the list")
    st.markdown(f"[{back}]({address('registrations')})")
    end_page()

st.markdown(
    _("Tick the registrations, then choose what to do with them.")
    + (" " + _("These are the first {count}.").format(count=MOST) if len(rows) == MOST else "")
)
chosen = bulk_selection.draw(rows)
st.caption(
    ngettext("{count} registration ticked", "{count} registrations ticked", len(chosen)).format(
        count=len(chosen)
    )
)
bulk_selection.draw_actions(app, by, chosen)
