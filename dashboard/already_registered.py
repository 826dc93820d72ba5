"""The customer is registered already: the way there, and the draft dropped on request."""

from __future__ import annotations

import streamlit as st

from core.accounts.roles import CurrentOperator
from core.application import Application
from core.i18n import _
from core.registrations.form_checks import registered_as
from core.registrations.views import RegistrationForm
from dashboard.draft import OneDraft
from dashboard.feedback import attempt
from dashboard.markdown import plain
from dashboard.navigation import page, switch_to
from dashboard.registration_form import ErrorPlaces


def draw_already_registered(
    app: Application, by: CurrentOperator, form: RegistrationForm, one: OneDraft, places: ErrorPlaces
) -> None:
    """A link to the registration that bears this name, and a button that drops the draft; nothing where it is new."""
    number = registered_as(app, by, form, one.number)
    if number is None:
        return
    with places.way_out("name"):
        draw_link(number, form.name)
        if one.number is not None and st.button(
            _("Throw this draft away and open it"), key="register_drop", icon=":material/delete:"
        ):
            with attempt():
                one.discard(app, by)
                switch_to("registration", id=number)


def draw_link(number: int, name: str) -> None:
    """The way to the registration that is there."""
    label = _("Open {name}").format(name=plain(name))
    st.page_link(
        page("registration"), label=label, query_params={"id": str(number)}, icon=":material/contract:"
    )
