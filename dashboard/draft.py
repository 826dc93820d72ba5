"""The draft behind the form: taken up when the page opens, kept on the server as it is typed."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from core.accounts.roles import CurrentOperator
from core.application import Application
from core.registrations.drafts import Draft, discard_draft, open_draft, save_draft
from core.registrations.views import RegistrationForm
from dashboard import registration_form as form_fields
from dashboard.address import number_in_address

PLACE = "register"
_NUMBER = "register_draft"
_KEPT = "register_kept"


def take_up(app: Application, by: CurrentOperator) -> Draft | None:
    """The draft named in the address, else the operator's latest; puts it into the fields.

    What is being typed is never overwritten by what was kept a moment before.
    """
    draft = open_draft(app, by, number_in_address())
    number = draft.id if draft else None
    another = number is not None and st.session_state.get(_NUMBER) not in (None, number)
    form_fields.fill(PLACE, draft.form if draft else RegistrationForm(), overwrite=another)
    if another or number is None:
        st.session_state.pop(_KEPT, None)
    st.session_state[_NUMBER] = number
    return draft


def keep(app: Application, by: CurrentOperator, draft: Draft | None) -> tuple[int | None, datetime | None]:
    """Save what the fields hold when it changed; returns the draft's number and when it was last kept."""
    form = form_fields.read(PLACE)
    kept = st.session_state.get(_KEPT, draft.form if draft else RegistrationForm())
    number, saved_at = (draft.id, draft.saved_at) if draft else (None, None)
    if form != kept:
        number = save_draft(app, by, number, form)
        st.session_state[_KEPT] = form
        st.session_state[_NUMBER] = number
        saved = open_draft(app, by, number)
        saved_at = saved.saved_at if saved else saved_at
    if number is not None and number_in_address() != number:
        st.query_params["id"] = str(number)
    return number, saved_at


def start_afresh(app: Application, by: CurrentOperator, number: int) -> None:
    """Throw the draft away and empty the fields."""
    discard_draft(app, by, number)
    for field in form_fields.FIELDS:
        st.session_state.pop(f"{PLACE}_{field}", None)
    for key in (_NUMBER, _KEPT, "register_tried"):
        st.session_state.pop(key, None)
    st.query_params.clear()
    st.rerun()
