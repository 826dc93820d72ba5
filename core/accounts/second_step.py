"""Between a good password and a session, for whoever has a second factor: a code, within five minutes.

Who is half signed in is known by the browser's cookie and a row of ours, which is used once. Nothing of it is in the
page, its address or its state: a stolen Streamlit session has no cookie, and so no second step either.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core.accounts.lockout import Attempt, TooManyAttempts, begin_attempt, strike_out, worth_telling
from core.accounts.names import audited
from core.accounts.second_factor import Code, accept_code, second_factor_is_on
from core.accounts.sessions import add_ticket
from core.application import Application
from core.audit.events import Event
from core.audit.record import record, record_alone
from core.clock import now
from core.errors import InvalidInput, NotAllowed
from core.i18n import _
from core.storage.models import Operator, SecondStep
from core.tokens.secrets import hash_token

STEP_LIFE = timedelta(minutes=5)


def begin_second_step(app: Application, operator_id: int, browser_token: str) -> bool:
    """Whether a code is asked before a ticket is made; if so, this browser may give one for five minutes."""
    if not second_factor_is_on(app, operator_id):
        return False
    moment = now()
    browser = hash_token(browser_token)
    with app.database.transaction() as session:
        session.execute(delete(SecondStep).where(SecondStep.expires_at < moment))
        insert = sqlite.insert if app.database.is_sqlite else postgresql.insert
        begun = {"operator_id": operator_id, "expires_at": moment + STEP_LIFE}
        statement = insert(SecondStep).values(browser_hash=browser, **begun)
        # In one browser the last password given counts, whoever's it was.
        session.execute(statement.on_conflict_do_update(index_elements=[SecondStep.browser_hash], set_=begun))
    return True


def second_step_waits(app: Application, browser_token: str | None) -> bool:
    """Whether this browser has given a good password and owes the code."""
    if not browser_token:
        return False
    with app.database.read() as session:
        return _half_signed_in(session, browser_token) is not None


def forget_second_step(app: Application, browser_token: str | None) -> None:
    """Begin again with the password."""
    if not browser_token:
        return
    with app.database.transaction() as session:
        session.execute(delete(SecondStep).where(SecondStep.browser_hash == hash_token(browser_token)))


def complete_second_step(app: Application, browser_token: str, code: str, target: str, address: str) -> str:
    """The ticket for whoever gave the password in this browser and now the code.

    Raises ``InvalidInput`` for a wrong code, ``TooManyAttempts`` after several, counted together with wrong
    passwords, and ``NotAllowed`` when the five minutes are over.
    """
    with app.database.read() as session:
        operator = _half_signed_in(session, browser_token)
    if operator is None:
        raise _too_late()
    attempt = _begin(app, operator, browser_token, address)
    with app.database.transaction() as session:
        how = accept_code(app, session, operator.id, code)
        if how is not None:
            _use_up(session, operator, browser_token)
            strike_out(session, attempt)
            if how is Code.RECOVERY:
                on = audited(operator.id, operator.email)
                record(session, Event.RECOVERY_CODE_USED, None, on=on, address=address)
            return add_ticket(session, operator.id, browser_token, target, confirmed=True)
    _refused(app, operator, "wrong code", address)
    raise InvalidInput(_("This code is not right, or has been used already. Nobody was signed in."), "code")


def _use_up(session: Session, operator: Operator, browser_token: str) -> None:
    """In the transaction that takes the code: two codes at once make one ticket."""
    mine = session.execute(
        delete(SecondStep)
        .where(
            SecondStep.browser_hash == hash_token(browser_token),
            SecondStep.operator_id == operator.id,
            SecondStep.expires_at > now(),
        )
        .returning(SecondStep.operator_id)
    ).one_or_none()
    if mine is None:
        raise _too_late()


def _half_signed_in(session: Session, browser_token: str) -> Operator | None:
    return session.scalar(
        select(Operator)
        .join(SecondStep, SecondStep.operator_id == Operator.id)
        .where(
            SecondStep.browser_hash == hash_token(browser_token),
            SecondStep.expires_at > now(),
            Operator.active,
        )
    )


def _begin(app: Application, operator: Operator, browser_token: str, address: str) -> Attempt:
    try:
        return begin_attempt(app, operator.email, address, browser_token)
    except TooManyAttempts:
        if worth_telling(app, operator.email, address):
            _refused(app, operator, "locked", address)
        raise


def _refused(app: Application, operator: Operator, why: str, address: str) -> None:
    record_alone(
        app,
        Event.SIGN_IN,
        None,
        on=audited(operator.id, operator.email),
        outcome="refused",
        detail=f"second factor: {why}",
        address=address,
    )


def _too_late() -> NotAllowed:
    return NotAllowed(_("This sign-in has expired. Sign in again."))
