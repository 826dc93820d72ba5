"""A registration as it is being typed: kept on the server, so that a reload or a new sign-in loses nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core import clock
from core.accounts.roles import Action, CurrentOperator, require
from core.application import Application
from core.audit.events import Event
from core.errors import NotFound
from core.i18n import _
from core.registrations.names import NAME_LENGTH, name_key
from core.registrations.noting import note
from core.registrations.seen import Seen, as_stored, changed, check_customer, form_of
from core.registrations.settle import forget, settle
from core.registrations.views import RegistrationForm
from core.registrations.withdrawing import change_environment
from core.storage.models import Operator, Registration


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
        return None if row is None else Draft(row.id, form_of(row), row.updated_at)


def unfinished_drafts(
    app: Application, by: CurrentOperator, beside: int | None = None
) -> tuple[int, int | None]:
    """How many drafts the operator has begun and not finished, ``beside`` one, and the number of the latest."""
    require(by, Action.VIEW)
    query = select(func.count(), func.max(Registration.id)).where(
        Registration.submitted_at.is_(None),
        Registration.created_by == by.id,
        Registration.id != (beside or 0),
    )
    with app.database.read() as session:
        count, latest = session.execute(query).one()
    return count, latest


def save_draft(
    app: Application,
    by: CurrentOperator,
    draft_id: int | None,
    form: RegistrationForm,
    opened: RegistrationForm | None = None,
) -> int:
    """Keep what was typed, whatever it is (cut to what fits); returns the draft's number.

    ``opened`` is what the screen believes the draft to hold: when it holds anything else, or is a draft no longer,
    nothing is saved. Raises ``ChangedMeanwhile``.
    """
    require(by, Action.REGISTER)
    now = clock.now()
    with app.database.transaction() as session:
        row = _find(session, draft_id) if draft_id is not None else None
        if draft_id is not None:
            check_opened(row, opened)
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


def discard_draft(
    app: Application, by: CurrentOperator, draft_id: int, opened: RegistrationForm | None = None
) -> None:
    """Throw a draft away. Raises ``NotFound`` when it is none, or no longer one, ``ChangedMeanwhile`` as above."""
    require(by, Action.REGISTER)
    with app.database.transaction() as session:
        row = _find(session, draft_id)
        if row is None:
            raise NotFound(_("This draft is no longer there."))
        check_opened(row, opened)
        note(session, Event.DRAFT_DISCARDED, by, row)
        forget(session, row)
        session.delete(row)


def write_form(session: Session, app: Application, row: Registration, form: RegistrationForm) -> None:
    """Put the fields of a form into a row, cleaned and cut to their length. Raises as ``change_environment``."""
    kept = as_stored(form, row.environment or "")
    row.name, row.name_key = kept.name, name_key(kept.name)[: NAME_LENGTH * 2]
    change_environment(session, app, row, kept.environment)
    row.active, row.reference, row.note = kept.active, kept.reference, kept.note
    known = form.owner_id is not None and session.get(Operator, form.owner_id) is not None
    row.owner_id = form.owner_id if known else None


def check_opened(row: Registration | None, opened: RegistrationForm | None) -> None:
    """Raise ``ChangedMeanwhile`` when a draft is not what the screen believes that it is."""
    if opened is None:
        return
    if row is None:
        raise changed(_("it is no draft any more"))
    check_customer(row, Seen(opened.name, opened.environment))
    if form_of(row) != as_stored(opened, row.environment):
        raise changed(_("somebody typed on in it"))


def _find(session: Session, draft_id: int) -> Registration | None:
    query = select(Registration).where(Registration.id == draft_id, Registration.submitted_at.is_(None))
    return session.scalar(query.with_for_update())
