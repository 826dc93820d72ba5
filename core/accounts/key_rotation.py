"""Encrypting everything anew is an admin's act, whoever types it: the audit log says whose."""

from __future__ import annotations

from sqlalchemy import select

from core.accounts.passwords import verify_password
from core.accounts.roles import Action, CurrentOperator, Role, require
from core.accounts.signing_in import accept_candidate, find_candidate
from core.accounts.ways_in import has_password_that_counts
from core.application import Application
from core.audit.events import Event
from core.audit.record import record_alone
from core.errors import InvalidInput
from core.i18n import _
from core.storage.models import Operator
from core.tokens.keys_in_use import check_keys
from core.tokens.rekeying import Rekeyed, Tell, rekey
from core.tokens.vault import key_name

_SHELL = "shell"
"""The address that wrong passwords of the command line are counted under."""


def has_admin(app: Application) -> bool:
    """Whether anybody could prove to be an admin with a password that counts."""
    admins = select(Operator.id).where(
        Operator.active, Operator.role == Role.ADMIN.value, has_password_that_counts(app.settings)
    )
    with app.database.read() as session:
        return session.scalar(admins.limit(1)) is not None


def admin_by_password(app: Application, email: str, password: str) -> CurrentOperator:
    """The admin with this address and password, counted against as at the sign-in.

    Raises ``InvalidInput`` for a wrong one, ``NotAllowed`` for another role, ``TooManyAttempts`` after several.
    """
    candidate = find_candidate(app, email, _SHELL, None)
    right = verify_password(password, candidate.password_hash)
    operator_id = accept_candidate(app, candidate) if right else None
    with app.database.read() as session:
        row = session.get(Operator, operator_id) if operator_id is not None else None
    if row is None:
        record_alone(
            app, Event.KEYS_ROTATED, None, outcome="refused", detail="wrong password", address=_SHELL
        )
        raise InvalidInput(_("E-mail address and password do not belong together."), "password")
    by = CurrentOperator(row.id, row.email, row.name, Role(row.role), row.language, address=_SHELL)
    require(by, Action.ROTATE_KEYS)
    return by


def rotate_keys(
    app: Application, by: CurrentOperator | None, tell: Tell = lambda _place, _count: None
) -> Rekeyed:
    """Encrypt anew, under the first key, what the other keys of the settings encrypted.

    ``by`` is None for whoever works on the command line without a name. Raises ``SettingsError`` when a key is missing.
    """
    if by is not None:
        require(by, Action.ROTATE_KEYS)
    check_keys(app.database, app.vault)
    key = f"key {key_name(app.vault.heads[0])}"
    record_alone(app, Event.KEYS_ROTATED, by, on=key, detail="begun", address=_SHELL)
    result = rekey(app, tell)
    whole = not result.busy and not result.stuck
    counts = ", ".join(f"{place} {count}" for place, count in sorted(result.changed.items()) if count)
    record_alone(
        app,
        Event.KEYS_ROTATED,
        by,
        on=key,
        outcome="done" if whole else "failed",
        detail=f"ended: {counts or 'nothing to do'}",
        address=_SHELL,
    )
    return result
