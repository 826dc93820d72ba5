"""Signed-in browsers: a ticket becomes a session, a session says who is there.

The cookie holds a random token and the row only its hash. A session ends by sign-out, after 30 minutes
without activity, after 12 hours, and with a change of password, role or account.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, bindparam, delete, select, update
from sqlalchemy.orm import Session

from core.accounts.names import audited
from core.accounts.roles import CurrentOperator, Role
from core.application import Application
from core.audit.events import Event
from core.audit.record import record
from core.clock import now
from core.errors import NotAllowed
from core.i18n import _
from core.storage.models import Operator, OperatorSession, SecondStep, SignInTicket
from core.tokens.secrets import hash_token, new_token

TICKET_LIFE = timedelta(seconds=30)
ACTIVITY_STEP = timedelta(minutes=1)
"""Activity is written at most this often: a write a click would be dear."""
ENDED_KEPT = timedelta(days=30)
"""How long the row of an ended session stays."""
KNOWN_BROWSER_LIFE = timedelta(days=90)
"""How long a browser that has signed in is remembered for the lock-out."""


@dataclass(frozen=True)
class Started:
    """A session that has begun: the cookie's value, and where the browser goes."""

    cookie: str
    target: str

    def __repr__(self) -> str:
        return f"Started(target={self.target!r})"


@dataclass(frozen=True)
class SignedIn:
    """Who is there, and under which session."""

    operator: CurrentOperator
    session_id: int
    session_hash: str


def start_ticket(
    app: Application, operator_id: int, browser_token: str, target: str, *, confirmed: bool = False
) -> str:
    """A ticket that ``start_session`` takes once, within 30 seconds, from the same browser.

    ``confirmed`` when a password was given just now: what asks for a fresh one then asks no second time.
    """
    with app.database.transaction() as session:
        return add_ticket(session, operator_id, browser_token, target, confirmed=confirmed)


def add_ticket(
    session: Session, operator_id: int, browser_token: str, target: str, *, confirmed: bool = False
) -> str:
    """As ``start_ticket``, in the transaction of what makes the sign-in good."""
    token = new_token()
    moment = now()
    session.execute(delete(SignInTicket).where(SignInTicket.expires_at < moment - KNOWN_BROWSER_LIFE))
    session.add(
        SignInTicket(
            token_hash=hash_token(token),
            operator_id=operator_id,
            browser_hash=hash_token(browser_token),
            target=own_target(target),
            confirmed=confirmed,
            expires_at=moment + TICKET_LIFE,
        )
    )
    return token


def remember_browser(session: Session, operator_id: int, browser_token: str | None) -> None:
    """This browser counts as one that has signed in to the account: whoever holds its link set a new password in it."""
    if browser_token:
        moment = now()
        session.add(
            SignInTicket(
                token_hash=hash_token(new_token()),
                operator_id=operator_id,
                browser_hash=hash_token(browser_token),
                target="/",
                expires_at=moment,
                used_at=moment,
            )
        )


def own_target(target: str) -> str:
    """The path and query when it stays on this host, else "/": no open redirect."""
    # Browsers drop tabs and newlines, and read a backslash as a slash.
    clean = target.isprintable() and "\\" not in target and target.isascii()
    return target if clean and target.startswith("/") and not target.startswith("//") else "/"


def start_session(app: Application, ticket: str, browser_token: str, address: str, browser: str) -> Started:
    """Turn a ticket into a session.

    Raises ``NotAllowed`` for a ticket that is unknown, used, too old, or another browser's.
    """
    moment = now()
    token = new_token()
    with app.database.transaction() as session:
        whose = select(SignInTicket.operator_id).where(SignInTicket.token_hash == hash_token(ticket))
        # The operator first, as whoever disables one does: the two would wait for each other otherwise.
        operator = session.scalar(
            select(Operator).where(Operator.id == whose.scalar_subquery()).with_for_update()
        )
        # One conditional UPDATE: of two browsers with the same ticket one wins.
        row = session.execute(
            update(SignInTicket)
            .where(
                SignInTicket.token_hash == hash_token(ticket),
                SignInTicket.browser_hash == hash_token(browser_token),
                SignInTicket.used_at.is_(None),
                SignInTicket.expires_at > moment,
            )
            .values(used_at=moment)
            .returning(SignInTicket.operator_id, SignInTicket.target, SignInTicket.confirmed)
        ).one_or_none()
        if row is None or operator is None or not operator.active:
            raise NotAllowed(_("This sign-in has expired. Sign in again."))
        operator.last_seen_at = moment
        session.execute(delete(OperatorSession).where(OperatorSession.expires_at < moment - ENDED_KEPT))
        begun = OperatorSession(
            token_hash=hash_token(token),
            operator_id=operator.id,
            created_at=moment,
            last_active_at=moment,
            expires_at=moment + timedelta(hours=app.settings.session_hours),
            confirmed_at=moment if row.confirmed else None,
            address=address[:64],
            browser=browser[:200],
        )
        session.add(begun)
        session.flush()
        by = _current(operator, begun.id, address)
        record(session, Event.SIGN_IN, by, on=audited(operator.id, operator.email))
    return Started(cookie=token, target=own_target(row.target))


