"""A check of one registration at Exact: does everything still answer?"""

from __future__ import annotations

from sqlalchemy import select

from core import clock
from core.accounts.roles import Action, CurrentOperator, require
from core.application import Application
from core.exact.errors import ExactError, FailureKind
from core.registrations.administrations import read_from_exact, record_failure
from core.registrations.callback import identify_candidate
from core.registrations.register import find
from core.registrations.settle import settle
from core.registrations.status import OUTAGE_KINDS
from core.registrations.timeline import write
from core.storage.models import Administration, Registration
from core.tokens.rotation import access_token


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
