"""What lets an operator in: a password where passwords count, an account at the provider where that is set up."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, exists, or_, true

from core.accounts.emails import fold_email
from core.settings import Settings
from core.storage.models import Operator, OperatorIdentity


def may_use_password(settings: Settings, email: str) -> bool:
    """Whether a password may let this account in: always, or only a break-glass account's."""
    return settings.passwords == "on" or fold_email(email) in settings.break_glass_accounts


def has_way_in(settings: Settings) -> ColumnElement[bool]:
    """The operators who can sign in. For a query on operators."""
    counts = (
        true() if settings.passwords == "on" else Operator.email.in_(sorted(settings.break_glass_accounts))
    )
    password = and_(Operator.password_hash.is_not(None), counts)
    if not settings.sso.on:
        return password
    return or_(password, exists().where(OperatorIdentity.operator_id == Operator.id))
