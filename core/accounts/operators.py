"""The people of Clickker who may sign in, and what an admin does with them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from core.accounts.emails import check_email
from core.accounts.invitations import (
    InvitationLink,
    InvitationView,
    accept_invitation,
    invite,
    open_invitation,
    resend,
    reset,
    revoke,
)
from core.accounts.names import check_name
from core.accounts.passwords import check_password, hash_password
from core.accounts.roles import Action, CurrentOperator, Role, require
from core.accounts.sessions import end_all_sessions
from core.accounts.ways_in import has_way_in, may_use_password
from core.application import Application
from core.clock import now
from core.errors import Conflict, InvalidInput, NotFound
from core.i18n import LANGUAGES, _
from core.settings import Settings
from core.storage.models import Invitation, Operator, OperatorIdentity

__all__ = [
    "InvitationLink",
    "InvitationView",
    "OperatorView",
    "accept_invitation",
    "active_operators",
    "add_operator",
    "disable",
    "enable",
    "invite",
    "list_operators",
    "open_invitation",
    "resend",
    "reset",
    "revoke",
    "set_language",
    "set_role",
]


@dataclass(frozen=True)
class OperatorView:
    """An operator as the admin's list shows one."""

    id: int
    email: str
    name: str
    role: Role
    active: bool
    account_created: bool
    """Whether a password has been chosen, or an account at the provider."""
    link_open: bool
    """Whether a link to choose one is under way."""
    created_at: datetime
    last_seen_at: datetime | None


def list_operators(app: Application, by: CurrentOperator | None) -> tuple[OperatorView, ...]:
    """Everybody, by name; ``by`` is None on the command line."""
    if by is not None:
        require(by, Action.MANAGE_OPERATORS)
    open_link = exists().where(
        Invitation.operator_id == Operator.id,
        Invitation.used_at.is_(None),
        Invitation.revoked_at.is_(None),
        Invitation.expires_at > now(),
    )
    bound = exists().where(OperatorIdentity.operator_id == Operator.id)
    with app.database.read() as session:
        asked = select(Operator, open_link, bound).order_by(func.lower(Operator.name), Operator.id)
        return tuple(
            _view(operator, bool(is_open), bool(is_bound))
            for operator, is_open, is_bound in session.execute(asked)
        )


def _view(operator: Operator, link_open: bool, bound: bool) -> OperatorView:
    return OperatorView(
        id=operator.id,
        email=operator.email,
        name=operator.name,
        role=Role(operator.role),
        active=operator.active,
        account_created=bound or operator.password_hash is not None,
        link_open=link_open,
        created_at=operator.created_at,
        last_seen_at=operator.last_seen_at,
    )


def active_operators(app: Application) -> tuple[tuple[int, str], ...]:
    """(id, name) of everybody who may own a registration, by name."""
    asked = select(Operator.id, Operator.name).where(Operator.active).order_by(func.lower(Operator.name))
    with app.database.read() as session:
        return tuple((row.id, row.name) for row in session.execute(asked))


def add_operator(  # noqa: PLR0917 - the order in which people say it
    app: Application, email: str, name: str, role: Role, password: str, language: str | None = None
) -> int:
    """Add an operator with a password at once: the command line's door. Returns the id.

    Raises ``InvalidInput`` or ``Conflict`` as ``invite`` and ``accept_invitation`` do.
    """
    folded, shown = check_email(email), check_name(name)
    if not may_use_password(app.settings, folded):
        raise Conflict(
            _("Passwords are switched off. Invite the operator, or name the address in CLICKKER_BREAK_GLASS.")
        )
    check_password(password, folded, folded.split("@")[0], shown)
    operator = Operator(
        email=folded,
        name=shown,
        role=Role(role).value,
        language=language if language in LANGUAGES else None,
        password_hash=hash_password(password),
        created_at=now(),
    )
    with app.database.transaction() as session:
        if session.scalar(select(Operator.id).where(Operator.email == folded)) is not None:
            raise Conflict(_("There is already an operator with this e-mail address."))
        session.add(operator)
        session.flush()
        return operator.id


def set_role(app: Application, by: CurrentOperator, operator_id: int, role: Role) -> None:
    """Give another role; the operator signs in anew. Raises ``Conflict`` for the last admin."""
    require(by, Action.MANAGE_OPERATORS)
    with app.database.transaction() as session:
        operator = _operator(session, operator_id)
        if operator.role == role:
            return
        _keep_an_admin(app.settings, session, operator)
        operator.role = Role(role).value
        end_all_sessions(session, operator.id)


def disable(app: Application, by: CurrentOperator, operator_id: int) -> None:
    """Let somebody in no longer, at once. Raises ``Conflict`` for the last admin."""
    require(by, Action.MANAGE_OPERATORS)
    with app.database.transaction() as session:
        operator = _operator(session, operator_id)
        _keep_an_admin(app.settings, session, operator)
        operator.active = False
        end_all_sessions(session, operator.id)


def enable(app: Application, by: CurrentOperator, operator_id: int) -> None:
    """Let somebody in again, with the password of before."""
    require(by, Action.MANAGE_OPERATORS)
    with app.database.transaction() as session:
        _operator(session, operator_id).active = True


def set_language(app: Application, by: CurrentOperator, code: str) -> None:
    """Choose the language of one's own screens."""
    if code not in LANGUAGES:
        raise InvalidInput(_("This language is not available."), "language")
    with app.database.transaction() as session:
        _operator(session, by.id).language = code


def _operator(session: Session, operator_id: int) -> Operator:
    operator = session.get(Operator, operator_id)
    if operator is None:
        raise NotFound(_("There is no such operator."))
    return operator


def _keep_an_admin(settings: Settings, session: Session, operator: Operator) -> None:
    if operator.role != Role.ADMIN or not operator.active:
        return
    # Locked, so that two admins who demote each other at the same moment leave one.
    admins = session.scalars(
        select(Operator.id)
        .where(Operator.role == Role.ADMIN.value, Operator.active, has_way_in(settings))
        .order_by(Operator.id)
        .with_for_update()
    ).all()
    if set(admins) <= {operator.id}:
        raise Conflict(_("This is the last admin. Make somebody else an admin first."))
