"""Editing the details in a window. What is typed and not saved is kept, and here again when it opens the next time."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from core.accounts.roles import Action, CurrentOperator
from core.application import Application, application
from core.errors import ChangedMeanwhile, InvalidInput
from core.i18n import _
from core.registrations.form_checks import registered_as
from core.registrations.register import edit
from core.registrations.registration import registration
from core.registrations.scope import only_owner
from core.registrations.seen import with_news
from core.registrations.unsaved import forget, keep_details, kept_details
from core.registrations.views import RegistrationForm, RegistrationView
from core.registrations.wording import moment
from dashboard import registration_form, signin
from dashboard.already_registered import draw_link
from dashboard.feedback import attempt, flash
from dashboard.markdown import plain
from dashboard.navigation import switch_to


@dataclass
class _Editing:
    """A window with the form: what it held when it was opened, or when it was last compared with what is stored."""

    number: int
    opened: RegistrationForm
    note: str = ""
    """Why what stands in the fields is not what is stored."""
    fresh: RegistrationForm | None = None
    """What to put into the fields before they are drawn again."""
    kept: RegistrationForm | None = None

    @property
    def place(self) -> str:
        return f"edit_{self.number}"


def edit_details(view: RegistrationView) -> None:
    """Open the form with what is there; account managers change reference, owner and note."""
    app, by = application(), signin.current()
    editing = _begin(app, by, view)

    @st.dialog(_("Edit details"), width="medium", icon=":material/edit:")
    def dialog() -> None:
        by = signin.current()
        if editing.fresh is not None:
            registration_form.fill(editing.place, editing.fresh, overwrite=True)
            editing.fresh = None
        if editing.note:
            st.warning(plain(editing.note), icon=":material/history:")
            if st.button(_("Throw away what was not saved"), key=f"{editing.place}_forget"):
                _start_again(app, by, editing)
        places = registration_form.draw(
            app,
            editing.place,
            in_force=editing.opened,
            connection=by.may(Action.REGISTER),
            environment=view.grant is None,
        )
        form = registration_form.read(editing.place)
        _keep(app, by, editing, form)
        if st.button(
            _("Save all changes"), key=f"{editing.place}_save", type="primary", icon=":material/save:"
        ):
            with attempt():
                _save(app, by, editing, form, places)

    dialog()


def _begin(app: Application, by: CurrentOperator, view: RegistrationView) -> _Editing:
    """What is stored, with what was typed the last time and not saved."""
    now, kept = form_of(view), kept_details(app, by, view.id)
    if kept is None:
        editing = _Editing(view.id, now)
        registration_form.fill(editing.place, now, overwrite=True)
        return editing
    note = _("You typed this on {at} and did not save it.").format(at=moment(kept.kept_at))
    editing = _Editing(view.id, kept.opened, note, kept=kept.form)
    registration_form.fill(editing.place, with_news(now, kept.form, kept.opened), overwrite=True)
    return editing


def _keep(app: Application, by: CurrentOperator, editing: _Editing, form: RegistrationForm) -> None:
    if form != (editing.kept or editing.opened):
        with attempt():
            keep_details(app, by, editing.number, form, editing.opened)
            editing.kept = form


def _save(
    app: Application,
    by: CurrentOperator,
    editing: _Editing,
    form: RegistrationForm,
    places: registration_form.ErrorPlaces,
) -> None:
    try:
        edit(app, by, editing.number, form, editing.opened)
    except InvalidInput as error:
        places.show({error.field: error.message})
        other = registered_as(app, by, form, editing.number) if error.field == "name" else None
        if other is not None:
            with places.way_out("name"):
                draw_link(other, form.name)
        return
    except ChangedMeanwhile as error:
        _compare(app, by, editing, form, error)
    if only_owner(app.settings, by) not in {None, form.owner_id}:
        said = _("{name} has another owner now, and is no longer among yours.").format(name=plain(form.name))
        flash(said)
        switch_to("registrations")
    flash(_("The details have been saved."))
    st.rerun()


def _compare(
    app: Application,
    by: CurrentOperator,
    editing: _Editing,
    form: RegistrationForm,
    error: ChangedMeanwhile,
) -> None:
    """Show what is stored now beside what was typed: the next click saves over it, knowingly."""
    now = form_of(registration(app, by, editing.number))
    editing.fresh, editing.opened = with_news(now, form, editing.opened), now
    keep_details(app, by, editing.number, editing.fresh, now)
    editing.kept = editing.fresh
    editing.note = error.message + " " + _("What you typed still stands here and is not saved.")
    st.rerun(scope="fragment")


def _start_again(app: Application, by: CurrentOperator, editing: _Editing) -> None:
    forget(app, by, editing.number, "details")
    editing.opened = editing.fresh = form_of(registration(app, by, editing.number))
    editing.note, editing.kept = "", None
    st.rerun(scope="fragment")


def form_of(view: RegistrationView) -> RegistrationForm:
    """The details of a registration, as the form shows them."""
    return RegistrationForm(
        name=view.name,
        environment=view.environment,
        active=view.active,
        reference=view.reference,
        owner_id=view.owner_id,
        note=view.note,
    )
