"""Operators: who may sign in, and one of them with everything that can be done. For admins."""

from __future__ import annotations

import streamlit as st

from core.accounts.operator_list import find_operators, one_operator
from core.application import application
from core.i18n import _
from dashboard.address import number_in_address
from dashboard.filters import Keys, draw_pages, page_number
from dashboard.markdown import plain
from dashboard.navigation import switch_to
from dashboard.operator_invitation import draw_invitation
from dashboard.operator_panel import draw_operator
from dashboard.operator_rows import draw_operators, show_link
from dashboard.signin import current

KEYS = Keys("operators", "operators_")

app, by = application(), current()
chosen = number_in_address("operator")
if chosen is not None:
    if st.button(_("All operators"), key="operators_all", icon=":material/arrow_back:", type="tertiary"):
        switch_to("operators")
    operator = one_operator(app, by, chosen)  # with nobody there the way back stands above the reason
    st.title(plain(operator.name), anchor="operator")
    top = st.container()
    link = draw_operator(by, operator)
else:
    st.title(_("Operators"))
    top = st.container()
    link = draw_invitation(by)
    search = st.text_input(
        _("Search operators"),
        key=KEYS.of("q"),
        bind="query-params",
        type="search",
        live="150ms",
        placeholder=_("Part of a name or an e-mail address"),
        width=320,
        label_visibility="collapsed",
    )
    page = find_operators(app, by, search or "", page_number(KEYS))
    if page.rows:
        draw_operators(page)
        draw_pages(KEYS, page.pages, page.number)
    else:
        st.info(_("Nobody matches this search."), icon=":material/search_off:")

if link is not None:
    with top:
        show_link(link)
