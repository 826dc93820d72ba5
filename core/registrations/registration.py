"""One registration as its page shows it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from core import clock
from core.accounts.roles import Action, CurrentOperator, require
from core.application import Application
from core.registrations.administrations import view_administrations
from core.registrations.asking import DENIED, FAILED, parts
from core.registrations.check_facts import check_view
from core.registrations.customer_links import open_link
from core.registrations.facts import asking_of
from core.registrations.grants import grant_view
from core.registrations.next_action import ActionFacts, next_action
from core.registrations.reading_places import reading_view
from core.registrations.scope import look_at, visible
from core.registrations.status import Status
from core.registrations.views import RegistrationView
from core.registrations.wording import reason_sentence
from core.storage.models import Grant, Operator, Registration


def registration(app: Application, by: CurrentOperator, registration_id: int) -> RegistrationView:
    """Everything about one registration. Raises ``NotFound``."""
    require(by, Action.VIEW)
    with app.database.read() as session:
        row = look_at(session, app, by, registration_id)
        return _view(session, app, row, visible(app.settings, by))


def _view(
    session: Session, app: Application, row: Registration, seen: tuple[ColumnElement[bool], ...]
) -> RegistrationView:
    names = _operator_names(session, row)
    return RegistrationView(
        id=row.id,
        name=row.name,
        environment=row.environment,
        active=row.active,
        reference=row.reference,
        owner_id=row.owner_id,
        owner_name=names.get(row.owner_id, ""),
        note=row.note,
        created_at=row.created_at,
        created_by_name=names.get(row.created_by, ""),
        submitted_at=row.submitted_at,
        completed_at=row.completed_at,
        disconnected_at=row.disconnected_at,
        last_checked_at=row.last_checked_at,
        last_success_at=row.last_success_at,
        last_failure_at=row.last_failure_at,
        last_failure_kind=row.last_failure_kind,
        last_failure_message=row.last_failure_message,
        status=Status(row.status),
        status_sentence=reason_sentence(row.status_reason, row.last_failure_message or ""),
        action=next_action(
            ActionFacts.of(
                row.status, row.status_reason, row.last_failure_message, row.lapses_at, clock.now()
            )
        ),
        answered_at=_answered_at(session, row),
        lapses_at=row.lapses_at,
        grant=grant_view(session, app.settings, row.grant_id, row.id, seen),
        check=check_view(session, app, row),
        candidate=grant_view(session, app.settings, row.candidate_grant_id, row.id, seen),
        link=open_link(session, row.id),
        administrations=view_administrations(session, row, seen),
        reading=reading_view(session, row),
    )


def _answered_at(session: Session, row: Registration) -> datetime | None:
    if parts(row.status_reason)[1] not in FAILED | {DENIED}:
        return None
    return asking_of(session, row, session.get(Grant, row.grant_id) if row.grant_id else None).answered_at


def _operator_names(session: Session, row: Registration) -> dict[int | None, str]:
    wanted = [number for number in (row.owner_id, row.created_by) if number is not None]
    query = select(Operator.id, Operator.name).where(Operator.id.in_(wanted))
    return dict(session.execute(query).all())
