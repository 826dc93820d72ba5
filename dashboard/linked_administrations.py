"""The administrations on the registration's page: a list to read, and to edit for who may."""

from __future__ import annotations

import streamlit as st

from core.accounts.roles import Action, CurrentOperator
from core.application import Application
from core.i18n import _
from core.registrations.reading_places import progress
from core.registrations.status import Status
from core.registrations.views import RegistrationView
from dashboard.administration_picker import draw_picker
from dashboard.consent_facts import draw_login_hint, draw_missing_help, draw_name_hint
from dashboard.feedback import flash
from dashboard.markdown import plain
from dashboard.navigation import switch_to
from dashboard.saving_administrations import draw_save
from dashboard.shown import PLACE as REGISTRATION
from dashboard.shown import shown

PLACE = "registration_pick"


def draw_administrations(app: Application, by: CurrentOperator, view: RegistrationView) -> None:
    """Linked ones to read; all of them to tick, with "Save all changes", where the role permits."""
    if view.grant is None:
        st.caption(_("Administrations appear here once consent was given at Exact Online."))
        return
    if not by.may(Action.REGISTER):
        _draw_names(view)
        return
    if view.reading is not None:
        st.caption(progress(view.reading))
    if view.status is Status.CHOOSE_ADMINISTRATIONS:
        draw_name_hint(view)
        draw_login_hint(view, view.grant)
    if view.administrations:
        _draw_editor(app, by, view)
    elif view.reading is None:
        st.caption(_("Exact Online has shown no administrations yet."))
    draw_missing_help(app, by, view, PLACE)


def _draw_editor(app: Application, by: CurrentOperator, view: RegistrationView) -> None:
    chosen = draw_picker(app, by, view, PLACE)

    def saved() -> None:
        if view.completed_at is None:
            switch_to("choose", id=view.id, saved=1)
        flash(_("The administrations have been saved."))
        st.rerun()

    seen = shown(view, REGISTRATION)
    draw_save(app, by, view, chosen, place=PLACE, key="registration_save", seen=seen, saved=saved)


def _draw_names(view: RegistrationView) -> None:
    for administration in view.linked:
        st.markdown(f"**{plain(administration.name)}** :gray[{administration.code}]")
    if not view.linked:
        st.caption(_("No administration is linked yet."))
