"""Handing out a live access token, and spending the refresh token for the next one when it must.

A refresh token is single-use: once Exact has answered, the only live one is in that answer. So one flight spends it,
after writing that it will, and writes the successor before it does anything else (reliability.md, section 1).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic, sleep

from sqlalchemy import update
from sqlalchemy.exc import InterfaceError, OperationalError
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from core import clock
from core.application import Application
from core.errors import NotFound
from core.exact.errors import ExactError, FailureKind
from core.exact.oauth import TokenPair
from core.i18n import _
from core.settings import Settings
from core.storage.models import Grant
from core.tokens.facts import SPARE, next_try
from core.tokens.flights import LEASE, NO_LEASE, alone, changed, new_owner, take_lease
from core.tokens.grants import pair_columns, read_access_token, read_refresh_token

_POLL_SECONDS = 0.2
"""How often to look whether another process has finished."""
_DATABASE_AWAY = (OperationalError, InterfaceError)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """What to do about a grant now: hand out what it has, spend, wait for another's flight, or give up."""

    hand_out: bool = False
    spend: bool = False
    error: ExactError | None = None


def access_token(app: Application, grant_id: str) -> str:
    """A live access token of this grant, refreshed first when the present one ends and Exact permits it.

    Raises ``ExactError`` when there is none to be had now: its ``retry_at`` says from when it is worth trying. Raises
    ``NotFound`` when there is no such grant, ``SettingsError`` when the key that opens it is missing.
    """
    if token := _handed_out(app, _read(app, grant_id)):
        return token
    with alone(grant_id):
        return _token_of_flight(app, grant_id)


def plan(grant: Grant, settings: Settings, now: datetime) -> Plan:
    """What to do about ``grant`` at ``now``. Pure; never says "spend" sooner than Exact's 570 s."""
    lives = _lives(grant, now)
    if grant.fingerprint is None or grant.rotated_at is None:
        return Plan(error=ExactError(FailureKind.REFUSED))
    refreshable_at = grant.rotated_at + timedelta(seconds=settings.token_min_age_seconds)
    if now < refreshable_at:
        early = ExactError(FailureKind.TOO_EARLY, retry_at=refreshable_at)
        return Plan(hand_out=True) if lives else Plan(error=early)
    if grant.next_try_at is not None and now < grant.next_try_at:
        return Plan(hand_out=True) if lives else Plan(error=_known_failure(grant))
    if grant.lease_until is not None and now < grant.lease_until:
        return Plan(hand_out=lives)
    return Plan(spend=True)


def _token_of_flight(app: Application, grant_id: str) -> str:
    """Look, and look again while another process is at it; its lease bounds the wait."""
    until = monotonic() + LEASE.total_seconds() + 1
    while monotonic() < until:
        grant = _read(app, grant_id)
        now = clock.now()
        step = plan(grant, app.settings, now)
        if step.error is not None:
            raise step.error
        if step.hand_out:
            return read_access_token(app.vault, grant)
        if step.spend and (token := _spend(app, grant, now)):
            return token
        if not step.spend:
            sleep(_POLL_SECONDS)
    raise ExactError(FailureKind.UNKNOWN)


def _spend(app: Application, grant: Grant, now: datetime) -> str:
    """Refresh, when the lease can be had; empty when the row has moved and must be looked at again."""
    refresh_token = read_refresh_token(app.vault, grant)  # before the lease: a missing key must not hold it
    owner = new_owner()
    if not take_lease(app.database, app.settings, grant, owner, now):
        return ""
    try:
        pair = app.exact.refresh(grant.environment, refresh_token)
    except ExactError as error:
        return _after_failure(app, grant, owner, error)
    return pair.access_token if _keep_successor(app, grant, pair) else ""


