"""An operator's own second factor: turned on with an app, off with the password, taken away by an admin.

While it is being set up the secret lies sealed in the database and is shown to the session that began it alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from core.accounts.names import audited
from core.accounts.one_time_codes import (
    app_address,
    fold_recovery_code,
    matching_step,
    new_recovery_codes,
    new_secret,
)
from core.accounts.roles import Action, CurrentOperator, require
from core.accounts.sessions import end_all_sessions
from core.accounts.signing_in import confirm_password
from core.accounts.ways_in import may_use_password
from core.application import Application
from core.audit.events import Event
from core.audit.record import record
from core.clock import now
from core.errors import Conflict, InvalidInput, NotFound
from core.i18n import _
from core.storage.models import Operator, RecoveryCode, SecondFactor
from core.tokens.secrets import hash_token

SETTING_UP = timedelta(minutes=15)
"""So long a secret that is being set up can be seen."""
FEW_LEFT = 3
"""Recovery codes; from here on the screen says to make new ones."""


class Code(Enum):
    """What a second factor is proved with."""

    APP = "app"
    RECOVERY = "recovery"


@dataclass(frozen=True)
class Pending:
    """A second factor that is being set up."""

    secret: str
    address: str
    """What the QR code says; it holds the secret."""

    def __repr__(self) -> str:
        return "Pending(…)"


@dataclass(frozen=True)
class SecondFactorView:
    """How it stands with an operator's own second factor."""

    on_since: datetime | None
    codes_left: int
    possible: bool
    """False for whoever has no password that counts here: there is no first factor of ours to add one to."""


def own_second_factor(app: Application, by: CurrentOperator) -> SecondFactorView:
    """Whether it is on, and how many recovery codes are left."""
    with app.database.read() as session:
        on_since = session.scalar(select(SecondFactor.on_since).where(SecondFactor.operator_id == by.id))
        left = select(func.count()).where(RecoveryCode.operator_id == by.id, RecoveryCode.used_at.is_(None))
        hashed = session.scalar(select(Operator.password_hash).where(Operator.id == by.id))
        possible = hashed is not None and may_use_password(app.settings, by.email)
        return SecondFactorView(on_since, session.scalar(left) or 0, possible)


def begin_second_factor(
    app: Application, by: CurrentOperator, password: str, browser_token: str | None = None
) -> None:
    """Make a secret for an app to take over. It counts for nothing until ``complete_second_factor``.

    Raises ``InvalidInput`` for a wrong password, ``Conflict`` when a second factor is on already.
    """
    confirm_password(app, by, password, by.address, browser_token)
    sealed = _seal(app, by.id, new_secret())
    with app.database.transaction() as session:
        _take_turns(session, by.id)
        if _on(session, by.id) is not None:
            raise _already_on()
        session.execute(delete(SecondFactor).where(SecondFactor.operator_id == by.id))
        session.add(
            SecondFactor(
                operator_id=by.id, secret=sealed, begun_at=now(), begun_in=by.session_id, last_step=0
            )
        )


def pending_second_factor(app: Application, by: CurrentOperator) -> Pending | None:
    """What this session is setting up, for fifteen minutes; None for every other session."""
    with app.database.read() as session:
        factor = session.get(SecondFactor, by.id)
    if factor is None or not _is_pending(factor, by):
        return None
    secret = _open(app, factor)
    return Pending(secret, app_address(secret, by.email))


def cancel_second_factor(app: Application, by: CurrentOperator) -> None:
    """Forget what is being set up."""
    with app.database.transaction() as session:
        session.execute(
            delete(SecondFactor).where(SecondFactor.operator_id == by.id, SecondFactor.on_since.is_(None))
        )


def complete_second_factor(app: Application, by: CurrentOperator, code: str) -> tuple[str, ...]:
    """Turn it on with a code that proves that the app has the secret; returns the recovery codes, this once.

    Raises ``InvalidInput`` for a wrong code, ``NotFound`` when nothing is being set up any more.
    """
    moment = now()
    with app.database.transaction() as session:
        _take_turns(session, by.id)
        factor = session.get(SecondFactor, by.id, populate_existing=True)
        if factor is None or not _is_pending(factor, by):
            raise NotFound(_("This took too long. Begin again."))
        step = matching_step(_open(app, factor), code, moment)
        if step is None:
            raise InvalidInput(
                _("This is not the code that the app shows now. Check the clock of your phone."), "code"
            )
        factor.on_since, factor.last_step, factor.begun_in = moment, step, None
        record(session, Event.SECOND_FACTOR_ON, by, on=audited(by.id, by.email))
        return _new_codes(session, by.id)


