"""The registration that the address names, or a calm word and the way to the table."""

from __future__ import annotations

import streamlit as st

from core.accounts.roles import CurrentOperator
from core.application import Application
from core.errors import NotFound
from core.i18n import _
from core.registrations.registration import registration
from core.registrations.views import RegistrationView
from dashboard.address import number_in_address
from dashboard.markdown import plain
from dashboard.navigation import end_page, page


def registration_in_address(app: Application, by: CurrentOperator) -> RegistrationView:
    """The registration of ``?id=...``; without one the run ends with an explanation."""
    try:
        return registration(app, by, number_in_address() or 0)
    except NotFound as error:
        st.title(_("Not found"))
        st.info(plain(error.message), icon=":material/search_off:")
        st.page_link(page("registrations"), label=_("To the registrations"))
        end_page()
