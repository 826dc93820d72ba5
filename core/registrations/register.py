"""Register a customer, change the registration, pause it, disconnect it, delete it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core import clock
from core.accounts.confirming import require_fresh
from core.accounts.operators import active_operators
from core.accounts.roles import Action, CurrentOperator, require
from core.application import Application
from core.audit.events import Event
from core.errors import InvalidInput
from core.exact.environments import available
from core.i18n import _
from core.registrations import link_claims
from core.registrations.drafts import NOTE_LENGTH, REFERENCE_LENGTH, write_form
from core.registrations.failures import forget_failures
from core.registrations.grants import release_grant
from core.registrations.names import NAME_LENGTH, clean_name, name_key
from core.registrations.noting import note
from core.registrations.scope import find_for, look_at
from core.registrations.settle import forget, settle
from core.registrations.timeline import write
from core.registrations.views import RegistrationForm
from core.registrations.withdrawing import withdraw_attempts
from core.registrations.wording import FIELDS
from core.storage.models import Administration, Registration

_OF_THE_CONNECTION = ("name", "environment", "active")


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


def register(app: Application, by: CurrentOperator, draft_id: int | None, form: RegistrationForm) -> int:
    """Make the draft (or the form alone) a registration and return its number; twice is once.

    Raises ``InvalidInput`` with the field when the form cannot be used.
    """
    require(by, Action.REGISTER)
    already = _registered_from(app, draft_id)
    if already is not None:
        return already
    _refuse(check_form(app, form, draft_id))
    try:
        with app.database.transaction() as session:
            return _submit(session, app, by, draft_id, form)
    except IntegrityError:
        raise InvalidInput(_name_taken(form.name), "name") from None


def edit(
    app: Application,
    by: CurrentOperator,
    registration_id: int,
    form: RegistrationForm,
    opened: RegistrationForm | None = None,
) -> None:
    """Change the details. Account managers change note, reference and owner; the environment is fixed once
    consent was given. Raises ``InvalidInput`` with the field, ``NotAllowed``, ``NotFound``.

    ``opened`` is the form as it was when it was opened: a field left as it was keeps what somebody else saved since.
    """
    require(by, Action.EDIT_NOTE)
    # First of all: what is wrong with a form tells which names are taken, and by whom is not for everybody.
    with app.database.read() as session:
        row = look_at(session, app, by, registration_id)
        _changed_by(by, row, _with_news(row, form, opened))
    _refuse(_without_unchanged_environment(app, registration_id, form))
    try:
        with app.database.transaction() as session:
            row = find_for(session, app, by, registration_id)
            form = _with_news(row, form, opened)
            changed = _changed_by(by, row, form)
            write_form(session, app, row, form)
            _record_edit(session, app, by, row, changed)
    except IntegrityError:
        raise InvalidInput(_name_taken(form.name), "name") from None


def set_active(app: Application, by: CurrentOperator, registration_id: int, active: bool) -> None:
    """Set the connection setting: active, or paused."""
    require(by, Action.REGISTER)
    with app.database.transaction() as session:
        row = find_for(session, app, by, registration_id)
        if row.active == active:
            return
        row.active = active
        row.updated_at = clock.now()
        write(session, row.id, by.name, "activated" if active else "paused")
        note(session, Event.REGISTRATION_ACTIVATED if active else Event.REGISTRATION_PAUSED, by, row)
        settle(session, app.settings, row, clock.now())


def set_owner(app: Application, by: CurrentOperator, registration_id: int, owner_id: int | None) -> None:
    """Give it to another account manager, or to nobody. Raises ``InvalidInput`` for somebody who is not here."""
    require(by, Action.EDIT_NOTE)
    if owner_id is not None and owner_id not in dict(active_operators(app)):
        raise InvalidInput(_("This operator is not active. Choose somebody else."), "owner_id")
    with app.database.transaction() as session:
        row = find_for(session, app, by, registration_id)
        if row.owner_id != owner_id:
            row.owner_id = owner_id
            _record_edit(session, app, by, row, ["owner_id"])


def disconnect(app: Application, by: CurrentOperator, registration_id: int) -> None:
    """Delete our keys to this customer's bookkeeping and let go of its administrations.

    A grant that other registrations hang on is kept for them (design.md, section 3). Raises ``ConfirmationNeeded``.
    """
    require(by, Action.DISCONNECT)
    now = clock.now()
    with app.database.transaction() as session:
        row = find_for(session, app, by, registration_id)
        require_fresh(session, app.settings, by, Action.DISCONNECT)
        _let_go(session, app, row, now)
        session.execute(
            update(Administration)
            .where(Administration.registration_id == row.id)
            .values(linked=False, linked_at=None)
        )
        forget_failures(session, row)
        row.disconnected_at = now
        row.completed_at = None
        row.updated_at = now
        write(session, row.id, by.name, "disconnected")
        note(session, Event.REGISTRATION_DISCONNECTED, by, row)
        settle(session, app.settings, row, now)


def delete(app: Application, by: CurrentOperator, registration_id: int) -> None:
    """Delete the registration with its administrations, timeline, and our keys if nobody else uses them.

    Raises ``ConfirmationNeeded``, but not for a draft: there is nothing in it yet.
    """
    require(by, Action.DELETE)
    with app.database.transaction() as session:
        row = find_for(session, app, by, registration_id)
        if row.submitted_at is not None:
            require_fresh(session, app.settings, by, Action.DELETE)
        _let_go(session, app, row, clock.now())
        note(session, Event.REGISTRATION_DELETED, by, row)
        forget(session, row)
        session.delete(row)


def _changed_by(by: CurrentOperator, row: Registration, form: RegistrationForm) -> list[str]:
    """The fields that a form changes; raises ``NotAllowed`` when one of them is not for ``by`` to change."""
    changed = [field for field in FIELDS if getattr(form, field) != getattr(row, field)]
    if any(field in _OF_THE_CONNECTION for field in changed):
        require(by, Action.REGISTER)
    return changed


def _submit(
    session: Session, app: Application, by: CurrentOperator, draft_id: int | None, form: RegistrationForm
) -> int:
    now = clock.now()
    row = session.get(Registration, draft_id, with_for_update=True) if draft_id is not None else None
    if row is not None and row.submitted_at is not None:
        return row.id
    if row is None:
        row = Registration(created_by=by.id, created_at=now, administrations_linked=0, status="")
    write_form(session, app, row, form)
    session.add(row)
    row.submitted_at = now
    row.updated_at = now
    session.flush()
    write(session, row.id, by.name, "registered", name=row.name)
    note(session, Event.REGISTRATION_CREATED, by, row)
    settle(session, app.settings, row, now)
    return row.id


def _registered_from(app: Application, draft_id: int | None) -> int | None:
    """The number again, when a double click comes with a draft that has been registered already."""
    if draft_id is None:
        return None
    with app.database.read() as session:
        row = session.get(Registration, draft_id)
        return row.id if row is not None and row.submitted_at is not None else None


def _let_go(session: Session, app: Application, row: Registration, now: datetime) -> None:
    """Close what is open at Exact and drop the grants that nobody else uses."""
    link_claims.withdraw(session, row.id, now)
    withdraw_attempts(session, row.id, now)
    grants = {row.grant_id, row.candidate_grant_id} - {None}
    row.grant_id = row.candidate_grant_id = None
    session.flush()
    for grant_id in grants:
        release_grant(session, app, str(grant_id))


def _record_edit(
    session: Session, app: Application, by: CurrentOperator, row: Registration, changed: list[str]
) -> None:
    if not changed:
        return
    row.updated_at = clock.now()
    write(session, row.id, by.name, "edited", fields=changed)
    note(session, Event.REGISTRATION_EDITED, by, row, detail=" ".join(changed))
    settle(session, app.settings, row, row.updated_at)


def _without_unchanged_environment(
    app: Application, registration_id: int, form: RegistrationForm
) -> dict[str, str]:
    """An environment that has become unavailable is no reason to refuse a change of the note."""
    wrong = check_form(app, form, registration_id)
    with app.database.read() as session:
        row = session.get(Registration, registration_id)
        if row is not None and row.environment == form.environment:
            wrong.pop("environment", None)
    return wrong


def _with_news(
    row: Registration, form: RegistrationForm, opened: RegistrationForm | None
) -> RegistrationForm:
    if opened is None:
        return form
    untouched = [field for field in FIELDS if getattr(form, field) == getattr(opened, field)]
    return replace(form, **{field: getattr(row, field) for field in untouched})


def _refuse(wrong: dict[str, str]) -> None:
    for field, sentence in wrong.items():
        raise InvalidInput(sentence, field)


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
    query = select(Registration.id).where(
        Registration.environment == form.environment,
        Registration.name_key == name_key(form.name),
        Registration.submitted_at.is_not(None),
    )
    other = session.scalar(query.where(Registration.id != (registration_id or 0)))
    return "" if other is None else _name_taken(form.name)


def _name_taken(name: str) -> str:
    return _(
        "{name} is already registered in this environment. Choose another name, or open the one that is there."
    ).format(name=clean_name(name))
