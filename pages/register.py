"""Register at Exact Online: the details, then Connect. Kept as a draft while it is typed."""

from __future__ import annotations

import streamlit as st

from core.application import application
from core.errors import InvalidInput
from core.i18n import _
from core.registrations.register import check_form, register
from dashboard import consent_panel, draft, registration_form, signin
from dashboard.address import number_in_address
from dashboard.moments import time_of_day
from dashboard.navigation import end_page
from dashboard.steps import draw_steps
from dashboard.waiting import draw_waiting

app, by = application(), signin.current()


def registered() -> int | None:
    """The number of the registration made of the form; None when the form says what is wrong."""
    st.session_state["register_tried"] = True
    if not form.active:
        places.show({"active": _("Switch this on first: a registration that is not active cannot connect.")})
        return None
    try:
        made = register(app, by, number, form)
    except InvalidInput as error:
        places.show(check_form(app, form, number) or {error.field: error.message})
        return None
    st.query_params["id"] = str(made)
    return made


st.title(_("Register at Exact Online"))
kept = draft.take_up(app, by)
asked = number_in_address()
if kept is None and asked is not None:
    draw_waiting(app, by, asked)
    end_page()

draw_steps(1)
notice = st.empty()  # always there: a field that moves on the page loses what is being typed
if draft.is_resumed(kept):
    notice.info(
        _("You began this draft before. For another customer, choose Start afresh below."),
        icon=":material/edit_note:",
        width=640,
    )
with st.container(width=640):
    places = registration_form.draw(app, draft.PLACE)
    form = registration_form.read(draft.PLACE)
    number, saved_at = draft.keep(app, by, kept)
    tried = st.session_state.get("register_tried")
    wrong = check_form(app, form, number)
    places.show({field: text for field, text in wrong.items() if tried or getattr(form, field)})
    consent_panel.draw_buttons(app, by, draft.PLACE, _("Connect"), registered)
    if number is not None and saved_at is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(_("Draft saved {time}").format(time=time_of_day(saved_at)), width="content")
            with st.popover(_("Start afresh"), type="tertiary"):
                if st.button(_("Keep this draft and begin another"), key="register_another"):
                    draft.begin_another()
                if st.button(_("Throw away and start afresh"), key="register_afresh"):
                    draft.start_afresh(app, by, number)
