"""The draft behind the form: it belongs to the tab that made it, and is kept on the server as it is typed."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import NoReturn

import streamlit as st

from core.accounts.roles import CurrentOperator
from core.application import Application
from core.errors import ChangedMeanwhile
from core.i18n import _
from core.registrations.drafts import Draft, discard_draft, open_draft, save_draft
from core.registrations.register import register
from core.registrations.views import RegistrationForm
from dashboard import registration_form as form_fields
from dashboard.address import number_in_address

PLACE = "register"
_MADE = "register_made"


@dataclass
class OneDraft:
    """The draft that this tab has made or opened, known to every run at once, and what it holds as far as known here.

    Streamlit starts the next run while the one before is still saving, and stops that one at its next look at the
    session state: what it saved would be forgotten, and the next run would make a second draft.
    """

    number: int | None = None
    form: RegistrationForm = field(default_factory=RegistrationForm)
    saved_at: datetime | None = None
    registered: bool = False
    """By this tab: the page goes on to the consent."""
    said: str = ""
    """Why this draft is not the one that was opened."""
    left: set[int] = field(default_factory=set)
    """The drafts that became another's; messages under way may still name them."""
    lock: threading.RLock = field(default_factory=threading.RLock)

    def save(self, app: Application, by: CurrentOperator, number: int | None, form: RegistrationForm) -> int:
        """Keep ``form`` in draft ``number``, or else in the one made here before; returns its number.

        When that has become another's, ``form`` is kept as a draft of its own.
        """
        with self.lock:
            self.number = number or self.number
            if self.number is None or form != self.form:
                try:
                    opened = None if self.number is None else self.form
                    self.number = save_draft(app, by, self.number, form, opened)
                except ChangedMeanwhile as error:
                    self.number = self._part(app, by, form, error)
                saved = open_draft(app, by, self.number)
                self.form, self.saved_at = form, saved.saved_at if saved else None
            return self.number

    def register(self, app: Application, by: CurrentOperator, form: RegistrationForm) -> int | None:
        """Make it a registration; None when it had become another's, and what stands here is kept as a draft.

        Raises ``InvalidInput`` with the field when the form cannot be used.
        """
        with self.lock:
            try:
                self.number = register(app, by, self.number, form, self.form)
            except ChangedMeanwhile as error:
                self.number, self.form = self._part(app, by, form, error), form
                return None
            self.registered = True
            return self.number

    def discard(self, app: Application, by: CurrentOperator) -> None:
        """Throw it away, unless somebody else has made something of it. Raises ``NotFound``, ``ChangedMeanwhile``."""
        if self.number is not None:
            discard_draft(app, by, self.number, self.form)

    def _part(
        self, app: Application, by: CurrentOperator, form: RegistrationForm, error: ChangedMeanwhile
    ) -> int:
        """Leave the draft to whoever changed it, and keep what is typed here as another."""
        self.left.add(self.number or 0)
        self.said = error.message + " " + _("What stands here is kept as a draft of its own: look at both.")
        return save_draft(app, by, None, form)


def take_up(app: Application, by: CurrentOperator) -> Draft | None:
    """The draft named in the address; without one the form begins empty. Puts it into the fields.

    What is being typed is never overwritten by what was kept a moment before.
    """
    asked = number_in_address()
    draft = open_draft(app, by, asked) if asked is not None else None
    opens = f"{PLACE}_name" not in st.session_state or _MADE not in st.session_state
    if opens or asked not in {None, made().number, *made().left}:
        one = OneDraft(draft.id, draft.form, draft.saved_at) if draft is not None else OneDraft()
        st.session_state[_MADE] = one
        st.session_state.pop("register_tried", None)
        form_fields.fill(PLACE, one.form, overwrite=True)
    form_fields.fill(PLACE, made().form)
    return draft


def made() -> OneDraft:
    """The draft of this tab."""
    one: OneDraft = st.session_state[_MADE]
    return one


def stands_here() -> bool:
    """Whether what stands in the fields is no registration yet, whatever became of the draft in the address."""
    one = made()
    with one.lock:
        return number_in_address() in {None, one.number, *one.left} and not one.registered


def keep(app: Application, by: CurrentOperator) -> OneDraft:
    """Save what the fields hold when it changed; returns the draft as this tab knows it."""
    one = made()
    if form_fields.read(PLACE) != one.form:
        with one.lock:
            # A run that was overtaken ends here, and cannot save over the next one.
            one.save(app, by, one.number, form_fields.read(PLACE))
    if one.number is not None and number_in_address() != one.number:
        st.query_params.from_dict({"id": str(one.number)})
    return one


def start_afresh(app: Application, by: CurrentOperator) -> NoReturn:
    """Throw the draft away and empty the fields. Raises ``NotFound``, ``ChangedMeanwhile``."""
    made().discard(app, by)
    begin_another()


def begin_another() -> NoReturn:
    """Leave the draft where it is, in the table, and empty the fields for the next customer."""
    st.query_params.clear()
    for name in form_fields.FIELDS:
        st.session_state.pop(f"{PLACE}_{name}", None)
    st.session_state.pop(_MADE, None)
    st.rerun()
