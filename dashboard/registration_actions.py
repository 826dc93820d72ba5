"""What can be done with a registration from its page. What a role may not do is not drawn; core refuses anyway."""

from __future__ import annotations

import streamlit as st

from core.accounts.roles import Action, CurrentOperator
from core.application import Application
from core.exact.errors import ExactError
from core.i18n import _
from core.registrations.checks import check_now
from core.registrations.next_action import Act
from core.registrations.status import Status
from core.registrations.views import RegistrationView
from core.registrations.wording import failure_words
from dashboard import consent_panel, registration_dialogs
from dashboard.editing import edit_details
from dashboard.feedback import attempt, flash
from dashboard.markdown import plain
from dashboard.moments import soon
from dashboard.navigation import switch_to
from dashboard.shown import PLACE, shown


def draw_actions(app: Application, by: CurrentOperator, view: RegistrationView) -> None:
    """The row of buttons under the status, and the link for the customer when one is open."""
    if view.submitted_at is None:
        _draw_draft_actions(by, view)
        return
    if by.may(Action.REGISTER):
        # "Active" says nothing of what is disconnected, but to connect it again it has to be on.
        if view.status is not Status.DISCONNECTED or not view.active:
            _draw_active(view)
        if view.active:
            label = _("Reconnect") if view.grant else _("Connect")
            consent_panel.draw_buttons(
                app, by, PLACE, label, lambda: view.id, primary=view.action.act, seen=shown(view, PLACE)
            )
            consent_panel.draw_open_link(app, by, view, PLACE)
        elif view.grant is None:
            st.caption(_("Set the connection to Active first; Connect then appears here."))
    with st.container(horizontal=True):
        if by.may(Action.CHECK) and view.grant is not None:
            _draw_check(app, by, view)
        if by.may(Action.EDIT_NOTE) and st.button(
            _("Edit details"), key="registration_edit", icon=":material/edit:"
        ):
            edit_details(view)
        _draw_ends(by, view)


def _draw_draft_actions(by: CurrentOperator, view: RegistrationView) -> None:
    if not by.may(Action.REGISTER):
        return
    with st.container(horizontal=True):
        if st.button(
            _("Continue registering"), key="registration_continue", type="primary", icon=":material/edit:"
        ):
            switch_to("register", id=view.id)
        if by.may(Action.DELETE) and st.button(
            _("Delete"), key="registration_delete", icon=":material/delete:"
        ):
            registration_dialogs.confirm_delete(view)


def _draw_active(view: RegistrationView) -> None:
    key = f"registration_active_{view.id}"
    active = st.toggle(_("Active"), value=view.active, key=key)
    if active != view.active:
        registration_dialogs.confirm_active(view, active, key)


def _draw_check(app: Application, by: CurrentOperator, view: RegistrationView) -> None:
    label, possible_from = _("Check now"), view.check.possible_from if view.check else None
    if possible_from is not None:
        label = _("Check again from {time}").format(time=soon(possible_from))
    if not st.button(
        label,
        key="registration_check",
        type="primary" if view.action.act is Act.CHECK else "secondary",
        icon=":material/sync:",
        disabled=possible_from is not None,
    ):
        return
    with st.spinner(_("Asking Exact Online …")), attempt() as done:
        check_now(app, by, view.id)
    if done:
        flash(_("Checked at Exact Online just now."))
    elif done.error is not None:
        # What is to be done about it stands on the page, where all that is known decides.
        said = failure_words(done.error.kind) if isinstance(done.error, ExactError) else done.error.message
        flash(plain(said), kind="warning")
    st.rerun()


def _draw_ends(by: CurrentOperator, view: RegistrationView) -> None:
    if (
        by.may(Action.DISCONNECT)
        and view.grant is not None
        and st.button(_("Disconnect"), key="registration_disconnect", icon=":material/link_off:")
    ):
        registration_dialogs.confirm_disconnect(view)
    if by.may(Action.DELETE) and st.button(_("Delete"), key="registration_delete", icon=":material/delete:"):
        registration_dialogs.confirm_delete(view)
