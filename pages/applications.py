"""Applications: what a customer can be connected to. The way into a new registration."""

from __future__ import annotations

import streamlit as st

from core.accounts.roles import Action
from core.i18n import _
from dashboard import signin
from dashboard.navigation import switch_to

by = signin.current()

st.title(_("Applications"))
st.caption(_("Choose the application in which the customer keeps the books."))

with st.grid(min_column_width=320), st.container(border=True):
    st.subheader("Exact Online", icon=":material/menu_book:")
    st.write(_("Bring the administrations of one customer online and keep them connected."))
    st.caption(
        _(
            "You need the customer's name and the country of the bookkeeping. Consent is given by somebody with an "
            "Exact login: you, or the customer by a link."
        )
    )
    if not by.may(Action.REGISTER):
        st.caption(_("Registering is done by support. Ask an admin if you should be able to."))
    elif st.button(_("Register"), key="applications_register", type="primary", icon=":material/add_link:"):
        switch_to("register")
