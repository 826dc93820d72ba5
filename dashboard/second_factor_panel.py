"""One's own second factor: on with an app, recovery codes, off. What is secret is drawn and kept nowhere."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import segno
import streamlit as st

from core.accounts.one_time_codes import in_groups
from core.accounts.roles import CurrentOperator
from core.accounts.second_factor import (
    FEW_LEFT,
    Pending,
    SecondFactorView,
    begin_second_factor,
    cancel_second_factor,
    complete_second_factor,
    own_second_factor,
    pending_second_factor,
    renew_recovery_codes,
    turn_off_second_factor,
)
from core.application import application
from core.i18n import _, ngettext
from dashboard.copying import draw_copy
from dashboard.feedback import attempt, flash
from dashboard.html_table import draw_html
from dashboard.moments import day
from dashboard.signin import live_browser

WIDTH = 480
PROVE, RENEW = "account_factor_prove", "account_factor_renew"
"""The keys of the buttons that make recovery codes."""


def draw_second_factor(by: CurrentOperator) -> None:
    """How it stands, and what can be done about it."""
    app = application()
    codes = _codes_asked_for(by)
    if codes:
        _draw_codes(codes)
        return
    view = own_second_factor(app, by)
    pending = pending_second_factor(app, by)
    if not view.possible:
        st.markdown(_("You sign in with your organisation, which asks for a second factor itself."))
    elif view.on_since:
        _draw_on(by, view)
    elif pending:
        _draw_pending(by, pending)
    else:
        _draw_off(by)


def _codes_asked_for(by: CurrentOperator) -> tuple[str, ...]:
    """The recovery codes that the click of this run made, to be drawn instead of the form it was in.

    Drawn in the form's place they would leave its lower half on the screen, and kept until the next run they would
    lie in the session's state.
    """
    given = st.session_state
    codes: tuple[str, ...] = ()
    with attempt():
        if given.get(PROVE):
            codes = complete_second_factor(application(), by, given.get("account_factor_code") or "")
        elif given.get(RENEW):
            password = given.get("account_factor_renew_password") or ""
            codes = renew_recovery_codes(application(), by, password, live_browser())
    return codes


def _draw_off(by: CurrentOperator) -> None:
    st.markdown(
        _(
            "After your password you also type a code from an app on your phone. Whoever learns your password "
            "cannot come in with it alone."
        )
    )

    def begin(password: str) -> None:
        begin_second_factor(application(), by, password, live_browser())

    if _with_password("begin", _("Set up second factor"), begin, border=True):
        st.rerun()


def _draw_pending(by: CurrentOperator, pending: Pending) -> None:
    st.markdown(
        _(
            "1. Open an authenticator app on your phone, such as Microsoft Authenticator or Google Authenticator.  \n"
            "2. Scan this picture, or type the key.  \n"
            "3. Type the code that the app shows."
        )
    )
    picture = segno.make(pending.address, micro=False).svg_data_uri(scale=4, border=4, light="#fff")
    alt = _("QR code with the key for your app")
    draw_html(f'<img src="{escape(picture)}" alt="{escape(alt)}" width="220" height="220">')
    st.markdown(_("Key:") + f" `{in_groups(pending.secret)}`")
    with st.form("account_factor_prove_form", width=WIDTH, clear_on_submit=True):
        st.text_input(_("Code"), key="account_factor_code", max_chars=10, autocomplete="one-time-code")
        st.form_submit_button(_("Turn on"), type="primary", key=PROVE)
    if st.button(_("Cancel"), key="account_factor_cancel", type="tertiary"):
        cancel_second_factor(application(), by)
        st.rerun()


def _draw_on(by: CurrentOperator, view: SecondFactorView) -> None:
    if view.on_since:
        st.badge(_("On since {day}").format(day=day(view.on_since)), color="green", icon=":material/check:")
    left = ngettext(
        "{count} recovery code is left.", "{count} recovery codes are left.", view.codes_left
    ).format(count=view.codes_left)
    if view.codes_left <= FEW_LEFT:
        st.warning(left + " " + _("Make new ones before you need them."), icon=":material/warning:")
    else:
        st.caption(left)

    def turn_off(password: str) -> None:
        turn_off_second_factor(application(), by, password, live_browser())

    with st.expander(
        _("New recovery codes"), icon=":material/key:", key="account_factor_renew_panel", width=WIDTH
    ):
        st.caption(_("Those of before stop working."))
        _ask_password("renew", _("Make new codes"))
    with st.expander(_("Turn off"), icon=":material/lock_open:", key="account_factor_off_panel", width=WIDTH):
        st.caption(
            _("From then on your password alone lets you in. To use another phone, turn it off and on.")
        )
        if _with_password("off", _("Turn off second factor"), turn_off):
            flash(_("The second factor is off."))
            st.rerun()


def _draw_codes(codes: tuple[str, ...]) -> None:
    """The recovery codes, this once."""
    st.success(_("The second factor is on. These are your recovery codes."), icon=":material/check_circle:")
    st.markdown(
        _(
            "Print them or put them in your password manager **now**: they are not shown again. Each one lets you in "
            "once, in place of a code from your phone."
        )
    )
    draw_copy(
        "\n".join(codes), _("Copy the codes"), _("Recovery codes"), lines=len(codes), first=True, printed=True
    )
    if st.button(_("I have kept them"), key="account_factor_kept", icon=":material/check:"):
        st.rerun()


def _with_password(name: str, label: str, act: Callable[[str], None], *, border: bool = False) -> bool:
    """A form that asks the password again; whether ``act`` went well."""
    password = _ask_password(name, label, border=border)
    if password is None:
        return False
    with attempt() as done:
        act(password)
    return bool(done)


def _ask_password(name: str, label: str, *, border: bool = False) -> str | None:
    """The password that was given with this click; None when nothing was. A panel around it is border enough."""
    with st.form(f"account_factor_{name}_form", width=WIDTH, clear_on_submit=True, border=border):
        password = st.text_input(
            _("Present password"), type="password", key=f"account_factor_{name}_password"
        )
        sent = st.form_submit_button(label, key=f"account_factor_{name}")
    return password or "" if sent else None
