"""A key that is lost for good: what only it could open is let go of, and the customers concerned must connect again."""

from __future__ import annotations

from functools import partial

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from core import clock
from core.accounts.roles import Action, CurrentOperator, require
from core.application import Application
from core.audit.events import Event
from core.audit.record import record
from core.errors import InvalidInput
from core.exact.errors import FailureKind
from core.i18n import _
from core.registrations.locking import lock_registrations
from core.registrations.settle import settle_grant
from core.storage.database import afterwards
from core.storage.models import Grant
from core.tokens.facts import REFUSALS_TO_BE_SURE, SURE_AFTER
from core.tokens.grants import wipe_pair
from core.tokens.keys_in_use import list_keys
from core.tokens.sealed import SEALED, head_of
from core.tokens.vault import key_name

BATCH = 100


def forget_key(app: Application, by: CurrentOperator | None, name: str) -> int:
    """Delete what was encrypted with the key called ``name``, in the rows; how many secrets that were.

    ``by`` is None for whoever works on the command line without a name. Raises ``InvalidInput`` for a key that the
    settings have, or that nothing was encrypted with.
    """
    if by is not None:
        require(by, Action.ROTATE_KEYS)
    found = next((key for key in list_keys(app) if key.name == name), None)
    if found is None or found.set_up or not found.count:
        raise InvalidInput(_("No key that is missing is called “{name}”.").format(name=name))
    head = found.uses[0].head
    while _let_go_of_grants(app, head) == BATCH:
        pass
    with app.database.transaction() as session:
        for sealed in SEALED:
            for column in sealed.columns:
                # A row that is nothing without its secret goes with it: a second factor is set up anew.
                lost = (
                    update(sealed.model).values({column.key: None})
                    if sealed.table.c[column.key].nullable
                    else delete(sealed.model)
                )
                session.execute(
                    lost.where(head_of(column) == head).execution_options(synchronize_session=False)
                )
        detail = ", ".join(f"{use.place} {use.count}" for use in found.uses)
        record(session, Event.KEYS_FORGOTTEN, by, on=f"key {key_name(head)}", detail=detail, address="shell")
    return found.count


def _let_go_of_grants(app: Application, head: bytes) -> int:
    """A batch of logins whose refresh token cannot be opened: to everybody they are as if Exact had refused them."""
    lost = select(Grant.id).where(head_of(Grant.refresh_token) == head).order_by(Grant.id).limit(BATCH)
    with app.database.transaction() as session:
        numbers = session.scalars(lost).all()
        lock_registrations(session, grants=numbers)
        # Asked again under the lock: a customer may have consented anew meanwhile.
        still = select(Grant).where(Grant.id.in_(numbers), head_of(Grant.refresh_token) == head)
        rows = session.scalars(still.order_by(Grant.id).with_for_update()).all()
        for grant in rows:
            _let_go(session, app, grant)
        afterwards(session, partial(app.journal.forget, [grant.id for grant in rows]))
        return len(numbers)


def _let_go(session: Session, app: Application, grant: Grant) -> None:
    now = clock.now()
    wipe_pair(grant)
    grant.refusals, grant.refused_since = REFUSALS_TO_BE_SURE, now - SURE_AFTER
    grant.last_failure_at, grant.last_failure_kind = now, FailureKind.REFUSED.value
    grant.last_failure_message = "The encryption key that this consent was stored with is lost."
    session.flush()
    settle_grant(session, app.settings, grant.id, now)
