"""Inviting somebody: name, address, role, language; what was typed stays when it is refused."""

from __future__ import annotations

import streamlit as st

from core.accounts.invitations import InvitationLink, invite
from core.accounts.roles import ROLES, CurrentOperator, role_name
from core.application import application
from core.i18n import LANGUAGES, _
from dashboard.feedback import attempt, draw_not_kept


def draw_invitation(by: CurrentOperator) -> InvitationLink | None:
    """The form; the link when one was asked for."""
    with (
        st.expander(_("Invite somebody"), icon=":material/person_add:", key="operators_invite_panel"),
        st.form("operators_invite", clear_on_submit=False, border=False),
    ):
        left, right = st.columns(2)
        name = left.text_input(_("Name"), key="operators_name")
        email = right.text_input(_("E-mail address"), key="operators_email")
        role = left.selectbox(_("Role"), ROLES, format_func=role_name, key="operators_role")
        language = right.selectbox(
            _("Language"), list(LANGUAGES), format_func=lambda code: LANGUAGES[code], key="operators_language"
        )
        draw_not_kept()
        sent = st.form_submit_button(_("Make invitation link"), type="primary")
    if not sent:
        return None
    link = None
    with attempt():
        link = invite(application(), by, email or "", name or "", role, language=language)
    return link