def turn_off_second_factor(
    app: Application, by: CurrentOperator, password: str, browser_token: str | None = None
) -> None:
    """Ask for the password alone again from now on. Raises ``InvalidInput`` for a wrong one."""
    confirm_password(app, by, password, by.address, browser_token)
    with app.database.transaction() as session:
        if _remove(session, by.id):
            record(session, Event.SECOND_FACTOR_OFF, by, on=audited(by.id, by.email))


def renew_recovery_codes(
    app: Application, by: CurrentOperator, password: str, browser_token: str | None = None
) -> tuple[str, ...]:
    """Ten new recovery codes, this once; those of before stop working.

    Raises ``InvalidInput`` for a wrong password, ``NotFound`` when no second factor is on.
    """
    confirm_password(app, by, password, by.address, browser_token)
    with app.database.transaction() as session:
        _take_turns(session, by.id)
        if _on(session, by.id) is None:
            raise NotFound(_("The second factor is off."))
        record(session, Event.RECOVERY_CODES_MADE, by, on=audited(by.id, by.email))
        return _new_codes(session, by.id)


def take_away_second_factor(app: Application, by: CurrentOperator | None, operator_id: int) -> None:
    """Let somebody who lost the phone in with the password alone; ends their sessions, which may be on that phone.

    ``by`` is None on the command line. Raises ``Conflict`` for an admin's own: that takes the password.
    """
    if by is not None:
        require(by, Action.MANAGE_OPERATORS)
        if by.id == operator_id:
            raise Conflict(_("Turn your own second factor off on “My account”, with your password."))
    with app.database.transaction() as session:
        operator = session.get(Operator, operator_id)
        if operator is None:
            raise NotFound(_("There is no such operator."))
        if not _remove(session, operator_id):
            raise Conflict(_("No second factor is on."))
        end_all_sessions(session, operator_id)
        record(
            session, Event.SECOND_FACTOR_OFF, by, on=audited(operator.id, operator.email), detail="taken away"
        )


def accept_code(app: Application, session: Session, operator_id: int, typed: str) -> Code | None:
    """Take a code of the app, or a recovery code, once; says which it was, None when it was neither.

    In the transaction of what the code is for: when that fails, the code has not been used.
    """
    factor = session.get(SecondFactor, operator_id, populate_existing=True)
    if factor is None or factor.on_since is None:
        return None
    step = matching_step(_open(app, factor), typed, now())
    if step is not None:
        # One conditional UPDATE: of two that give the same code at once, or one after the other, one gets in.
        taken = session.execute(
            update(SecondFactor)
            .where(SecondFactor.operator_id == operator_id, SecondFactor.last_step < step)
            .values(last_step=step)
            .returning(SecondFactor.operator_id)
        ).one_or_none()
        return Code.APP if taken else None
    used = session.execute(
        update(RecoveryCode)
        .where(
            RecoveryCode.operator_id == operator_id,
            RecoveryCode.code_hash == hash_token(fold_recovery_code(typed)),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=now())
        .returning(RecoveryCode.id)
    ).one_or_none()
    return Code.RECOVERY if used else None


def second_factor_is_on(app: Application, operator_id: int) -> bool:
    """Whether a code is asked after the password."""
    with app.database.read() as session:
        return _on(session, operator_id) is not None


def _on(session: Session, operator_id: int) -> datetime | None:
    return session.scalar(select(SecondFactor.on_since).where(SecondFactor.operator_id == operator_id))


def _is_pending(factor: SecondFactor, by: CurrentOperator) -> bool:
    return (
        factor.on_since is None and factor.begun_in == by.session_id and factor.begun_at > now() - SETTING_UP
    )


def _take_turns(session: Session, operator_id: int) -> None:
    session.execute(select(Operator.id).where(Operator.id == operator_id).with_for_update())


def _new_codes(session: Session, operator_id: int) -> tuple[str, ...]:
    codes = new_recovery_codes()
    session.execute(delete(RecoveryCode).where(RecoveryCode.operator_id == operator_id))
    session.add_all(
        RecoveryCode(operator_id=operator_id, code_hash=hash_token(fold_recovery_code(code)))
        for code in codes
    )
    return codes


def _remove(session: Session, operator_id: int) -> bool:
    """Whether a second factor was on; what was being set up goes too."""
    _take_turns(session, operator_id)
    was_on = _on(session, operator_id) is not None
    session.execute(delete(SecondFactor).where(SecondFactor.operator_id == operator_id))
    session.execute(delete(RecoveryCode).where(RecoveryCode.operator_id == operator_id))
    return was_on


def _seal(app: Application, operator_id: int, secret: str) -> bytes:
    return app.vault.encrypt(secret, table="second_factors", column="secret", row=operator_id)


def _open(app: Application, factor: SecondFactor) -> str:
    return app.vault.decrypt(factor.secret, table="second_factors", column="secret", row=factor.operator_id)


def _already_on() -> Conflict:
    return Conflict(_("The second factor is on already. Turn it off first, to use another phone."))
