"""What was left half-way is finished: answers in the journal, chains behind a backup, tokens without an owner."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, aliased

from core import clock
from core.application import Application
from core.errors import ClickkerError
from core.exact.errors import ExactError, FailureKind
from core.exact.oauth import TokenPair
from core.registrations.grants import identify_grant, release_grant, unidentified
from core.registrations.locking import lock_login, lock_registrations
from core.registrations.outcomes import EXCHANGING, Outcome
from core.registrations.owners import ask_whose
from core.registrations.settle import settle, settle_all_on
from core.registrations.takeover import await_decision, delete_lost, is_lost
from core.storage.database import afterwards
from core.storage.models import Consent, Grant, Registration
from core.tokens.chains import drop_aside
from core.tokens.grants import add_candidate
from core.tokens.records import Record, Spend
from core.tokens.replaying import recover_all, replay

log = logging.getLogger(__name__)


def replay_journal(app: Application) -> int:
    """Put in force every answer that a killed process left in the journal; how many there were."""
    return replay(app, _adopt)


def recover_chains(app: Application) -> int:
    """Bring rows that a restored backup, or a replica that lagged, brought back to their newest tokens; how many."""
    return recover_all(app, _adopt)


def identify_strays(app: Application, limit: int = 20) -> int:
    """Ask Exact whose the tokens are that no registration waits for, and give them to whoever shares that login.

    Tokens that nobody needs are deleted. Returns how many were settled.
    """
    settled = 0
    with app.database.transaction() as session:
        drop_aside(session, app)
    for grant_id in _strays(app, limit):
        try:
            settled += _identify(app, grant_id)
        except Exception as error:  # one that cannot be read keeps no other from being asked for
            told = error.message if isinstance(error, ClickkerError) else type(error).__name__
            log.warning("Grant %s has no owner yet: %s", grant_id, told)
    return settled


def _adopt(app: Application, record: Record, pair: TokenPair, began_at: datetime) -> bool:
    """Keep the pair of a consent whose process died before it could; the next check asks whose it is.

    One that was kept already and has no row any more went over to another, or was let go of: it is not brought back.
    """
    with app.database.transaction() as session:
        lock_registrations(session, [record.spend.registration_id])
        consent = session.get(Consent, record.spend.consent_id, with_for_update=True)
        spend = record.spend if consent is not None else _for_whom(session, record)
        has_row = session.get(Grant, spend.grant_id) is not None
        if not has_row and (consent is None or consent.verifier is not None):
            received = {"received_at": record.received_at, "began_at": began_at}
            add_candidate(session, app, spend.grant_id, spend.environment, pair, **received)
            await_decision(app, spend, session)
            has_row = True
        # Open, as a backup remembers it, or given up while its answer lay in the journal.
        if has_row and consent is not None and consent.outcome in {"", EXCHANGING, Outcome.TIMEOUT}:
            consent.outcome, consent.used_at = Outcome.UNIDENTIFIED, consent.used_at or clock.now()
        row = session.get(Registration, spend.registration_id, with_for_update=True, populate_existing=True)
        if row is not None:
            settle(session, app.settings, row, clock.now())
            if not has_row and _was_let_go(row):
                afterwards(session, lambda: app.journal.forget([spend.grant_id]))
        return has_row


def _was_let_go(row: Registration) -> bool:
    """Whether it was disconnected: a process that ended before it could tell the journal has left its tokens there."""
    return row.disconnected_at is not None and row.grant_id is None and row.candidate_grant_id is None


def _for_whom(session: Session, record: Record) -> Spend:
    """A restored backup has forgotten the attempt, and gives numbers out again: who registered after the answer came
    did not ask for it."""
    row = session.get(Registration, record.spend.registration_id)
    if row is None or row.created_at <= record.received_at:
        return record.spend
    return replace(record.spend, registration_id=0)


def _strays(app: Application, limit: int) -> list[str]:
    now = clock.now()
    waiting = aliased(Registration)
    query = (
        select(Grant.id)
        .where(
            ~Grant.live,
            Grant.exact_user_id.is_(None),
            Grant.refresh_token.is_not(None),
            or_(Grant.next_try_at.is_(None), Grant.next_try_at <= now),
            or_(Grant.identify_at.is_(None), Grant.identify_at <= now),
            ~select(waiting.id).where(waiting.candidate_grant_id == Grant.id).exists(),
        )
        # Who was not asked for yet, then who has waited longest: those that always fail keep nobody from a turn.
        .order_by(Grant.identify_at.is_not(None), Grant.identify_at, Grant.created_at, Grant.id)
        .limit(limit)
    )
    with app.database.read() as session:
        return list(session.scalars(query))


def _identify(app: Application, grant_id: str) -> bool:
    with app.database.read() as session:
        grant = session.get(Grant, grant_id)
    if grant is None:
        return False
    try:
        me = ask_whose(app, grant)
    except ExactError as error:
        if error.kind != FailureKind.REFUSED:
            raise
        return _delete_lost(app, grant_id, error)
    with app.database.transaction() as session:
        candidate = lock_login(session, grant_id, me.user_id)
        if candidate is None:
            return False
        known = identify_grant(session, app, candidate, me)
        settle_all_on(session, app.settings, known.id, clock.now())
        release_grant(session, app, known.id)
    return True


def _delete_lost(app: Application, grant_id: str, error: ExactError) -> bool:
    """Exact refuses these: once that is for good nobody is left to ask whose they are. Raises ``error`` until then."""
    with app.database.transaction() as session:
        candidate = unidentified(session, grant_id)
        if candidate is None:
            return False
        if not is_lost(app, candidate):
            raise error
        delete_lost(session, app, candidate)
    return True
