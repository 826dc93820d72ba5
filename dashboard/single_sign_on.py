"""Single sign-on with Streamlit's ``st.login``: the buttons that lead to the provider, and what Streamlit must know.

Streamlit leaves for the provider and checks what comes back; ``dashboard/provider_door.py`` stands around its two
addresses and turns the answer into a session of ours. ``st.user`` is not asked: its cookie never gets to a browser.
"""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlencode, urlsplit

import streamlit as st
from streamlit.user_info import generate_login_redirect_url

from core.accounts.confirming import is_fresh
from core.accounts.identities import has_password, own_identity, unbind
from core.accounts.roles import CurrentOperator
from core.accounts.sso import begin_confirm, begin_connect, begin_sign_in
from core.accounts.ways_in import may_use_password
from core.application import Application
from core.i18n import _
from core.settings import Settings
from dashboard.feedback import attempt, flash
from dashboard.markdown import plain

ENTRY = "provider"
"""Streamlit's name for the way in; it may hold no underscore."""
CONFIRM_ENTRY = "confirm"
"""The same app at the same provider, which asks for the password whoever is signed in there."""
CONFIRMED = "confirmed"
"""Stands in the address of whoever comes back from there."""
SECONDS = 10
"""How long one call to the provider may take."""


def provider_secrets(settings: Settings) -> dict[str, Any] | None:
    """What ``st.login`` looks for in the table [auth] of secrets.toml, made of our own settings; None without them."""
    if not settings.sso.on:
        return None
    return {
        "auth": {
            "redirect_uri": settings.provider_redirect_uri,
            # Signs what lives for minutes: the address of /auth/login, and Streamlit's cookie that never leaves here.
            "cookie_secret": secrets.token_hex(32),
            ENTRY: _entry(settings, {}),
            CONFIRM_ENTRY: _entry(settings, _again(settings)),
        }
    }


def _entry(settings: Settings, more: dict[str, Any]) -> dict[str, Any]:
    kwargs = {
        "scope": "openid",  # who it is; name and address are ours
        "code_challenge_method": "S256",  # Streamlit sends it only to providers that say they know it
        "timeout": SECONDS,
    }
    return {
        "client_id": settings.sso.client_id,
        "client_secret": settings.sso.client_secret.get_secret_value(),
        "server_metadata_url": settings.sso.metadata_url,
        "client_kwargs": kwargs | more.pop("client_kwargs", {}),
        **more,
    }


def _again(settings: Settings) -> dict[str, Any]:
    """Have the password asked again, and be told when it was (OpenID Connect Core 1.0, sections 3.1.2.1 and 5.5)."""
    # Google answers "login" with an error: it knows none, consent and select_account.
    # https://developers.google.com/identity/openid-connect/openid-connect#authenticationuriparameters
    google = urlsplit(settings.sso.metadata_url).hostname == "accounts.google.com"
    return {
        "client_kwargs": {"prompt": "select_account" if google else "login"},
        "authorize_params": {"max_age": "0", "claims": '{"id_token":{"auth_time":{"essential":true}}}'},
    }


def login_address(entry: str = ENTRY) -> str:
    """Streamlit's address that leads to the provider, for a page without Streamlit; good for two minutes."""
    return generate_login_redirect_url(entry)


def draw_sign_in(app: Application, browser: str | None, target: str) -> None:
    """The button on the sign-in page."""
    label = _("Sign in with {provider}").format(provider=plain(app.settings.sso.name))
    primary = app.settings.passwords == "off"
    pressed = st.button(
        label,
        key="sign_in_provider",
        icon=":material/login:",
        type="primary" if primary else "secondary",
        width="stretch",
    )
    if not pressed:
        return
    if browser is None:
        st.error(_no_cookie(), icon=":material/error:")
        return
    begin_sign_in(app, browser, target)
    st.login(ENTRY)


def draw_connection(app: Application, by: CurrentOperator, browser: str | None, target: str) -> None:
    """On one's own account: whether the provider signs one in, with the way to change that."""
    if not app.settings.sso.on:
        return
    provider = plain(app.settings.sso.name)
    bound = own_identity(app, by) is not None
    st.subheader(_("Single sign-on"))
    if bound:
        st.markdown(_("You can sign in with your {provider} account.").format(provider=provider))
    if not offers_password(app, by):
        return  # the only way in
    if not bound:
        st.markdown(_("From then on you can sign in with {provider} as well.").format(provider=provider))
    label = _("Disconnect {provider}") if bound else _("Connect with {provider}")
    with st.form("account_provider", width=480):
        password = st.text_input(_("Present password"), type="password", key="account_provider_password")
        pressed = st.form_submit_button(label.format(provider=provider), key="account_provider_change")
    if pressed:
        with attempt() as done:
            if bound:
                unbind(app, by, password, address=by.address, browser_token=browser)
            else:
                begin_connect(app, by, password, browser or "", target)
        if done and bound:
            flash(_("{provider} no longer signs you in here.").format(provider=provider))
            st.rerun()
        elif done:
            st.login(ENTRY)


def offers_password(app: Application, by: CurrentOperator) -> bool:
    """Whether the operator has a password that lets in."""
    return may_use_password(app.settings, by.email) and has_password(app, by)


def offers_confirming(app: Application, by: CurrentOperator) -> bool:
    """Whether the operator can prove at the provider who is there."""
    return app.settings.sso.on and own_identity(app, by) is not None


def draw_confirm(app: Application, by: CurrentOperator, browser: str | None, place: str) -> None:
    """The button that has the provider ask for the password again, and comes back to this page."""
    provider = plain(app.settings.sso.name)
    sentence = _(
        "This cannot be undone, so {provider} asks once more who you are, and brings you back to this page: an "
        "open screen alone is not enough for it."
    )
    st.caption(sentence.format(provider=provider))
    label = _("Confirm with {provider}").format(provider=provider)
    if st.button(label, key=f"{place}_provider", icon=":material/verified_user:"):
        if browser is None:
            st.error(_no_cookie(), icon=":material/error:")
            return
        begin_confirm(app, by, browser, _here())
        st.login(CONFIRM_ENTRY)


def show_confirmed(app: Application, by: CurrentOperator) -> None:
    """Say, once, to whoever is back from the provider that nothing has been done yet, and what is next."""
    if st.query_params.pop(CONFIRMED, None) and is_fresh(app, by):
        sentence = _(
            "It is clear now who you are. Nothing has been done yet: choose once more what you wanted to do."
        )
        st.success(sentence, icon=":material/verified_user:")


def _here() -> str:
    """Path and query of the page that is drawn, for whoever comes back confirmed."""
    path = urlsplit(st.context.url or "/").path or "/"
    return f"{path}?{urlencode({**st.query_params.to_dict(), CONFIRMED: 'yes'}, doseq=True)}"


def _no_cookie() -> str:
    return _("Your browser does not keep our cookie. Allow cookies for this site, then reload the page.")
