"""Accounts at the provider of the single sign-on, each bound to one operator: the ways in, beside passwords.

An identity is (issuer, subject) as OpenID Connect has it: an e-mail address is no identity, it can be given anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.accounts.names import audited
from core.accounts.roles import CurrentOperator, Role
from core.accounts.signing_in import confirm_password
from core.accounts.ways_in import may_use_password
from core.application import Application
from core.audit.events import Event
from core.audit.record import record
from core.clock import now
from core.errors import Conflict, NotAllowed
from core.i18n import _
from core.settings import Settings
from core.storage.models import Operator, OperatorIdentity

LONGEST = 255
"""OpenID Connect Core 1.0, section 2: a subject has at most 255 ASCII characters."""
LEEWAY = 60
"""Seconds that two clocks may differ."""


@dataclass(frozen=True)
class Identity:
    """Somebody at the provider."""

    issuer: str
    subject: str


def identity_in(settings: Settings, claims: Mapping[str, Any]) -> Identity:
    """Whom an ID token names.

    Its signature, issuer and nonce have been checked by Authlib, against the provider's own keys. Authlib lets a token
    pass that was made for another app as long as it says to have been asked for by ours ("azp"): not here.

    Raises ``NotAllowed`` for a token that is not for us, has expired, or names nobody.
    """
    issuer, subject, audience = claims.get("iss"), claims.get("sub"), claims.get("aud")
    ours = settings.sso.client_id
    expires = claims.get("exp")
    good = (
        _is_name(issuer)
        and _is_name(subject)
        and audience in (ours, [ours])
        and claims.get("azp", ours) == ours
        and isinstance(expires, (int, float))
        and expires > now().timestamp() - LEEWAY
    )
    if not good:
        raise NotAllowed(_("The answer of {provider} is not for us.").format(provider=settings.sso.name))
    return Identity(str(issuer), str(subject))


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST and value.isascii() and value.isprintable()


def owner_of(session: Session, identity: Identity) -> Operator | None:
    """The operator whom this identity signs in."""
    return session.scalar(
        select(Operator)
        .join(OperatorIdentity, OperatorIdentity.operator_id == Operator.id)
        .where(OperatorIdentity.issuer == identity.issuer, OperatorIdentity.subject == identity.subject)
    )


def bind(session: Session, by: CurrentOperator, identity: Identity) -> None:
    """Let this identity sign the operator in from now on, and no other one.

    Raises ``Conflict`` when it is another operator's.
    """
    taken = Conflict(_("This account belongs to another operator already. Nothing was changed."))
    owner = owner_of(session, identity)
    if owner is not None and owner.id != by.id:
        raise taken
    session.execute(delete(OperatorIdentity).where(OperatorIdentity.operator_id == by.id))
    session.add(
        OperatorIdentity(operator_id=by.id, issuer=identity.issuer, subject=identity.subject, bound_at=now())
    )
    try:
        session.flush()
    except IntegrityError:  # two operators at the same moment
        raise taken from None
    record(session, Event.IDENTITY_BOUND, by, on=audited(by.id, by.email), detail=told(identity))


def unbind(
    app: Application,
    by: CurrentOperator,
    password: str,
    *,
    address: str = "",
    browser_token: str | None = None,
) -> None:
    """Take the operator's own identity away; the password is the way in that stays.

    Raises ``Conflict`` when no password would let the operator in, ``InvalidInput`` for a wrong one.
    """
    if not may_use_password(app.settings, by.email) or not has_password(app, by):
        raise Conflict(_("This is your only way in. Ask an admin for a reset link first."))
    confirm_password(app, by, password, address, browser_token)
    with app.database.transaction() as session:
        let_go(session, by)


def let_go(session: Session, by: CurrentOperator) -> None:
    """No identity signs the operator in any more, from this transaction on."""
    gone = session.execute(
        delete(OperatorIdentity)
        .where(OperatorIdentity.operator_id == by.id)
        .returning(OperatorIdentity.issuer, OperatorIdentity.subject)
    ).all()
    for issuer, subject in gone:
        detail = told(Identity(issuer, subject))
        record(session, Event.IDENTITY_UNBOUND, by, on=audited(by.id, by.email), detail=detail)


def own_identity(app: Application, by: CurrentOperator) -> Identity | None:
    """The identity that signs this operator in, if any."""
    asked = select(OperatorIdentity.issuer, OperatorIdentity.subject).where(
        OperatorIdentity.operator_id == by.id
    )
    with app.database.read() as session:
        row = session.execute(asked).first()
    return Identity(row.issuer, row.subject) if row else None


def has_password(app: Application, by: CurrentOperator) -> bool:
    """Whether the operator has chosen one; whether it works is another question."""
    with app.database.read() as session:
        return session.scalar(select(Operator.password_hash).where(Operator.id == by.id)) is not None


def told(identity: Identity) -> str:
    """The identity as the audit log names it."""
    return f"{identity.issuer} {identity.subject}"


def as_current(operator: Operator, address: str) -> CurrentOperator:
    """The operator as use cases are told, before there is a session."""
    role = Role(operator.role)
    return CurrentOperator(operator.id, operator.email, operator.name, role, operator.language, None, address)