_LOOKUP: Select[*tuple[Any, ...]] = (
    select(
        OperatorSession.id,
        OperatorSession.token_hash,
        OperatorSession.last_active_at,
        OperatorSession.expires_at,
        Operator.id.label("operator_id"),
        Operator.email,
        Operator.name,
        Operator.role,
        Operator.language,
    )
    .join(Operator, Operator.id == OperatorSession.operator_id)
    .where(
        OperatorSession.token_hash == bindparam("token_hash"),
        OperatorSession.ended_at.is_(None),
        Operator.active,
    )
)


def session_operator(
    app: Application, cookie: str | None, *, active: bool = True, address: str = ""
) -> SignedIn | None:
    """Who holds this cookie, or None; ``active=False`` for a look that is no activity (a timed rerun)."""
    if not cookie:
        return None
    moment = now()
    with app.database.rows() as rows:
        found = rows.all({"token_hash": hash_token(cookie)}, _lookup)
    if not found:
        return None
    number, token_hash, last_active_at, expires_at, operator_id, email, name, role, language = found[0]
    if expires_at <= moment:
        return None
    idle = moment - last_active_at
    if idle >= timedelta(minutes=app.settings.session_idle_minutes):
        return None
    if active and idle >= ACTIVITY_STEP:
        _note_activity(app, number, operator_id, moment)
    operator = CurrentOperator(operator_id, email, name, Role(role), language, number, address)
    return SignedIn(operator, number, token_hash)


def had_session(app: Application, cookie: str | None) -> bool:
    """Whether this cookie was ever a session's, ended or not."""
    if not cookie:
        return False
    with app.database.read() as session:
        found = select(OperatorSession.id).where(OperatorSession.token_hash == hash_token(cookie))
        return session.scalar(found) is not None


def _lookup(_sqlite: bool) -> Select[*tuple[Any, ...]]:
    return _LOOKUP


def _note_activity(app: Application, session_id: int, operator_id: int, moment: datetime) -> None:
    def note(session: Session) -> None:
        # The operator first, as whoever disables one does: the two would wait for each other otherwise.
        session.execute(update(Operator).where(Operator.id == operator_id).values(last_seen_at=moment))
        session.execute(
            update(OperatorSession).where(OperatorSession.id == session_id).values(last_active_at=moment)
        )

    app.database.unless_busy(note, None)  # the next click notes it


def end_session(app: Application, cookie: str | None, address: str = "") -> None:
    """Sign this cookie's session out; nothing happens when there is none."""
    if not cookie:
        return
    with app.database.transaction() as session:
        ended = session.execute(
            update(OperatorSession)
            .where(OperatorSession.token_hash == hash_token(cookie), OperatorSession.ended_at.is_(None))
            .values(ended_at=now())
            .returning(OperatorSession.id, OperatorSession.operator_id)
        ).one_or_none()
        operator = session.get(Operator, ended.operator_id) if ended else None
        if ended and operator:
            by = _current(operator, ended.id, address)
            record(session, Event.SIGN_OUT, by, on=audited(operator.id, operator.email))


def _current(operator: Operator, session_id: int, address: str) -> CurrentOperator:
    return CurrentOperator(
        operator.id,
        operator.email,
        operator.name,
        Role(operator.role),
        operator.language,
        session_id,
        address,
    )


def end_all_sessions(session: Session, operator_id: int, *, but: int | None = None) -> None:
    """End every session, ticket and half sign-in of an operator, in the transaction of what calls for it.

    ``but`` is the id of a session that stays.
    """
    moment = now()
    session.execute(
        update(OperatorSession)
        .where(
            OperatorSession.operator_id == operator_id,
            OperatorSession.id != (but or 0),
            OperatorSession.ended_at.is_(None),
        )
        .values(ended_at=moment)
    )
    session.execute(
        update(SignInTicket)
        .where(SignInTicket.operator_id == operator_id, SignInTicket.used_at.is_(None))
        .values(expires_at=moment)
    )
    session.execute(delete(SecondStep).where(SecondStep.operator_id == operator_id))
