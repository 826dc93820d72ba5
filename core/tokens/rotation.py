"""A live access token for a grant, rotating its refresh token when needed: one flight at a time, never too early.

The refresh token is single-use, so the rotated pair is committed at once, by lineage: only where the row still holds
the token that was spent. The lease and the intent are one conditional UPDATE; no lock is held across the call to Exact.
"""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import or_, update

from core import clock
from core.application import Application
from core.errors import NotFound
from core.exact.errors import ExactError, FailureKind
from core.exact.oauth import TokenPair
from core.i18n import _
from core.storage.models import Grant
from core.tokens.grants import read_pair, store_pair

LEASE = timedelta(seconds=180)
"""Longer than the token call's total deadline."""
_LAST_SECONDS = timedelta(seconds=20)
"""An access token with less than this left is not begun with."""
_POLL_SECONDS = 0.2
_RETRIES = tuple(timedelta(seconds=s) for s in (15, 600, 1200, 3600, 14_400))
"""After an answer that says nothing of the token (reliability.md, section 1, step 7)."""
_CONFIRM = timedelta(hours=1)
"""Between refusals: at most four errors an hour, and three refusals take two hours."""

_flights: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)


@dataclass(frozen=True)
class _Held:
    """A grant as read, with its pair in the clear."""

    environment: str
    fingerprint: str
    rotated_at: datetime
    next_try_at: datetime | None
    last_failure_kind: str | None
    last_failure_message: str
    pair: TokenPair = field(repr=False)


def access_token(app: Application, grant_id: str) -> str:
    """An access token that lives, after a refresh if need be.

    Raises ``ExactError`` when Exact does not give one, ``NotFound`` when the grant is gone.
    """
    with _flights[grant_id]:
        held = _read(app, grant_id)
        return held.pair.access_token if _fresh(app, held) else _refresh(app, grant_id, held)


def _fresh(app: Application, held: _Held) -> bool:
    """Whether the present token must do: it lives, or Exact would refuse a refresh as too early."""
    now = clock.now()
    earliest = held.rotated_at + timedelta(seconds=app.settings.token_min_age_seconds)
    lives = bool(held.pair.access_token) and held.pair.expires_at - _LAST_SECONDS > now
    return lives or now < earliest


def _refresh(app: Application, grant_id: str, held: _Held) -> str:
    if held.next_try_at is not None and held.next_try_at > clock.now():
        kind = FailureKind(held.last_failure_kind or FailureKind.UNKNOWN)
        raise ExactError(kind, exact_message=held.last_failure_message, retry_at=held.next_try_at)
    if not _lease(app, grant_id, held.fingerprint):
        return _await_other(app, grant_id, held)
    try:
        pair = app.exact.refresh(held.environment, held.pair.refresh_token)
    except ExactError as error:
        return _fail(app, grant_id, held, error)
    return _commit(app, grant_id, held, pair)


def _read(app: Application, grant_id: str) -> _Held:
    with app.database.read() as session:
        grant = session.get(Grant, grant_id)
        if grant is None or grant.refresh_token is None:
            raise NotFound(_("This consent is no longer there. Connect again."))
        return _Held(
            environment=grant.environment,
            fingerprint=grant.fingerprint or "",
            rotated_at=grant.rotated_at or grant.created_at,
            next_try_at=grant.next_try_at,
            last_failure_kind=grant.last_failure_kind,
            last_failure_message=grant.last_failure_message or "",
            pair=read_pair(app.vault, grant),
        )


def _lease(app: Application, grant_id: str, fingerprint: str) -> bool:
    """Reserve the spending of this very token; its commit proves that the database can be written."""
    now = clock.now()
    with app.database.transaction() as session:
        taken = session.execute(
            update(Grant)
            .where(
                Grant.id == grant_id,
                Grant.fingerprint == fingerprint,
                or_(Grant.lease_until.is_(None), Grant.lease_until <= now),
            )
            .values(
                lease_owner=f"{os.getpid()}/{threading.get_ident()}",
                lease_until=now + LEASE,
                intent_fingerprint=fingerprint,
                intent_at=now,
            )
            .returning(Grant.id)
        )
        return taken.first() is not None


def _await_other(app: Application, grant_id: str, held: _Held) -> str:
    """Another process is spending this token: wait for what it brings."""
    deadline = time.monotonic() + app.settings.token_timeout_seconds
    while time.monotonic() < deadline:
        now_held = _read(app, grant_id)
        if now_held.fingerprint != held.fingerprint:
            return now_held.pair.access_token
        if now_held.next_try_at is not None and now_held.next_try_at != held.next_try_at:
            return _refresh(app, grant_id, now_held)
        time.sleep(_POLL_SECONDS)
    raise ExactError(FailureKind.UNKNOWN)


def _commit(app: Application, grant_id: str, held: _Held, pair: TokenPair) -> str:
    """Write the successor where its parent still is; a consent that came meanwhile wins."""
    with app.database.transaction() as session:
        grant = session.get(Grant, grant_id, with_for_update=True)
        if grant is not None and grant.fingerprint == held.fingerprint:
            store_pair(session, app.vault, grant, pair)
            return pair.access_token
    return _read(app, grant_id).pair.access_token


def _fail(app: Application, grant_id: str, held: _Held, error: ExactError) -> str:
    """Record a failure, unless the row has moved on meanwhile: then its token is used."""
    with app.database.transaction() as session:
        grant = session.get(Grant, grant_id, with_for_update=True)
        if grant is not None and grant.fingerprint == held.fingerprint:
            _record(grant, error)
            moved = False
        else:
            moved = grant is not None
    if moved:
        return _read(app, grant_id).pair.access_token
    raise error


def _record(grant: Grant, error: ExactError) -> None:
    now = clock.now()
    grant.lease_owner = grant.lease_until = None
    grant.intent_fingerprint = grant.intent_at = None
    grant.next_try_at = _next_try(grant, error, now)
    if error.kind is FailureKind.TOO_EARLY:
        return  # not a failure: the present pair stays good
    grant.failures += 1
    grant.last_failure_at, grant.last_failure_kind = now, error.kind
    grant.last_failure_message = error.exact_message
    if error.kind is FailureKind.REFUSED:
        grant.refusals += 1
        grant.refused_since = grant.refused_since or now
    elif error.kind not in (FailureKind.NOT_SENT, FailureKind.UNKNOWN, FailureKind.OUTAGE):
        grant.refusals, grant.refused_since = 0, None


def _next_try(grant: Grant, error: ExactError, now: datetime) -> datetime:
    if error.retry_at is not None and error.retry_at > now:
        return error.retry_at
    if error.kind in (FailureKind.REFUSED, FailureKind.CLIENT):
        return now + _CONFIRM
    if error.kind is FailureKind.TOO_EARLY:
        return now + timedelta(minutes=1)
    if error.kind is FailureKind.NOT_SENT:
        return now + _RETRIES[0]
    return now + _RETRIES[min(grant.failures, len(_RETRIES) - 1)]
