"""One registration as its page shows it, and a check of it at Exact."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock
from core.accounts.roles import Action, CurrentOperator, require
from core.application import Application
from core.errors import NotFound
from core.exact.errors import ExactError, FailureKind
from core.i18n import _
from core.registrations.administrations import read_from_exact, record_failure, view_administrations
from core.registrations.callback import identify_candidate
from core.registrations.customer_links import open_link
from core.registrations.grants import grant_view
from core.registrations.incidents import note_success
from core.registrations.register import find
from core.registrations.settle import settle
from core.registrations.status import OUTAGE_KINDS, Status
from core.registrations.timeline import write
from core.registrations.views import RegistrationView
from core.registrations.wording import reason_sentence
from core.storage.models import Administration, Operator, Registration
from core.tokens.rotation import access_token


def registration(app: Application, by: CurrentOperator, registration_id: int) -> RegistrationView:
    """Everything about one registration. Raises ``NotFound``."""
    require(by, Action.VIEW)
    with app.database.read() as session:
        row = session.get(Registration, registration_id)
        if row is None:
            raise NotFound(
                _("This registration is no longer there. Look for it in the table of registrations.")
            )
        return _view(session, app, row)


def check_now(app: Application, by: CurrentOperator, registration_id: int) -> None:
    """Ask Exact, now, whether everything of this registration still answers. Raises ``ExactError``."""
    require(by, Action.CHECK)
    error = check(app, registration_id, by.name)
    if error is not None:
        raise error


def check(app: Application, registration_id: int, actor: str) -> ExactError | None:
    """Me, the list of administrations, and one call in each linked one; the outcome is recorded.

    The failure is returned. Raises ``NotFound`` when there is no registration or no consent.
    """
    identify_candidate(app, registration_id)
    error = read_from_exact(app, registration_id, actor)
    failures: dict[int, FailureKind | None] = {}
    if error is None:
        failures, error = _probe(app, registration_id)
    if error is not None:
        if failures:
            record_failure(app, registration_id, error)
        with app.database.transaction() as session:
            write(session, registration_id, actor, "check_failed", failure=error.kind)
        return error
    _record(app, registration_id, actor, failures)
    return None


def _probe(app: Application, registration_id: int) -> tuple[dict[int, FailureKind | None], ExactError | None]:
    """One cheap call in each linked administration. A failure of Exact's own ends the round at once."""
    with app.database.read() as session:
        row = session.get_one(Registration, registration_id)
        grant_id, environment = str(row.grant_id), row.environment
        codes = session.scalars(
            select(Administration.code).where(
                Administration.registration_id == registration_id,
                Administration.linked,
                Administration.permitted,
            )
        ).all()
    token = access_token(app, grant_id)
    failures: dict[int, FailureKind | None] = {}
    for code in codes:
        try:
            app.exact.probe(environment, token, code)
            failures[code] = None
        except ExactError as error:
            failures[code] = error.kind
            if error.kind in OUTAGE_KINDS | {FailureKind.NOT_AUTHENTICATED, FailureKind.RATE_LIMITED}:
                return failures, error
    return failures, None


def _record(
    app: Application, registration_id: int, actor: str, failures: dict[int, FailureKind | None]
) -> None:
    now = clock.now()
    with app.database.transaction() as session:
        row = find(session, registration_id)
        linked = session.scalars(
            select(Administration).where(Administration.registration_id == row.id, Administration.linked)
        ).all()
        for administration in linked:
            kind = failures.get(administration.code)
            administration.last_failure_kind = kind
            if kind is None and administration.permitted:
                administration.last_success_at = now
        row.last_checked_at = row.last_success_at = now
        failing = sum(1 for a in linked if not a.permitted or a.last_failure_kind)
        write(session, row.id, actor, "checked", count=len(linked), failing=failing)
        settle(session, app.settings, row, now)
        note_success(session, app.settings, row, now)


def _view(session: Session, app: Application, row: Registration) -> RegistrationView:
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
        status_sentence=reason_sentence(row.status_reason),
        lapses_at=row.lapses_at,
        grant=grant_view(session, app.settings, row.grant_id, row.id),
        candidate=grant_view(session, app.settings, row.candidate_grant_id, row.id),
        link=open_link(session, row.id),
        administrations=view_administrations(session, row),
    )


def _operator_names(session: Session, row: Registration) -> dict[int | None, str]:
    wanted = [number for number in (row.owner_id, row.created_by) if number is not None]
    query = select(Operator.id, Operator.name).where(Operator.id.in_(wanted))
    return dict(session.execute(query).all())