@retry(
    retry=retry_if_exception_type(_DATABASE_AWAY), wait=wait_fixed(1), stop=stop_after_delay(60), reraise=True
)
def _keep_successor(app: Application, grant: Grant, pair: TokenPair) -> bool:
    """Commit the successor where its parent lies, and nowhere else; repeating it is harmless. Whether it lies there.

    A lease that has run out in the meantime is no reason to refuse: this is the only live token. A database that
    fails for a moment is tried again for a minute.
    """
    now = clock.now()
    columns = pair_columns(app.vault, grant.id, pair)
    statement = (
        update(Grant)
        .where(Grant.id == grant.id, Grant.fingerprint == grant.fingerprint)
        .values(
            **columns,
            version=Grant.version + 1,
            rotated_at=now,
            last_success_at=now,
            failures=0,
            refusals=0,
            refused_since=None,
            next_try_at=None,
            **NO_LEASE,
        )
    )
    if changed(app.database, statement) or _read(app, grant.id).fingerprint == columns["fingerprint"]:
        return True
    # A new consent came in between and has won; the chain that this successor belongs to is dead at Exact.
    log.warning("Grant %s moved on while it was refreshed; its successor is not kept.", grant.id)
    return False


def _after_failure(app: Application, grant: Grant, owner: str, error: ExactError) -> str:
    """Record why; the present token is handed out while it lives, and a newer one if the row has moved.

    Returns nothing when the row must be looked at again; raises ``error`` when there is no way on.
    """
    now = clock.now()
    if error.kind == FailureKind.TOO_EARLY:
        # No failure: the pair is good, only Exact counts from a later moment than we do.
        error.retry_at = now + timedelta(seconds=app.settings.token_min_age_seconds)
        _release(app, grant, owner, next_try_at=error.retry_at)
    else:
        failures = grant.failures + 1
        error.retry_at = next_try(error.kind, failures, now, error.retry_at)
        _record(app, grant, owner, error, now)
        log.warning("Refreshing grant %s failed: %s (%s).", grant.id, error.kind.value, error.exact_message)
    again = _read(app, grant.id)
    if _lives(again, now):
        return read_access_token(app.vault, again)
    if again.fingerprint != grant.fingerprint:
        return ""
    raise error


def _record(app: Application, grant: Grant, owner: str, error: ExactError, now: datetime) -> None:
    refused = error.kind == FailureKind.REFUSED
    _release(
        app,
        grant,
        owner,
        next_try_at=error.retry_at,
        last_failure_at=now,
        last_failure_kind=error.kind.value,
        last_failure_message=error.exact_message,
        failures=grant.failures + 1,
        refusals=grant.refusals + refused,
        refused_since=grant.refused_since or (now if refused else None),
    )


def _release(app: Application, grant: Grant, owner: str, **facts: object) -> None:
    """Give the lease back and write ``facts``, as long as the row is ours and holds the token that was tried."""
    mine = (Grant.id == grant.id, Grant.fingerprint == grant.fingerprint, Grant.lease_owner == owner)
    changed(app.database, update(Grant).where(*mine).values(**NO_LEASE, **facts))


def _handed_out(app: Application, grant: Grant) -> str:
    ready = plan(grant, app.settings, clock.now()).hand_out
    return read_access_token(app.vault, grant) if ready else ""


def _read(app: Application, grant_id: str) -> Grant:
    with app.database.read() as session:
        grant = session.get(Grant, grant_id)
    if grant is None:
        raise NotFound(_("This consent is no longer there. Connect again."))
    return grant


def _lives(grant: Grant, now: datetime) -> bool:
    if grant.access_token is None or grant.access_expires_at is None:
        return False
    return now < grant.access_expires_at - SPARE


def _known_failure(grant: Grant) -> ExactError:
    """Why it is not tried now: the failure that was recorded last, or that it was too early."""
    known = grant.last_failure_kind if grant.failures else FailureKind.TOO_EARLY.value
    kind = FailureKind(known) if known in set(FailureKind) else FailureKind.UNKNOWN
    return ExactError(kind, exact_message=grant.last_failure_message or "", retry_at=grant.next_try_at)
