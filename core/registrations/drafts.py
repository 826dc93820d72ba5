"""A registration as it is being typed: kept on the server, so that a reload or a new sign-in loses nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock
from core.accounts.roles import Action, CurrentOperator, require
from core.application import Application
from core.audit.events import Event
from core.errors import NotFound
from core.exact.environments import ENVIRONMENTS
from core.i18n import _
from core.registrations.names import NAME_LENGTH, clean_name, name_key
from core.registrations.noting import note
from core.registrations.settle import forget, settle
from core.registrations.views import RegistrationForm
from core.registrations.withdrawing import change_environment
from core.storage.models import Operator, Registration

REFERENCE_LENGTH = 50
NOTE_LENGTH = 2000


@dataclass(frozen=True)
class Draft:
    """What was typed so far, and when it was kept."""

    id: int
    form: RegistrationForm
    saved_at: datetime


def open_draft(app: Application, by: CurrentOperator, draft_id: int | None = None) -> Draft | None:
    """A draft by its number, or the operator's own latest one; None where there is none."""
    require(by, Action.REGISTER)
    query = select(Registration).where(Registration.submitted_at.is_(None))
    if draft_id is not None:
        query = query.where(Registration.id == draft_id)
    else:
        query = (
            query.where(Registration.created_by == by.id).order_by(Registration.updated_at.desc()).limit(1)
        )
    with app.database.read() as session:
        row = session.scalar(query)
        return None if row is None else Draft(row.id, _form(row), row.updated_at)


def save_draft(app: Application, by: CurrentOperator, draft_id: int | None, form: RegistrationForm) -> int:
    """Keep what was typed, whatever it is (cut to what fits); returns the draft's number."""
    require(by, Action.REGISTER)
    now = clock.now()
    with app.database.transaction() as session:
        row = _find(session, draft_id) if draft_id is not None else None
        begun = row is None
        if row is None:
            row = Registration(created_by=by.id, created_at=now, administrations_linked=0, status="")
        write_form(session, app, row, form)
        session.add(row)
        row.updated_at = now
        if begun:  # what is typed further into it is no new fact
            session.flush()
            note(session, Event.DRAFT_BEGUN, by, row)
        settle(session, app.settings, row, now)
        return row.id


def discard_draft(app: Application, by: CurrentOperator, draft_id: int) -> None:
    """Throw a draft away. Raises ``NotFound`` when it is none, or no longer one."""
    require(by, Action.REGISTER)
    with app.database.transaction() as session:
        row = _find(session, draft_id)
        if row is None:
            raise NotFound(_("This draft is no longer there."))
        note(session, Event.DRAFT_DISCARDED, by, row)
        forget(session, row)
        session.delete(row)


def write_form(session: Session, app: Application, row: Registration, form: RegistrationForm) -> None:
    """Put the fields of a form into a row, cleaned and cut to their length. Raises as ``change_environment``."""
    row.name = clean_name(form.name)[:NAME_LENGTH]
    row.name_key = name_key(row.name)[: NAME_LENGTH * 2]
    change_environment(session, app, row, form.environment if form.environment in ENVIRONMENTS else "")
    row.active = form.active
    row.reference = clean_name(form.reference)[:REFERENCE_LENGTH]
    # PostgreSQL keeps no NUL; a socket may send one.
    row.note = form.note.replace("\x00", "").strip()[:NOTE_LENGTH]
    known = form.owner_id is not None and session.get(Operator, form.owner_id) is not None
    row.owner_id = form.owner_id if known else None


def _find(session: Session, draft_id: int) -> Registration | None:
    query = select(Registration).where(Registration.id == draft_id, Registration.submitted_at.is_(None))
    return session.scalar(query.with_for_update())


def _form(row: Registration) -> RegistrationForm:
    return RegistrationForm(
        name=row.name,
        environment=row.environment,
        active=row.active,
        reference=row.reference,
        owner_id=row.owner_id,
        note=row.note,
    )
