"""Register at Exact Online: the details, then Connect. Kept as a draft of this tab while it is typed."""

from __future__ import annotations

import streamlit as st

from core.application import application
from core.errors import InvalidInput
from core.i18n import _
from core.registrations.register import check_form
from core.registrations.seen import Seen
from dashboard import consent_panel, draft, registration_form, signin
from dashboard.address import number_in_address
from dashboard.already_registered import draw_already_registered
from dashboard.draft_links import draw_start_afresh, draw_unfinished
from dashboard.markdown import plain
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
        number = one.register(app, by, form)
    except InvalidInput as error:
        places.show(check_form(app, form, one.number) or {error.field: error.message})
        return None
    if number is None:
        st.rerun()
    st.query_params["id"] = str(number)
    return number


st.title(_("Register at Exact Online"))
kept = draft.take_up(app, by)
asked = number_in_address()
if kept is None and asked is not None and not draft.stands_here():
    draw_waiting(app, by, asked)
    end_page()

draw_steps(1)
notice = st.empty()  # always there: a field that moves on the page loses what is being typed
with st.container(width=640):
    places = registration_form.draw(app, draft.PLACE, in_force=draft.made().form)
    form = registration_form.read(draft.PLACE)
    one = draft.keep(app, by)
    if one.said:
        notice.warning(plain(one.said), icon=":material/call_split:", width=640)
    else:
        draw_unfinished(app, by, notice, one.number)
    tried = st.session_state.get("register_tried")
    wrong = check_form(app, form, one.number)
    places.show({field: text for field, text in wrong.items() if tried or getattr(form, field)})
    draw_already_registered(app, by, form, one, places)
    seen = Seen(form.name, form.environment)
    consent_panel.draw_buttons(app, by, draft.PLACE, _("Connect"), registered, seen=seen)
    draw_start_afresh(app, by, one)
