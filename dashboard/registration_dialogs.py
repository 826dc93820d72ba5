"""Pausing, disconnecting and deleting, each in a window of its own."""

from __future__ import annotations

import streamlit as st

from core.application import application
from core.i18n import _
from core.registrations.names import name_key
from core.registrations.register import delete, disconnect, set_active
from core.registrations.seen import seen_in
from core.registrations.views import RegistrationView
from core.registrations.wording import called
from dashboard import signin
from dashboard.confirming import draw_button
from dashboard.consent_facts import shared_login
from dashboard.feedback import attempt, flash
from dashboard.markdown import plain
from dashboard.navigation import switch_to


def confirm_active(view: RegistrationView, active: bool, key: str) -> None:
    """Ask before the connection setting changes; ``key`` is the toggle's, which goes back when nobody confirms."""

    def go_back() -> None:
        st.session_state[key] = view.active

    title = _("Resume?") if active else _("Pause?")
    icon = ":material/play_arrow:" if active else ":material/pause:"

    @st.dialog(title, icon=icon, on_dismiss=go_back)
    def dialog() -> None:
        by = signin.current()
        sentence = (
            _("The connection of **{name}** becomes active and is checked every day again.")
            if active
            else _(
                "The connection of **{name}** is no longer checked. The consent is kept alive, so that resuming needs "
                "no new one."
            )
        )
        st.markdown(sentence.format(name=plain(view.name)))
        label = _("Resume") if active else _("Pause")
        if st.button(label, key="active_confirm", type="primary"):
            with attempt():
                set_active(application(), by, view.id, active, seen_in(view))
                st.rerun()

    dialog()


def confirm_disconnect(view: RegistrationView) -> None:
    """Ask before our keys to the bookkeeping are deleted."""

    @st.dialog(_("Disconnect?"), icon=":material/link_off:")
    def dialog() -> None:
        app, by = application(), signin.current(active=True)
        st.markdown(
            _(
                "The connection of **{name}** ends, and our keys to it are deleted. Connecting again takes a new "
                "consent by the customer."
            ).format(name=plain(view.name))
        )
        if view.grant is not None and view.grant.shared_count:
            st.markdown(
                shared_login(view.grant)
                + "  \n"
                + _("The others stay connected: they keep the login's keys.")
            )
        st.caption(
            _(
                "At Exact Online the permission stays until the customer withdraws it: Mijn Exact Online, "
                "Beveiligingscentrum, Machtigingen voor mijn apps, Intrekken."
            )
        )
        asked = draw_button(app, by, "disconnect", _("Disconnect"))
        if asked.pressed and asked.given(app, by):
            with attempt():
                disconnect(app, by, view.id, seen_in(view))
                flash(_("{name} has been disconnected.").format(name=plain(view.name)))
                st.rerun()

    dialog()


def _is_its_name(typed: str, name: str) -> bool:
    """Whether somebody typed the name as it stands there: with straight quotes for curly ones, and so on."""
    return bool(typed.strip()) and name_key(typed) == name_key(name)


def confirm_delete(view: RegistrationView) -> None:
    """Ask for the name before everything about a registration goes."""

    @st.dialog(_("Delete?"), icon=":material/delete:")
    def dialog() -> None:
        app, by = application(), signin.current(active=True)
        st.markdown(
            _(
                "Everything about **{name}** is deleted: settings, administrations, timeline and our keys."
            ).format(name=plain(called(view.name)))
        )
        typed = view.name
        if view.submitted_at is not None:
            typed = (
                st.text_input(_("Type the name to confirm"), key="delete_name", live=True, autocomplete="off")
                or ""
            )
        other = view.submitted_at is not None and not _is_its_name(typed, view.name)
        asked = draw_button(app, by, "delete", _("Delete"), disabled=other, draft=view.submitted_at is None)
        if asked.pressed and asked.given(app, by):
            with attempt():
                delete(app, by, view.id, seen_in(view))
                flash(_("{name} has been deleted.").format(name=plain(view.name) or _("The draft")))
                switch_to("registrations")

    dialog()
