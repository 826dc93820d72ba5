"""Who is at this socket, and the sign-in form for whoever is nobody yet.

The form and its bcrypt check are streamlit-authenticator's; account, lock-out, session and cookie are ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from urllib.parse import urlencode

import streamlit as st

from core.accounts.passwords import spellings
from core.accounts.roles import CurrentOperator
from core.accounts.second_step import begin_second_step, second_step_waits
from core.accounts.sessions import SignedIn, session_operator, start_ticket
from core.accounts.signing_in import accept_candidate, find_candidate, refuse_candidate
from core.application import application
from core.errors import ClickkerError
from core.i18n import _, best_language, set_language
from dashboard import second_step
from dashboard.authenticator import Authenticate, AuthenticationController
from dashboard.cookies import browser_cookie, session_cookie
from dashboard.feedback import flash, show_flashes
from dashboard.going import go_to
from dashboard.markdown import plain
from dashboard.single_sign_on import draw_sign_in

_BOUND = "_session_hash"
_THEIRS = ("name", "authentication_status", "username", "email", "roles", "logout")
_current: ContextVar[SignedIn | None] = ContextVar("signed_in", default=None)


class SignInNeeded(ClickkerError):
    """The session has ended while the page was open."""


def live_cookie(name: str) -> str | None:
    """A cookie of the socket that asks for this run; tests put theirs in here."""
    return st.context.cookies.get(name)


def live_address() -> str:
    """Where the socket comes from; Streamlit says None for this machine itself."""
    return st.context.ip_address or "localhost"


def live_language() -> str:
    """The language the socket's browser asks for."""
    return best_language(st.context.headers.get("Accept-Language", ""))


def live_browser() -> str | None:
    """The name we gave this browser."""
    return live_cookie(browser_cookie(application().settings))


def current(*, active: bool = False) -> CurrentOperator:
    """The signed-in operator, for pages. Call it first in a fragment too: fragments run without the frame.

    Raises ``SignInNeeded`` when the session has ended since. ``active`` for a fragment that runs only when
    somebody does something, and not by a clock: that counts as activity, and leads to the sign-in form instead.
    """
    return current_session(active=active).operator


def current_session(*, active: bool = False) -> SignedIn:
    """As ``current``, with the session itself."""
    signed_in = _current.get()
    if signed_in is None:  # a fragment: looked up anew each time
        signed_in = _identify(active=active)
        if signed_in is None and active:
            st.rerun()  # the frame draws the sign-in form
    if signed_in is None:
        raise SignInNeeded(_("You have been signed out. Reload the page to sign in again."))
    return signed_in


@contextmanager
def visit() -> Iterator[CurrentOperator | None]:
    """One run of the frame: whoever is there, or None. Sets the language of what is drawn."""
    signed_in = _identify(active=True)
    token = _current.set(signed_in)
    try:
        yield signed_in.operator if signed_in else None
    finally:
        _current.reset(token)


def _identify(*, active: bool) -> SignedIn | None:
    """Look the live socket's cookie up, and compare with the session this page's state belongs to.

    A Streamlit session id is a bearer credential: whoever connects with a stolen one has no cookie, or another.
    """
    app = application()
    cookie = live_cookie(session_cookie(app.settings))
    signed_in = session_operator(app, cookie, active=active, address=live_address())
    set_language((signed_in and signed_in.operator.language) or live_language())
    bound = st.session_state.get(_BOUND)
    if signed_in is None:
        if bound is not None:
            start_over(_("You have been signed out. Sign in to go on where you were."))
        return None
    if bound is not None and bound != signed_in.session_hash:
        st.session_state.clear()
        st.warning(_("You are signed in anew in another tab. Reload this page."), icon=":material/refresh:")
        st.stop()
    st.session_state[_BOUND] = signed_in.session_hash
    return signed_in


def start_over(message: str) -> None:
    """Forget everything this page holds, and say why above the sign-in form."""
    st.session_state.clear()
    flash(message, kind="info")


