"""The end of the manual's path, with ways on."""

from __future__ import annotations

import streamlit as st

from core.exact.environments import environment_name
from core.i18n import _, ngettext
from core.registrations.views import RegistrationView
from dashboard.markdown import plain
from dashboard.navigation import page


def draw_complete(view: RegistrationView) -> None:
    """Say that it is done, what is linked, and where to go from here."""
    st.title(_("Registration complete"), icon=":material/check_circle:")
    count = len(view.linked)
    st.markdown(
        ngettext(
            "**{name}** is connected to Exact Online {country} with {count} administration.",
            "**{name}** is connected to Exact Online {country} with {count} administrations.",
            count,
        ).format(name=plain(view.name), country=plain(environment_name(view.environment)), count=count)
    )
    number = {"id": str(view.id)}
    st.page_link(page("registration"), label=_("Open the registration"), query_params=number)
    st.page_link(page("registrations"), label=_("See it among all registrations"))
    st.page_link(page("administrations"), label=_("See all linked administrations"))
    st.page_link(page("applications"), label=_("Register another customer"))
