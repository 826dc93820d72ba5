"""Links by which an operator gets a way in: to create the account, or to set a new password.

A link works once, for seven days; only its hash is kept, so it is shown at the moment it is made and never again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, exists, select, update
from sqlalchemy.orm import Session

from core.accounts.adding import add_row
from core.accounts.emails import check_email
from core.accounts.identities import as_current, let_go
from core.accounts.lockout import forget_failures
from core.accounts.names import audited, check_name
from core.accounts.passwords import check_password, hash_password
from core.accounts.roles import Action, CurrentOperator, Role, require
from core.accounts.sessions import end_all_sessions, remember_browser
from core.accounts.ways_in import may_use_password
from core.application import Application
from core.audit.events import Event
from core.audit.record import record
from core.clock import now
from core.errors import Conflict, NotAllowed, NotFound
from core.i18n import LANGUAGES, _
from core.storage.models import Invitation, Operator, OperatorIdentity
from core.tokens.secrets import hash_token, new_token

INVITE = "invite"
RESET = "reset"


@dataclass(frozen=True)
class InvitationLink:
    """A link to hand over, with its secret."""

    url: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"InvitationLink(expires_at={self.expires_at!r})"


@dataclass(frozen=True)
class InvitationView:
    """What the page behind a link shows."""

    purpose: str
    """'invite' or 'reset'."""
    name: str
    email: str
    language: str | None
    expires_at: datetime


def invite(  # noqa: PLR0917 - the order in which people say it
    app: Application,
    by: CurrentOperator | None,
    email: str,
    name: str,
    role: Role,
    language: str | None = None,
) -> InvitationLink:
    """Add an operator and make the link for the account; ``by`` is None on the command line.

    Raises ``InvalidInput`` for an odd address or name, ``Conflict`` when the address is already an operator's.
    """
    _require(by)
    folded, shown = check_email(email), check_name(name)
    with app.database.transaction() as session:
        operator = Operator(
            email=folded,
            name=shown,
            role=Role(role).value,
            language=language if language in LANGUAGES else None,
            created_at=now(),
        )
        add_row(session, operator)
        record(session, Event.OPERATOR_INVITED, by, on=audited(operator.id, folded), detail=operator.role)
        return _make_link(app, session, operator.id, INVITE)


def resend(app: Application, by: CurrentOperator | None, operator_id: int) -> InvitationLink:
    """A new link for an account that has not been created yet; the earlier ones stop working."""
    _require(by)
    with app.database.transaction() as session:
        operator = _operator(session, operator_id)
        bound = exists().where(OperatorIdentity.operator_id == operator.id)
        if operator.password_hash is not None or session.scalar(select(bound)):
            raise Conflict(_("This account has been created already. Make a reset link instead."))
        record(session, Event.OPERATOR_INVITED, by, on=audited(operator.id, operator.email), detail="again")
        return _make_link(app, session, operator.id, INVITE)


def revoke(app: Application, by: CurrentOperator | None, operator_id: int) -> None:
    """Make every open link of an operator stop working."""
    _require(by)
    with app.database.transaction() as session:
        operator = _operator(session, operator_id)
        if revoke_open(session, operator.id):
            record(session, Event.INVITATION_REVOKED, by, on=audited(operator.id, operator.email))


def reset(app: Application, by: CurrentOperator | None, operator_id: int) -> InvitationLink:
    """A link by which the operator chooses a new password; the old one works until then."""
    _require(by)
    with app.database.transaction() as session:
        operator = _operator(session, operator_id)
        if not operator.active:
            raise Conflict(_("This account is disabled. Enable it first."))
        record(session, Event.OPERATOR_RESET, by, on=audited(operator.id, operator.email))
        chooses = operator.password_hash and may_use_password(app.settings, operator.email)
        return _make_link(app, session, operator.id, RESET if chooses else INVITE)


def open_invitation(app: Application, token: str) -> InvitationView:
    """What a link is for.

    Raises ``NotFound`` with the reason when it is unknown, used, revoked or too old.
    """
    with app.database.read() as session:
        invitation, operator = _find(session, Invitation.token_hash == hash_token(token))
        return InvitationView(
            invitation.purpose, operator.name, operator.email, operator.language, invitation.expires_at
        )


def accept_invitation(
    app: Application, token: str, password: str, address: str = "", browser_token: str | None = None
) -> None:
    """Set the password and use the link up; ends every session, lifts the lock of the account and makes the browser
    known to it: whoever keeps the account locked from elsewhere does not keep its owner out here.

    An account at the provider is let go of: after a take-over it might be the thief's. Whose it really is binds it
    again with the new password. Raises ``NotFound`` as ``open_invitation``, ``InvalidInput`` for a password that cannot
    be chosen, ``NotAllowed`` while passwords are switched off for the account.
    """
    view = open_invitation(app, token)
    if not may_use_password(app.settings, view.email):
        raise NotAllowed(
            _("Passwords are switched off. Create the account with {provider}.").format(
                provider=app.settings.sso.name
            )
        )
    check_password(password, view.email, view.email.split("@")[0], view.name)
    hashed = hash_password(password)  # before the transaction: it takes a quarter of a second
    with app.database.transaction() as session:
        operator = use_up(session, open_link(session, token).id, address)
        operator.password_hash = hashed
        let_go(session, as_current(operator, address))
        remember_browser(session, operator.id, browser_token)


def use_up(session: Session, invitation_id: int, address: str = "") -> Operator:
    """The link's operator, who has a new way in by this transaction; the link works no second time.

    Ends every session, lifts the lock of the account and makes the other links stop working.
    Raises ``NotFound`` as ``open_invitation``.
    """
    # The operator first, as whoever withdraws a link or disables its operator does; what they did is seen after it.
    whose = select(Invitation.operator_id).where(Invitation.id == invitation_id)
    session.execute(select(Operator.id).where(Operator.id == whose.scalar_subquery()).with_for_update())
    invitation, operator = _find(session, Invitation.id == invitation_id)
    used = session.execute(
        update(Invitation)
        .where(Invitation.id == invitation_id, Invitation.used_at.is_(None))
        .values(used_at=now())
        .returning(Invitation.id)
    ).one_or_none()
    if used is None:
        raise NotFound(_("This link has been used already."))
    revoke_open(session, operator.id)
    end_all_sessions(session, operator.id)
    forget_failures(session, operator.email)
    record(
        session,
        Event.INVITATION_USED,
        None,
        on=audited(operator.id, operator.email),
        detail=invitation.purpose,
        address=address,
    )
    return operator


def open_link(session: Session, token: str) -> Invitation:
    """The row behind a link that can still be used. Raises ``NotFound`` as ``open_invitation``."""
    return _find(session, Invitation.token_hash == hash_token(token))[0]


def _require(by: CurrentOperator | None) -> None:
    if by is not None:
        require(by, Action.MANAGE_OPERATORS)


def _operator(session: Session, operator_id: int) -> Operator:
    """Held until the transaction ends: no link is made for somebody who is being disabled."""
    operator = session.get(Operator, operator_id, with_for_update=True)
    if operator is None:
        raise NotFound(_("There is no such operator."))
    return operator


def _make_link(app: Application, session: Session, operator_id: int, purpose: str) -> InvitationLink:
    revoke_open(session, operator_id)
    token = new_token()
    expires_at = now() + timedelta(days=app.settings.invitation_days)
    session.add(
        Invitation(
            operator_id=operator_id,
            purpose=purpose,
            token_hash=hash_token(token),
            created_at=now(),
            expires_at=expires_at,
        )
    )
    return InvitationLink(app.settings.public_address + "/invitation/" + token, expires_at)


def revoke_open(session: Session, operator_id: int) -> bool:
    """Make the open links stop working, in the transaction of what calls for it. Whether there was one."""
    revoked = session.execute(
        update(Invitation)
        .where(
            Invitation.operator_id == operator_id,
            Invitation.used_at.is_(None),
            Invitation.revoked_at.is_(None),
        )
        .values(revoked_at=now())
        .returning(Invitation.id)
    ).all()
    return bool(revoked)


def _find(session: Session, which: ColumnElement[bool]) -> tuple[Invitation, Operator]:
    row = session.execute(
        select(Invitation, Operator)
        .join(Operator, Operator.id == Invitation.operator_id)
        .where(which)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise NotFound(_("This link is not known here. Check that you copied all of it."))
    invitation: Invitation = row[0]
    operator: Operator = row[1]
    if invitation.used_at is not None:
        raise NotFound(_("This link has been used already. If you created your account with it, sign in."))
    if not operator.active:
        raise NotFound(_("This account is disabled. Ask an admin."))
    if invitation.revoked_at is not None:
        raise NotFound(_("This link has been withdrawn. Ask an admin for a new one."))
    if invitation.expires_at <= now():
        raise NotFound(_("This link has expired. Ask an admin for a new one."))
    return invitation, operator
