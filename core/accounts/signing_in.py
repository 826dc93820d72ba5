"""A password is tried: whose it is, or why not."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select, update

from core.accounts.emails import fold_email
from core.accounts.lockout import (
    Attempt,
    TooManyAttempts,
    attempt_succeeded,
    begin_attempt,
    worth_telling,
)
from core.accounts.names import audited
from core.accounts.passwords import check_password, dummy_hash, hash_password, verify_password
from core.accounts.roles import CurrentOperator
from core.accounts.sessions import end_all_sessions
from core.accounts.ways_in import may_use_password
from core.application import Application
from core.audit.events import Event
from core.audit.record import record, record_alone
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
    try:
        return _candidate(app, typed, address, browser_token)
    except TooManyAttempts:
        _record_lock(app, fold_email(typed), address)
        raise


def accept_candidate(app: Application, candidate: Candidate) -> int | None:
    """The password was right: the operator's id, or None for the stand-in."""
    if candidate.operator_id is not None:
        attempt_succeeded(app, candidate.attempt)
    return candidate.operator_id


def refuse_candidate(app: Application, candidate: Candidate, address: str) -> None:
    """The password was wrong, or nobody's: the attempt has been counted, and is told to the audit log."""
    _record_refusal(app, candidate.email, "wrong password", address)


def confirm_password(
    app: Application, by: CurrentOperator, password: str, address: str = "", browser_token: str | None = None
) -> None:
    """Ask the signed-in operator's own password again.

    Raises ``InvalidInput`` for a wrong one, ``TooManyAttempts`` after several. None at all is not an attempt.
    """
    if not password:
        raise InvalidInput(_("Fill in your password."), "current_password")
    try:
        candidate = _candidate(app, by.email, address, browser_token)
    except TooManyAttempts:
        if worth_telling(app, by.email, address):
            record_alone(
                app, Event.CONFIRMATION_FAILED, by, outcome="refused", detail="locked", address=address
            )
        raise
    if not verify_password(password, candidate.password_hash) or candidate.operator_id != by.id:
        record_alone(app, Event.CONFIRMATION_FAILED, by, outcome="refused", address=address)
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
        record(session, Event.PASSWORD_CHANGED, by, on=audited(by.id, by.email), address=address)


def _candidate(app: Application, typed: str, address: str, browser_token: str | None) -> Candidate:
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


def _record_lock(app: Application, email: str, address: str) -> None:
    if worth_telling(app, email, address):
        _record_refusal(app, email, "locked", address)


def _record_refusal(app: Application, email: str, why: str, address: str) -> None:
    """Nobody's address is not written down: people type their password there by mistake."""
    with app.database.transaction() as session:
        known = session.scalar(select(Operator.id).where(Operator.email == email))
        on = audited(known, email) if known else "nobody who is known"
        record(session, Event.SIGN_IN, None, on=on, outcome="refused", detail=why, address=address)
