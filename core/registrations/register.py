"""Register a customer, change the registration, pause it, disconnect it, delete it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core import clock
from core.accounts.confirming import require_fresh
from core.accounts.operators import active_operators
from core.accounts.roles import Action, CurrentOperator, require
from core.application import Application
from core.audit.events import Event
from core.errors import InvalidInput
from core.i18n import _
from core.registrations import link_claims
from core.registrations.drafts import check_opened, write_form
from core.registrations.failures import forget_failures
from core.registrations.form_checks import check_form, name_taken
from core.registrations.grants import release_grant
from core.registrations.names import NameMatch, compare_names
from core.registrations.noting import note
from core.registrations.scope import find_for, look_at
from core.registrations.seen import (
    Seen,
    check_customer,
    check_login,
    check_unchanged,
    form_of,
    with_news,
)
from core.registrations.settle import forget, settle
from core.registrations.timeline import write
from core.registrations.unsaved import forget_saved
from core.registrations.views import RegistrationForm
from core.registrations.withdrawing import forget_answers, withdraw_attempts
from core.registrations.wording import FIELDS
from core.storage.models import Administration, Registration

__all__ = [
    "check_form", "delete", "disconnect", "edit", "register", "set_active", "set_owner",
]  # fmt: skip

_OF_THE_CONNECTION = ("name", "environment", "active")


def register(
    app: Application,
    by: CurrentOperator,
    draft_id: int | None,
    form: RegistrationForm,
    opened: RegistrationForm | None = None,
) -> int:
    """Make the draft (or the form alone) a registration and return its number; twice is once.

    ``opened`` is what the screen believes the draft to hold. Raises ``InvalidInput`` with the field when the form
    cannot be used, ``ChangedMeanwhile`` when the draft is another's by now.
    """
    require(by, Action.REGISTER)
    already = _registered_from(app, draft_id, form)
    if already is not None:
        return already
    _refuse(check_form(app, form, draft_id))
    try:
        with app.database.transaction() as session:
            return _submit(session, app, by, draft_id, form, opened=opened)
    except IntegrityError:
        raise InvalidInput(name_taken(form.name), "name") from None


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
    What would undo that, or land on another customer, raises ``ChangedMeanwhile``.
    """
    require(by, Action.EDIT_NOTE)
    # First of all: what is wrong with a form tells which names are taken, and by whom is not for everybody.
    with app.database.read() as session:
        row = look_at(session, app, by, registration_id)
        _changed_by(by, row, with_news(form_of(row), form, opened))
        check_unchanged(row, form, opened)
    _refuse(_without_unchanged_environment(app, registration_id, form))
    try:
        with app.database.transaction() as session:
            row = find_for(session, app, by, registration_id)
            check_unchanged(row, form, opened)
            form = with_news(form_of(row), form, opened)
            changed = _changed_by(by, row, form)
            before = row.name
            write_form(session, app, row, form)
            if compare_names(before, row.name) is NameMatch.DIFFERENT:
                _end_attempts_for(session, by, row)
            _record_edit(session, app, by, row, changed)
            forget_saved(session, by, row.id, "details")
    except IntegrityError:
        raise InvalidInput(name_taken(form.name), "name") from None


def set_active(
    app: Application, by: CurrentOperator, registration_id: int, active: bool, seen: Seen | None = None
) -> None:
    """Set the connection setting: active, or paused. Raises ``ChangedMeanwhile``, see ``core.registrations.seen``."""
    require(by, Action.REGISTER)
    with app.database.transaction() as session:
        row = find_for(session, app, by, registration_id)
        check_customer(row, seen)
        if row.active == active:
            return
        row.active = active
        row.updated_at = clock.now()
        write(session, row.id, by.name, "activated" if active else "paused")
        note(session, Event.REGISTRATION_ACTIVATED if active else Event.REGISTRATION_PAUSED, by, row)
        settle(session, app.settings, row, clock.now())


def set_owner(
    app: Application,
    by: CurrentOperator,
    registration_id: int,
    owner_id: int | None,
    seen: Seen | None = None,
) -> None:
    """Give it to another account manager, or to nobody. Raises ``InvalidInput`` for somebody who is not here,
    ``ChangedMeanwhile``."""
    require(by, Action.EDIT_NOTE)
    if owner_id is not None and owner_id not in dict(active_operators(app)):
        raise InvalidInput(_("This operator is not active. Choose somebody else."), "owner_id")
    with app.database.transaction() as session:
        row = find_for(session, app, by, registration_id)
        check_customer(row, seen)
        if row.owner_id != owner_id:
            row.owner_id = owner_id
            _record_edit(session, app, by, row, ["owner_id"])


def disconnect(app: Application, by: CurrentOperator, registration_id: int, seen: Seen | None = None) -> None:
    """Delete our keys to this customer's bookkeeping and let go of its administrations.

    A grant that other registrations hang on is kept for them (design.md, section 3).
    Raises ``ConfirmationNeeded``, ``ChangedMeanwhile``.
    """
    require(by, Action.DISCONNECT)
    now = clock.now()
    with app.database.transaction() as session:
        row = find_for(session, app, by, registration_id)
        check_login(row, seen)
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


def delete(app: Application, by: CurrentOperator, registration_id: int, seen: Seen | None = None) -> None:
    """Delete the registration with its administrations, timeline, and our keys if nobody else uses them.

    Raises ``ChangedMeanwhile``, and ``ConfirmationNeeded``, but not for a draft: there is nothing in it yet.
    """
    require(by, Action.DELETE)
    with app.database.transaction() as session:
        row = find_for(session, app, by, registration_id)
        check_customer(row, seen)
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
    session: Session,
    app: Application,
    by: CurrentOperator,
    draft_id: int | None,
    form: RegistrationForm,
    *,
    opened: RegistrationForm | None,
) -> int:
    now = clock.now()
    row = session.get(Registration, draft_id, with_for_update=True) if draft_id is not None else None
    if row is not None and row.submitted_at is not None:
        check_customer(row, Seen(form.name, form.environment))
        return row.id
    if draft_id is not None:
        check_opened(row, opened)
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


def _registered_from(app: Application, draft_id: int | None, form: RegistrationForm) -> int | None:
    """The number again, when a double click comes with a draft that has been registered already.

    Raises ``ChangedMeanwhile`` when it was registered for another customer.
    """
    if draft_id is None:
        return None
    with app.database.read() as session:
        row = session.get(Registration, draft_id)
        if row is None or row.submitted_at is None:
            return None
        check_customer(row, Seen(form.name, form.environment))
        return row.id


def _end_attempts_for(session: Session, by: CurrentOperator, row: Registration) -> None:
    """It has become another customer's: whoever was asked before would consent into that."""
    now = clock.now()
    if link_claims.withdraw(session, row.id, now):
        write(session, row.id, by.name, "link_revoked")
        note(session, Event.CUSTOMER_LINK_REVOKED, by, row)
    withdraw_attempts(session, row.id, now)
    forget_answers(session, row.id)


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


def _refuse(wrong: dict[str, str]) -> None:
    for field, sentence in wrong.items():
        raise InvalidInput(sentence, field)
