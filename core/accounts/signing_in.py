"""A password is tried: whose it is, or why not."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select, update

from core.accounts.emails import fold_email
from core.accounts.lockout import Attempt, attempt_succeeded, begin_attempt
from core.accounts.passwords import check_password, dummy_hash, hash_password, verify_password
from core.accounts.roles import CurrentOperator
from core.accounts.sessions import end_all_sessions
from core.accounts.ways_in import may_use_password
from core.application import Application
from core.errors import InvalidInput, NotAllowed
from core.i18n import _
from core.storage.models import Operator


@dataclass(frozen=True)
class Candidate:
    """Who would be signed in if the password is right. ``operator_id`` is None for nobody."""

    operator_id: int | None
    email: str
    name: str
    password_hash: str
    attempt: Attempt

    def __repr__(self) -> str:
        return f"Candidate(operator_id={self.operator_id!r})"


def find_candidate(app: Application, typed: str, address: str, browser_token: str | None) -> Candidate:
    """The account behind what was typed; for an unknown one a stand-in whose password nobody knows.

    So too for an account whose password does not count while passwords are switched off: nobody learns which those are.

    Raises ``TooManyAttempts`` when the account or the address must wait.
    """
    email = fold_email(typed)
    attempt = begin_attempt(app, email, address, browser_token)
    with app.database.read() as session:
        row = session.execute(
            select(Operator.id, Operator.name, Operator.password_hash).where(
                Operator.email == email, Operator.active
            )
        ).one_or_none()
    if row is None or row.password_hash is None or not may_use_password(app.settings, email):
        return Candidate(None, email, "", dummy_hash(), attempt)
    return Candidate(row.id, email, row.name, row.password_hash, attempt)


def accept_candidate(app: Application, candidate: Candidate) -> int | None:
    """The password was right: the operator's id, or None for the stand-in."""
    if candidate.operator_id is not None:
        attempt_succeeded(app, candidate.attempt)
    return candidate.operator_id


def confirm_password(
    app: Application, by: CurrentOperator, password: str, address: str = "", browser_token: str | None = None
) -> None:
    """Ask the signed-in operator's own password again.

    Raises ``InvalidInput`` for a wrong one, ``TooManyAttempts`` after several.
    """
    candidate = find_candidate(app, by.email, address, browser_token)
    if not verify_password(password, candidate.password_hash) or candidate.operator_id != by.id:
        raise InvalidInput(_("This is not your present password."), "current_password")
    attempt_succeeded(app, candidate.attempt)


def change_password(
    app: Application,
    by: CurrentOperator,
    present: str,
    chosen: str,
    *,
    address: str = "",
    browser_token: str | None = None,
) -> None:
    """Choose a new password; ends every session of the operator, this one too.

    Raises ``InvalidInput`` naming the field, ``TooManyAttempts`` after several wrong ones, ``NotAllowed`` while
    passwords are switched off for the operator.
    """
    if not may_use_password(app.settings, by.email):
        raise NotAllowed(
            _("Passwords are switched off. Sign in with {provider}.").format(provider=app.settings.sso.name)
        )
    check_password(chosen, by.email, by.email.split("@")[0], by.name)
    confirm_password(app, by, present, address, browser_token)
    hashed = hash_password(chosen)
    with app.database.transaction() as session:
        session.execute(update(Operator).where(Operator.id == by.id).values(password_hash=hashed))
        end_all_sessions(session, by.id)
