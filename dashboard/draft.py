"""The draft behind the form: taken up when the page opens, kept on the server as it is typed."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import NoReturn

import streamlit as st

from core import clock
from core.accounts.roles import CurrentOperator
from core.application import Application
from core.registrations.drafts import Draft, discard_draft, open_draft, save_draft
from core.registrations.views import RegistrationForm
from dashboard import registration_form as form_fields
from dashboard.address import number_in_address

PLACE = "register"
NEW = "new"
"""In the address: since when another draft is being typed, in milliseconds; what was kept before is let lie."""
_NUMBER = "register_draft"
_KEPT = "register_kept"
_RESUMED = "register_resumed"
_MADE = "register_made"


@dataclass
class OneDraft:
    """The draft that this page has made, known to every run at once.

    Streamlit starts the next run while the one before is still saving, and stops that one at its next look at the
    session state: what it saved would be forgotten, and the next run would make a second draft.
    """

    number: int | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)

    def save(self, app: Application, by: CurrentOperator, number: int | None, form: RegistrationForm) -> int:
        """Keep ``form`` in draft ``number``, or else in the one made here before; returns its number."""
        with self.lock:
            self.number = save_draft(app, by, number or self.number, form)
            return self.number


def take_up(app: Application, by: CurrentOperator) -> Draft | None:
    """The draft named in the address, else the operator's latest, unless a new one is asked for.

    Puts it into the fields.

    What is being typed is never overwritten by what was kept a moment before.
    """
    asked = number_in_address()
    draft = open_draft(app, by, asked)
    if asked is None and draft is not None and _milliseconds(draft.saved_at) <= (number_in_address(NEW) or 0):
        draft = None
    number = draft.id if draft else None
    if f"{PLACE}_name" not in st.session_state:  # the page opens; later it is the draft being typed here
        st.session_state[_RESUMED] = number if asked is None else None
        st.session_state[_MADE] = OneDraft()
    another = number is not None and st.session_state.get(_NUMBER) not in (None, number)
    form_fields.fill(PLACE, draft.form if draft else RegistrationForm(), overwrite=another)
    if another or number is None:
        st.session_state.pop(_KEPT, None)
    st.session_state[_NUMBER] = number
    return draft


def is_resumed(draft: Draft | None) -> bool:
    """Whether the page came up with this draft unasked."""
    return draft is not None and st.session_state.get(_RESUMED) == draft.id


def keep(app: Application, by: CurrentOperator, draft: Draft | None) -> tuple[int | None, datetime | None]:
    """Save what the fields hold when it changed; returns the draft's number and when it was last kept."""
    form = form_fields.read(PLACE)
    kept = st.session_state.get(_KEPT, draft.form if draft else RegistrationForm())
    number, saved_at = (draft.id, draft.saved_at) if draft else (None, None)
    if form != kept:
        made = st.session_state[_MADE]
        with made.lock:
            # A run that was overtaken ends here, and cannot save over the next one.
            form = form_fields.read(PLACE)
            number = made.save(app, by, number, form)
        st.session_state[_KEPT] = form
        st.session_state[_NUMBER] = number
        saved = open_draft(app, by, number)
        saved_at = saved.saved_at if saved else saved_at
    if number is not None and number_in_address() != number:
        st.query_params.from_dict({"id": str(number)})
    return number, saved_at


def start_afresh(app: Application, by: CurrentOperator, number: int) -> None:
    """Throw the draft away and empty the fields."""
    discard_draft(app, by, number)
    st.query_params.clear()
    _empty()


def begin_another() -> None:
    """Leave the draft where it is, in the table, and empty the fields for the next customer."""
    st.query_params.from_dict({NEW: str(_milliseconds(clock.now()))})
    _empty()


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _empty() -> NoReturn:
    for name in form_fields.FIELDS:
        st.session_state.pop(f"{PLACE}_{name}", None)
    for key in (_NUMBER, _KEPT, _RESUMED, "register_tried"):
        st.session_state.pop(key, None)
    st.rerun()
