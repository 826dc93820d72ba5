"""What lets an operator in: a password where passwords count, an account at the provider where that is set up."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, exists, or_, true

from core.accounts.emails import fold_email
from core.accounts.sso_settings import DISCOVERY
from core.settings import Settings
from core.storage.models import Operator, OperatorIdentity


def may_use_password(settings: Settings, email: str) -> bool:
    """Whether a password may let this account in: always, or only a break-glass account's."""
    return settings.passwords == "on" or fold_email(email) in settings.break_glass_accounts


def has_way_in(settings: Settings) -> ColumnElement[bool]:
    """The operators who can sign in. For a query on operators."""
    password = has_password_that_counts(settings)
    if not settings.sso.on:
        return password
    bound = exists().where(
        OperatorIdentity.operator_id == Operator.id, OperatorIdentity.issuer.in_(_issuers(settings))
    )
    return or_(password, bound)


def has_password_that_counts(settings: Settings) -> ColumnElement[bool]:
    """The operators whom a password lets in, as ``may_use_password`` has it. For a query on operators."""
    counts = (
        true() if settings.passwords == "on" else Operator.email.in_(sorted(settings.break_glass_accounts))
    )
    return and_(Operator.password_hash.is_not(None), counts)


def _issuers(settings: Settings) -> tuple[str, str]:
    """How the provider of the settings may call itself: an identity of one that was there before lets nobody in.

    OpenID Connect Discovery 1.0, section 4: the issuer, without a slash at its end, is what stands before the
    well-known path.
    """
    issuer = settings.sso.metadata_url.removesuffix(DISCOVERY)
    return issuer, issuer + "/"
