"""What is wrong with the form of a registration, field by field."""

from __future__ import annotations

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from core.accounts.roles import Action, CurrentOperator, require
from core.application import Application
from core.exact.environments import available
from core.i18n import _
from core.registrations.names import NAME_LENGTH, clean_name, name_key
from core.registrations.scope import visible
from core.registrations.seen import NOTE_LENGTH, REFERENCE_LENGTH
from core.registrations.views import RegistrationForm
from core.storage.models import Registration


def check_form(
    app: Application, form: RegistrationForm, registration_id: int | None = None
) -> dict[str, str]:
    """What is wrong with a form: field to sentence, in the order of the screen. Empty when all is well."""
    wrong = {
        "name": _wrong_name(clean_name(form.name)),
        "environment": _wrong_environment(app, form.environment),
        "reference": _too_long(form.reference, REFERENCE_LENGTH),
        "note": _too_long(form.note, NOTE_LENGTH),
    }
    if not wrong["name"] and not wrong["environment"]:
        with app.database.read() as session:
            wrong["name"] = _taken(session, form, registration_id)
    return {field: sentence for field, sentence in wrong.items() if sentence}


def registered_as(
    app: Application, by: CurrentOperator, form: RegistrationForm, beside: int | None = None
) -> int | None:
    """The registration that bears the form's name in its environment already, another than ``beside``.

    None when there is none, or when ``by`` may not see it.
    """
    require(by, Action.VIEW)
    with app.database.read() as session:
        return session.scalar(_same_name(form, beside).where(*visible(app.settings, by)))


def _wrong_name(name: str) -> str:
    if not name:
        return _("Type the customer's name, for example Test B.V.")
    return _too_long(name, NAME_LENGTH)


def _wrong_environment(app: Application, environment: str) -> str:
    if not environment:
        return _("Choose the Exact Online environment: the country of the customer's bookkeeping.")
    return available(app.settings, environment)


def _too_long(text: str, limit: int) -> str:
    if len(text.strip()) <= limit:
        return ""
    return _("This is {length} characters long; at most {limit} fit.").format(
        length=len(text.strip()), limit=limit
    )


def _taken(session: Session, form: RegistrationForm, registration_id: int | None) -> str:
    return "" if session.scalar(_same_name(form, registration_id)) is None else name_taken(form.name)


def _same_name(form: RegistrationForm, registration_id: int | None) -> Select[int]:
    return select(Registration.id).where(
        Registration.environment == form.environment,
        Registration.name_key == name_key(form.name),
        Registration.submitted_at.is_not(None),
        Registration.id != (registration_id or 0),
    )


def name_taken(name: str) -> str:
    """The sentence under a name that another registration bears."""
    return _(
        "{name} is already registered in this environment. Choose another name, or open the one that is there."
    ).format(name=clean_name(name))
