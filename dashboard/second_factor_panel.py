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


def draw_second_factor(by: CurrentOperator) -> None:
    """How it stands, and what can be done about it."""
    app = application()
    place = st.empty()
    view = own_second_factor(app, by)
    pending = pending_second_factor(app, by)
    codes: tuple[str, ...] = ()
    with place.container():
        if not view.possible:
            st.markdown(_("You sign in with your organisation, which asks for a second factor itself."))
        elif view.on_since:
            codes = _draw_on(by, view)
        elif pending:
            codes = _draw_pending(by, pending)
        else:
            _draw_off(by)
    if codes:
        place.empty()  # else the browser keeps what the longer form drew beneath
        with place.container():
            _draw_codes(codes)


def _draw_off(by: CurrentOperator) -> None:
    st.markdown(
        _(
            "After your password you also type a code from an app on your phone. Whoever learns your password "
            "cannot come in with it alone."
        )
    )

    def begin(password: str) -> None:
        begin_second_factor(application(), by, password, live_browser())

    if _with_password("begin", _("Set up second factor"), begin):
        st.rerun()


def _draw_pending(by: CurrentOperator, pending: Pending) -> tuple[str, ...]:
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
    codes: tuple[str, ...] = ()
    with st.form("account_factor_prove", width=WIDTH, clear_on_submit=True):
        code = st.text_input(_("Code"), key="account_factor_code", max_chars=10, autocomplete="one-time-code")
        if st.form_submit_button(_("Turn on"), type="primary"):
            with attempt():
                codes = complete_second_factor(application(), by, code or "")
    if st.button(_("Cancel"), key="account_factor_cancel", type="tertiary"):
        cancel_second_factor(application(), by)
        st.rerun()
    return codes


def _draw_on(by: CurrentOperator, view: SecondFactorView) -> tuple[str, ...]:
    if view.on_since:
        st.badge(_("On since {day}").format(day=day(view.on_since)), color="green", icon=":material/check:")
    left = ngettext(
        "{count} recovery code is left.", "{count} recovery codes are left.", view.codes_left
    ).format(count=view.codes_left)
    if view.codes_left <= FEW_LEFT:
        st.warning(left + " " + _("Make new ones before you need them."), icon=":material/warning:")
    else:
        st.caption(left)
    made: list[tuple[str, ...]] = []

    def renew(password: str) -> None:
        made.append(renew_recovery_codes(application(), by, password, live_browser()))

    def turn_off(password: str) -> None:
        turn_off_second_factor(application(), by, password, live_browser())

    with st.expander(
        _("New recovery codes"), icon=":material/key:", key="account_factor_renew_panel", width=WIDTH
    ):
        st.caption(_("Those of before stop working."))
        _with_password("renew", _("Make new codes"), renew)
    with st.expander(_("Turn off"), icon=":material/lock_open:", key="account_factor_off_panel", width=WIDTH):
        st.caption(
            _("From then on your password alone lets you in. To use another phone, turn it off and on.")
        )
        if _with_password("off", _("Turn off second factor"), turn_off):
            flash(_("The second factor is off."))
            st.rerun()
    return made[0] if made else ()


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


def _with_password(name: str, label: str, act: Callable[[str], None]) -> bool:
    """A form that asks the password again; whether ``act`` went well."""
    with st.form(f"account_factor_{name}_form", width=WIDTH, clear_on_submit=True, border=False):
        password = st.text_input(
            _("Present password"), type="password", key=f"account_factor_{name}_password"
        )
        if not st.form_submit_button(label):
            return False
        with attempt() as done:
            act(password or "")
        return bool(done)
