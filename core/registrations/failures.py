"""A failure at Exact is written down with the registration that it befell; the last success stays as it was."""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.orm import Session

from core import clock
from core.application import Application
from core.exact.errors import ExactError
from core.registrations.incidents import note_failure
from core.registrations.locking import find_with_login
from core.registrations.settle import settle, settle_grant
from core.storage.models import Administration, Registration


def record_failure(app: Application, registration_id: int, error: ExactError) -> None:
    """Keep a failure at Exact with its registration; the last success stays as it was."""
    with app.database.transaction() as session:
        write_failure(session, app, find_with_login(session, registration_id), error)


def forget_failures(session: Session, row: Registration) -> None:
    """A new life begins: what failed in the one before is no trouble of this one. Flushes; to be settled afterwards."""
    row.last_failure_at = row.last_failure_kind = row.last_failure_message = None
    row.next_check_at = None  # settling sets it anew, for soon
    nothing = {"last_failure_at": None, "last_failure_kind": None, "last_failure_message": None}
    session.flush()
    session.execute(
        update(Administration)
        .where(Administration.registration_id == row.id)
        .values(**nothing)
        .execution_options(synchronize_session="fetch")
    )


def write_failure(session: Session, app: Application, row: Registration, error: ExactError) -> None:
    """The same within a transaction that has locked all who hang on the login (``find_with_login``)."""
    now = clock.now()
    row.last_checked_at = row.last_failure_at = now
    row.last_failure_kind = error.kind
    row.last_failure_message = error.exact_message
    settle(session, app.settings, row, now)
    if row.grant_id is not None:
        settle_grant(session, app.settings, row.grant_id, now)
    note_failure(session, app.settings, row, error.kind, now)
