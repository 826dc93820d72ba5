"""Guessing passwords is made slow: attempts are counted in the database, per account and per address.

An attempt is written down as failed *before* the password is checked and struck out when it was right, so that
a hundred guesses at once count as a hundred. A browser that signed in to the account before is counted by
itself: whoever hammers on an admin's account from elsewhere cannot keep the admin out (OWASP, device cookies).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, exists, func, select
from sqlalchemy.orm import Session

from core.accounts.emails import fold_email
from core.accounts.knocks import allow, network_of
from core.application import Application
from core.clock import now
from core.errors import ClickkerError
from core.i18n import ngettext
from core.storage.models import Operator, SignInFailure, SignInTicket
from core.tokens.secrets import hash_token

WINDOW = timedelta(minutes=15)
PER_ACCOUNT = 5
PER_ADDRESS = 50
"""An office shares one address; a network of attackers does not stop here, but at the account."""
KEPT = timedelta(days=1)
TOLD_PER_MINUTE = 1


class TooManyAttempts(ClickkerError):
    """Too many wrong passwords or codes; ``until`` says when the next attempt counts."""

    retryable = True

    def __init__(self, until: datetime) -> None:
        minutes = max(1, -int((now() - until).total_seconds() // 60))
        text = ngettext(
            "Too many wrong passwords or codes. Try again in {minutes} minute, or ask an admin for a reset link.",
            "Too many wrong passwords or codes. Try again in {minutes} minutes, or ask an admin for a reset link.",
            minutes,
        )
        super().__init__(text.format(minutes=minutes))
        self.until = until


@dataclass(frozen=True)
class Attempt:
    """An attempt under way, already counted as failed."""

    id: int
    account_hash: str


def begin_attempt(app: Application, email: str, address: str, browser_token: str | None) -> Attempt:
    """Count an attempt to sign in.

    Raises ``TooManyAttempts`` when the account or the address must wait.
    """
    account = account_hash(email)
    browser = hash_token(browser_token) if browser_token else ""
    address = network_of(address)
    moment = now()
    with app.database.transaction() as session:
        _take_turns(app, session, account)
        session.execute(delete(SignInFailure).where(SignInFailure.at < moment - KEPT))
        known = browser if browser and _is_known(session, email, browser) else ""
        _refuse_when_many(session, account, address[:64], known, moment)
        failure = SignInFailure(account_hash=account, address=address[:64], browser_hash=known, at=moment)
        session.add(failure)
        session.flush()
        return Attempt(failure.id, account)


def attempt_succeeded(app: Application, attempt: Attempt) -> None:
    """Strike the attempt out: the password was right."""
    with app.database.transaction() as session:
        strike_out(session, attempt)


def strike_out(session: Session, attempt: Attempt) -> None:
    """As ``attempt_succeeded``, in the transaction of what the attempt was for."""
    session.execute(delete(SignInFailure).where(SignInFailure.id == attempt.id))


def forget_failures(session: Session, email: str) -> None:
    """Lift the lock of an account: its owner has chosen a new password by link."""
    session.execute(delete(SignInFailure).where(SignInFailure.account_hash == account_hash(email)))


def worth_telling(app: Application, email: str, address: str) -> bool:
    """Whether one more refusal for being locked goes into the audit log: one a minute of each account and address.

    An account that nobody has counts like any other: the work is the same, so the time tells nothing. Nothing is ever
    taken from that log, so whoever hammers at a lock must not fill it: each lock took five wrong attempts, of which one
    address has fifty.
    """
    return allow(app, f"locked:{account_hash(email)}:{network_of(address)}", TOLD_PER_MINUTE)


def account_hash(email: str) -> str:
    """What the failures of an account are kept under; also for addresses that are nobody's."""
    return hashlib.sha256(fold_email(email).encode()).hexdigest()


def _take_turns(app: Application, session: Session, account: str) -> None:
    # SQLite has one writer anyway; on PostgreSQL two counts of the same account must not run side by side.
    if not app.database.is_sqlite:
        session.execute(select(func.pg_advisory_xact_lock(int(account[:15], 16))))


def _is_known(session: Session, email: str, browser: str) -> bool:
    """Whether this browser has signed in to the account before."""
    earlier = exists().where(
        SignInTicket.operator_id == Operator.id,
        SignInTicket.browser_hash == browser,
        SignInTicket.used_at.is_not(None),
    )
    found = session.scalar(select(Operator.id).where(Operator.email == fold_email(email), earlier))
    return found is not None


def _refuse_when_many(session: Session, account: str, address: str, known: str, moment: datetime) -> None:
    # A known browser answers for its own mistakes only; the others share the account's count.
    _refuse_when(
        session,
        PER_ACCOUNT,
        moment,
        SignInFailure.account_hash == account,
        SignInFailure.browser_hash == known,
    )
    if not known:
        _refuse_when(session, PER_ADDRESS, moment, SignInFailure.address == address)


def _refuse_when(session: Session, limit: int, moment: datetime, *which: ColumnElement[bool]) -> None:
    asked = (
        select(SignInFailure.at)
        .where(*which, SignInFailure.at > moment - WINDOW)
        .order_by(SignInFailure.at.desc())
        .limit(limit)
    )
    latest = session.scalars(asked).all()
    if len(latest) == limit:
        raise TooManyAttempts(latest[-1] + WINDOW)
