"""My account: name, language, password, second factor, open sessions."""

from __future__ import annotations

import streamlit as st

from core.accounts.roles import role_name
from core.application import application
from core.i18n import _
from dashboard.account_parts import draw_language, draw_name, draw_own_sessions, draw_password
from dashboard.markdown import plain
from dashboard.second_factor_panel import draw_second_factor
from dashboard.signin import current, live_browser
from dashboard.single_sign_on import draw_connection, offers_password

app, by = application(), current()
st.title(_("My account"))
st.markdown(f"**{plain(by.name)}**  \n{plain(by.email)}  \n{role_name(by.role)}")
draw_language(by)
draw_name(by)

with_password = offers_password(app, by)
if with_password:
    st.subheader(_("Second factor"))
    draw_second_factor(by)
draw_connection(app, by, live_browser(), "/account")

st.subheader(_("Where you are signed in"))
draw_own_sessions(by)

if with_password:
    st.subheader(_("Password"))
    draw_password(by)
