"""A fresh proof of who sits there, before what cannot be undone: an open screen is not enough.

A session is confirmed by a sign-in with a password, and again whenever the password is given. Use cases ask
``require_fresh``; a screen asks ``is_fresh`` to know whether it has to ask for the password as well.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core import clock
from core.accounts.roles import Action, CurrentOperator
from core.accounts.signing_in import confirm_password
from core.application import Application
from core.audit.events import Event
from core.audit.record import record
from core.errors import ConfirmationNeeded
from core.i18n import _
from core.settings import Settings
from core.storage.models import OperatorSession


def is_fresh(app: Application, by: CurrentOperator) -> bool:
    """Whether ``require_fresh`` would pass now."""
    with app.database.read() as session:
        return _is_fresh(session, app.settings, by)


def require_fresh(session: Session, settings: Settings, by: CurrentOperator, action: Action) -> None:
    """Raise ``ConfirmationNeeded`` when the session of ``by`` was not confirmed within CLICKKER_FRESH_MINUTES.

    Whoever works on the command line has no session, and may read the keys anyway.
    """
    if not _is_fresh(session, settings, by):
        message = _("For this we ask your password again. Nothing has been changed yet.")
        raise ConfirmationNeeded(message, by, action.value)


def confirm_by_password(
    app: Application, by: CurrentOperator, password: str, browser_token: str | None = None
) -> None:
    """Ask the operator's own password; the session is then confirmed.

    Raises what ``confirm_password`` raises.
    """
    confirm_password(app, by, password, by.address, browser_token)
    confirm_session(app, by, "password")


def confirm_session(app: Application, by: CurrentOperator, way: str) -> None:
    """Note that the operator has proved again who they are; ``way`` says how, for the audit log."""
    with app.database.transaction() as session:
        if by.session_id is not None:
            mark_confirmed(session, by.session_id, clock.now())
        record(session, Event.CONFIRMATION_GIVEN, by, detail=way)


def mark_confirmed(session: Session, session_id: int, moment: datetime) -> None:
    """The session is confirmed from this moment on."""
    session.execute(
        update(OperatorSession)
        .where(OperatorSession.id == session_id, OperatorSession.ended_at.is_(None))
        .values(confirmed_at=moment)
    )


def _is_fresh(session: Session, settings: Settings, by: CurrentOperator) -> bool:
    if by.session_id is None:
        return True
    confirmed_at = session.scalar(
        select(OperatorSession.confirmed_at).where(
            OperatorSession.id == by.session_id,
            OperatorSession.operator_id == by.id,
            OperatorSession.ended_at.is_(None),
        )
    )
    return confirmed_at is not None and clock.now() - confirmed_at < timedelta(minutes=settings.fresh_minutes)