def draw_form(path: str) -> None:
    """The sign-in page; ``path`` is where the visitor wanted to be."""
    browser = live_browser()
    _forget_theirs()
    _left, middle, _right = st.columns([1, 2, 1])
    with middle:
        st.title(_("Clickker Connections"))
        show_flashes()
        if browser and second_step_waits(application(), browser):
            second_step.draw(browser, _target(path), live_address())
            return
        st.markdown(_("Create your account with the link we sent you, then sign in."))
        settings = application().settings
        if settings.sso.on:
            draw_sign_in(application(), browser, _target(path))
        if settings.passwords == "on":
            _draw_passwords(path, browser)
        elif settings.break_glass_accounts:  # for the day the provider is out of reach
            with st.expander(_("Emergency access")):
                _draw_passwords(path, browser)


def _draw_passwords(path: str, browser: str | None) -> None:
    form = _Form(browser)
    form.login(
        key="sign_in",
        fields={
            "Form name": _("Sign in"),
            "Username": _("E-mail address"),
            "Password": _("Password"),
            "Login": _("Sign in"),
        },
    )
    _answer(form.controller, path, browser)


def _answer(controller: _Controller, path: str, browser: str | None) -> None:
    if controller.refusal:
        st.error(plain(controller.refusal), icon=":material/error:")
    if controller.operator_id is None:
        return
    if browser is None:
        st.error(
            _("Your browser does not keep our cookie. Allow cookies for this site, then reload the page.")
        )
        return
    _forget_theirs()
    if begin_second_step(application(), controller.operator_id, browser):
        st.rerun()
    ticket = start_ticket(application(), controller.operator_id, browser, _target(path), confirmed=True)
    go_to("/session/start?" + urlencode({"ticket": ticket}))


def _target(path: str) -> str:
    """Where the visitor wanted to be, query included."""
    query = urlencode(st.query_params.to_dict(), doseq=True)
    return f"{path}?{query}" if query else path


def _forget_theirs() -> None:
    """What the library keeps in the session state: nothing here goes by it."""
    for key in _THEIRS:
        st.session_state.pop(key, None)


class _Controller(AuthenticationController):  # type: ignore[misc]  # the library has no types
    """Gives the library's check one account: the one that was typed."""

    def __init__(self, browser: str | None) -> None:
        super().__init__({"usernames": {}}, auto_hash=False)
        self.browser = browser
        self.operator_id: int | None = None
        self.refusal = ""

    def login(
        self,
        username: str | None = None,
        password: str | None = None,
        *_args: object,
        **_more: object,
    ) -> bool:
        """Look the account up, let the library check the password, and remember what came of it."""
        if not username or not password:
            self.refusal = _("Fill in your e-mail address and your password.")
            return False
        try:
            candidate = find_candidate(application(), username, live_address(), self.browser)
        except ClickkerError as error:
            self.refusal = error.message
            return False
        self.authentication_model.credentials["usernames"] = {
            candidate.email: {
                "email": candidate.email,
                "name": candidate.name,
                "password": candidate.password_hash,
            }
        }
        # bcrypt raises above 72 bytes and the library strips spaces: neither may pass for the right password.
        asked = spellings(password) or ("-",)
        right = any(bool(super(_Controller, self).login(candidate.email, one)) for one in asked)
        self.operator_id = accept_candidate(application(), candidate) if right else None
        if self.operator_id is None:
            refuse_candidate(application(), candidate, live_address())
            self.refusal = _("This e-mail address and password do not belong together. Nobody was signed in.")
        return self.operator_id is not None


class _NoCookie:
    """Stands where the library keeps its own cookie, which a script could read: ours is set by a route."""

    def get_cookie(self) -> None:
        return None

    def set_cookie(self) -> None:
        return None


class _Form(Authenticate):  # type: ignore[misc]  # the library has no types
    """The library's form, without its cookie component: no iframe and no 20 kB of script to load for it."""

    def __init__(self, browser: str | None) -> None:
        self.path = None
        self.attrs = {"login_sleep_time": 0}
        self.cookie_controller = _NoCookie()
        self.controller = self.authentication_controller = _Controller(browser)
