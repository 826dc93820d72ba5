"""Operators: who may sign in. For admins."""

from __future__ import annotations

import streamlit as st

from core.accounts.invitations import invite
from core.accounts.operators import list_operators
from core.accounts.roles import ROLES, role_name
from core.application import application
from core.i18n import LANGUAGES, _
from dashboard.feedback import attempt
from dashboard.operator_rows import draw_row, show_link
from dashboard.signin import current

app, by = application(), current()
st.title(_("Operators"))
top = st.container()

with st.expander(_("Invite somebody"), icon=":material/person_add:", key="operators_invite_panel"):  # noqa: SIM117
    with st.form("operators_invite", clear_on_submit=False, border=False):
        left, right = st.columns(2)
        name = left.text_input(_("Name"), key="operators_name", max_chars=100)
        email = right.text_input(_("E-mail address"), key="operators_email", max_chars=254)
        role = left.selectbox(_("Role"), ROLES, format_func=role_name, key="operators_role")
        language = right.selectbox(
            _("Language"), list(LANGUAGES), format_func=lambda code: LANGUAGES[code], key="operators_language"
        )
        sent = st.form_submit_button(_("Make invitation link"), type="primary")

links = []
if sent:
    with top, attempt():
        links.append(invite(app, by, email, name, role, language=language))

for operator in list_operators(app, by):
    made = draw_row(by, operator)
    if made is not None:
        links.append(made)

for link in links:
    with top:
        show_link(link)
