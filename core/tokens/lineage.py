"""A successor is committed where its parent lies, and nowhere else (reliability.md, section 1, step 5)."""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import datetime, timedelta
from enum import Enum, auto

from sqlalchemy import select, update
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.orm import Session
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from core.alarms.outbox import AlarmKind, announce
from core.application import Application
from core.exact.oauth import TokenPair
from core.storage.models import Alarm, Grant, Registration
from core.storage.moments import database_now
from core.tokens.facts import next_keep_alive
from core.tokens.flights import NO_LEASE
from core.tokens.grants import in_database_time, pair_columns
from core.tokens.holdings import held_in, who_holds
from core.tokens.records import Spend

DATABASE_AWAY = (OperationalError, InterfaceError, InternalError)
"""The last is what PostgreSQL says while it is read-only, as in the middle of a failover."""
patiently = retry(
    retry=retry_if_exception_type(DATABASE_AWAY), wait=wait_fixed(1), stop=stop_after_delay(60), reraise=True
)
"""A database that fails for a moment is tried again for a minute; after that the journal has the answer."""

log = logging.getLogger(__name__)


class Landing(Enum):
    """Where a successor ended."""

    LANDED = auto()
    """It is in force; saying so twice is harmless."""
    ORPHANED = auto()
    """The row had moved on; it was not overwritten."""
    GONE = auto()
    """There is no such row any more, or its tokens were taken out."""


def land(
    app: Application, spend: Spend, pair: TokenPair, received_at: datetime, before: Collection[str] = ()
) -> Landing:
    """Put the successor of ``spend`` in force and archive it.

    ``before`` are fingerprints that are known to come before the parent: a row that a restored backup brought back
    holds one of them. A lease that has run out is no reason to refuse: this is the only live token. Raises
    ``OperationalError`` when the database is away for a minute.
    """
    landing = _commit(app, spend, pair, received_at, {spend.parent, *before})
    if landing is Landing.ORPHANED:
        log.warning(
            "Grant %s moved on while it was refreshed; its successor is not in force.", spend.grant_id
        )
    return landing


@patiently
def _commit(
    app: Application, spend: Spend, pair: TokenPair, received_at: datetime, parents: Collection[str]
) -> Landing:
    with app.database.transaction() as session:
        now = database_now(session)
        pair, moment = in_database_time(session, pair, received_at)
        columns = _columns(app, spend.grant_id, pair, moment)
        if _put(session, spend.grant_id, parents, columns):
            return Landing.LANDED
        held = held_in(session, app.vault, spend.grant_id)
        if held is None:
            # Disconnected, unless the pair went over to another row while its successor was on its way.
            held = who_holds(session, app.vault, spend.parent)
            if held is None:
                return Landing.GONE
            columns = _columns(app, held.grant_id, pair, moment)
        if held.is_one_of(app.vault.fingerprints(pair.refresh_token)):
            return Landing.LANDED
        if held.is_one_of(parents):  # under another key than the answer was sealed with
            _put(session, held.grant_id, {held.fingerprint}, columns)
            return Landing.LANDED
        _raise_alarm(session, spend.grant_id, now)
        return Landing.ORPHANED


def _put(session: Session, grant_id: str, parents: Collection[str], columns: dict[str, object]) -> bool:
    """Write ``columns`` into this row if one of ``parents`` lies there."""
    lies_there = (Grant.id == grant_id, Grant.fingerprint.in_(parents))
    statement = update(Grant).where(*lies_there).values(**columns).returning(Grant.id)
    return session.execute(statement.execution_options(synchronize_session=False)).first() is not None


def _columns(app: Application, grant_id: str, pair: TokenPair, moment: datetime) -> dict[str, object]:
    """Everything that a success at ``moment`` writes."""
    return {
        **pair_columns(app.vault, grant_id, pair),
        "version": Grant.version + 1,
        "rotated_at": moment,
        "last_success_at": moment,
        "keep_alive_at": next_keep_alive(app.settings, moment),
        "failures": 0,
        "refusals": 0,
        "refused_since": None,
        "next_try_at": None,
        **NO_LEASE,
    }


def raise_misplaced(app: Application, grant_id: str) -> None:
    """The archive holds for this grant what is another's, or was changed: nothing of it is put in force, and an admin
    is told, once a day."""
    log.error(
        "The archived answer of grant %s is not its own, or was changed; it is not put in force.", grant_id
    )
    with app.database.transaction() as session:
        now = database_now(session)
        affected = session.scalar(select(Registration).where(Registration.grant_id == grant_id).limit(1))
        told = select(Alarm.id).where(
            Alarm.kind == AlarmKind.ANSWER_MISPLACED.value,
            Alarm.created_at > now - timedelta(days=1),
            Alarm.registration_id == (affected.id if affected else None),
        )
        if session.scalar(told.limit(1)) is None:
            announce(session, AlarmKind.ANSWER_MISPLACED, now, registration=affected)


def _raise_alarm(session: Session, grant_id: str, now: datetime) -> None:
    """Somebody should look: a token came back that nobody waited for."""
    affected = session.scalar(select(Registration).where(Registration.grant_id == grant_id).limit(1))
    if affected is not None:
        announce(session, AlarmKind.TOKEN_ORPHANED, now, registration=affected)
