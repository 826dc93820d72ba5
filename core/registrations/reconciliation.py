"""The two lists of one registration, read from what is stored."""

from __future__ import annotations

from sqlalchemy import select

from core.accounts.roles import Action, CurrentOperator, require
from core.application import Application
from core.registrations.linked_elsewhere import unseen_elsewhere
from core.registrations.reconcile import Reconciliation, Side, reconcile
from core.registrations.scope import look_at, visible
from core.storage.models import Administration


def reconciliation(app: Application, by: CurrentOperator, registration_id: int) -> Reconciliation:
    """What the Exact user sees, what is permitted to us and what is linked here, as of the last reading."""
    require(by, Action.VIEW)
    query = (
        select(Administration)
        .where(Administration.registration_id == registration_id)
        .order_by(Administration.name_key, Administration.code)
    )
    with app.database.read() as session:
        registration = look_at(session, app, by, registration_id)
        rows = session.scalars(query).all()
        # The login may be an accountant's: the books of customers whom the reader may not see are not told of.
        hidden = unseen_elsewhere(
            session, registration, [row.code for row in rows], visible(app.settings, by)
        )
        return reconcile([_side(row) for row in rows if row.code not in hidden])


def _side(row: Administration) -> Side:
    return Side(
        code=row.code,
        name=row.name,
        user_sees=True if row.permitted else row.user_sees,
        permitted=row.permitted,
        linked=row.linked,
        exact_status=row.exact_status,
        blocking_status=row.blocking_status,
        last_success_at=row.last_success_at,
        last_failure_at=row.last_failure_at,
        last_failure_kind=row.last_failure_kind,
        found_at=row.found_at,
        linked_at=row.linked_at,
    )
