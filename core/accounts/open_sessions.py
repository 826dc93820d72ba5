"""Where an operator is signed in, and how that is ended from elsewhere: by themselves, or by an admin."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, select, update
from sqlalchemy.orm import Session

from core.accounts.names import audited
from core.accounts.roles import Action, CurrentOperator, require
from core.accounts.sessions import end_all_sessions
from core.application import Application
from core.audit.events import Event
from core.audit.record import record
from core.clock import now
from core.errors import NotFound
from core.i18n import _
from core.settings import Settings
from core.storage.models import Operator, OperatorSession


@dataclass(frozen=True)
class SessionView:
    """One open session of an operator."""

    id: int
    created_at: datetime
    last_active_at: datetime
    address: str
    browser: str


def own_sessions(app: Application, by: CurrentOperator) -> tuple[SessionView, ...]:
    """The operator's own open sessions, the latest first."""
    return _sessions(app, by.id)


def operator_sessions(app: Application, by: CurrentOperator, operator_id: int) -> tuple[SessionView, ...]:
    """Somebody's open sessions, for an admin. Raises ``NotAllowed``."""
    require(by, Action.MANAGE_OPERATORS)
    return _sessions(app, operator_id)


def end_own_session(app: Application, by: CurrentOperator, session_id: int) -> None:
    """End one of the operator's own sessions; nothing happens to anybody else's."""
    _end_one(app, by, by.id, session_id)


def end_operator_session(app: Application, by: CurrentOperator, operator_id: int, session_id: int) -> None:
    """End one of somebody's sessions. Raises ``NotAllowed``."""
    require(by, Action.MANAGE_OPERATORS)
    _end_one(app, by, operator_id, session_id)


def end_other_sessions(app: Application, by: CurrentOperator) -> None:
    """End every session of the operator's own but the one that asks."""
    with app.database.transaction() as session:
        end_all_sessions(session, by.id, but=by.session_id)
        record(session, Event.SESSION_ENDED, by, on=audited(by.id, by.email), detail="all others")


def end_operator_sessions(app: Application, by: CurrentOperator | None, operator_id: int) -> None:
    """Sign somebody out everywhere; ``by`` is None on the command line.

    Raises ``NotAllowed``, or ``NotFound`` when there is no such operator.
    """
    if by is not None:
        require(by, Action.MANAGE_OPERATORS)
    with app.database.transaction() as session:
        on = _audited(session, operator_id)
        end_all_sessions(session, operator_id)
        record(session, Event.SESSION_ENDED, by, on=on, detail="all")


def is_open(settings: Settings, moment: datetime) -> ColumnElement[bool]:
    """What makes a session one that still lets somebody in."""
    return and_(
        OperatorSession.ended_at.is_(None),
        OperatorSession.expires_at > moment,
        OperatorSession.last_active_at > moment - timedelta(minutes=settings.session_idle_minutes),
    )


def _sessions(app: Application, operator_id: int) -> tuple[SessionView, ...]:
    asked = (
        select(OperatorSession)
        .where(OperatorSession.operator_id == operator_id, is_open(app.settings, now()))
        .order_by(OperatorSession.last_active_at.desc(), OperatorSession.id.desc())
    )
    with app.database.read() as session:
        rows = session.scalars(asked).all()
    return tuple(SessionView(r.id, r.created_at, r.last_active_at, r.address, r.browser) for r in rows)


def _end_one(app: Application, by: CurrentOperator, operator_id: int, session_id: int) -> None:
    with app.database.transaction() as session:
        on = _audited(session, operator_id)
        ended = session.execute(
            update(OperatorSession)
            .where(
                OperatorSession.id == session_id,
                OperatorSession.operator_id == operator_id,
                OperatorSession.ended_at.is_(None),
            )
            .values(ended_at=now())
            .returning(OperatorSession.id)
        ).one_or_none()
        if ended is not None:
            record(session, Event.SESSION_ENDED, by, on=on, detail=f"session {session_id}")


def _audited(session: Session, operator_id: int) -> str:
    operator = session.get(Operator, operator_id)
    if operator is None:
        raise NotFound(_("There is no such operator."))
    return audited(operator.id, operator.email)
