"""My account: language, password, open sessions."""

from __future__ import annotations

import streamlit as st

from core.accounts.operators import set_language
from core.accounts.roles import role_name
from core.accounts.sessions import end_own_session, own_sessions
from core.accounts.signing_in import change_password
from core.application import application
from core.errors import InvalidInput
from core.i18n import LANGUAGES, _, current_language
from dashboard.browsers import browser_name
from dashboard.feedback import attempt, flash
from dashboard.markdown import plain
from dashboard.moments import day, time_of_day
from dashboard.signin import current_session, live_address, live_browser, start_over
from dashboard.single_sign_on import draw_connection, offers_password

app, here = application(), current_session()
by = here.operator
st.title(_("My account"))
st.markdown(f"**{plain(by.name)}**  \n{plain(by.email)}  \n{role_name(by.role)}")

codes = list(LANGUAGES)
language = st.segmented_control(
    _("Language"),
    codes,
    default=by.language or current_language(),
    format_func=lambda code: LANGUAGES[code],
    key="account_language",
    required=True,
)
if language != (by.language or current_language()):
    set_language(app, by, language)
    st.rerun()

if offers_password(app, by):
    st.subheader(_("Password"))
    with st.form("account_password", width=480):
        present = st.text_input(_("Present password"), type="password", key="account_present")
        chosen = st.text_input(
            _("New password"),
            type="password",
            key="account_chosen",
            help=_(
                "At least 12 characters; any will do, spaces in between too. A short sentence is easy to remember."
            ),
        )
        again = st.text_input(_("The same password again"), type="password", key="account_again")
        st.caption(_("You are signed out everywhere afterwards, here too."))
        if st.form_submit_button(_("Change password")):
            with attempt() as done:
                if chosen != again:
                    raise InvalidInput(_("The two passwords are not the same."), "again")
                change_password(
                    app, by, present, chosen, address=live_address(), browser_token=live_browser()
                )
            if done:
                start_over(_("Your password has been changed. Sign in with the new one."))
                st.rerun()

draw_connection(app, by, live_browser(), "/account")
st.subheader(_("Where you are signed in"))
for session in own_sessions(app, by):
    what, when, end = st.columns([4, 4, 2], vertical_alignment="center")
    what.markdown(f"{plain(browser_name(session.browser))}  \n{plain(session.address)}")
    when.markdown(
        _("since {day} {time}").format(day=day(session.created_at), time=time_of_day(session.created_at))
    )
    if session.id == here.session_id:
        end.markdown(_("This browser"))
    elif end.button(_("End"), key=f"account_end_{session.id}", icon=":material/logout:"):
        end_own_session(app, by, session.id)
        flash(_("That session has ended."))
        st.rerun()
