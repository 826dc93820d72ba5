"""One flight a grant: who may spend its refresh token now, in this process and among all of them."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import uuid4
from weakref import WeakValueDictionary

from sqlalchemy import CursorResult, or_, update
from sqlalchemy.sql.dml import ReturningUpdate

from core.settings import Settings
from core.storage.database import Database
from core.storage.models import Grant
from core.storage.moments import database_now

NO_LEASE: dict[str, None] = dict.fromkeys(("lease_owner", "lease_until", "intent_fingerprint", "intent_at"))

_locks: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()
_guard = threading.Lock()


@contextmanager
def alone(grant_id: str) -> Iterator[None]:
    """Let the threads of this process that want the same grant in one after the other."""
    with _guard:
        lock = _locks.get(grant_id)
        if lock is None:
            lock = _locks[grant_id] = threading.Lock()
    with lock:
        yield


def new_owner() -> str:
    """A name for one flight, unlike any other; the number of the process helps whoever reads the table."""
    return f"{os.getpid()}-{uuid4().hex}"


def take_lease(database: Database, settings: Settings, grant: Grant, owner: str) -> bool:
    """Write intent and lease with one conditional UPDATE; False when the row is not as it was read, or not free.

    Its commit proves that the database can be written, so a dead one spends no token. No lock is held afterwards.
    """
    with database.transaction() as session:
        now = database_now(session)
        return session.execute(_claim(settings, grant, owner, now)).first() is not None


def _claim(settings: Settings, grant: Grant, owner: str, now: datetime) -> ReturningUpdate[str]:
    aged = now - timedelta(seconds=settings.token_min_age_seconds)
    return (
        update(Grant)
        .where(
            Grant.id == grant.id,
            Grant.fingerprint == grant.fingerprint,
            Grant.rotated_at <= aged,
            or_(Grant.lease_until.is_(None), Grant.lease_until <= now),
            or_(Grant.next_try_at.is_(None), Grant.next_try_at <= now),
        )
        .values(
            lease_owner=owner,
            lease_until=now + settings.lease,
            intent_fingerprint=grant.fingerprint,
            intent_at=now,
        )
        .returning(Grant.id)
        .execution_options(synchronize_session=False)
    )


def changed(database: Database, statement: Any) -> bool:  # noqa: ANN401 - any UPDATE
    """Run and commit an UPDATE of one row; whether it found its row."""
    with database.transaction() as session:
        result = cast(CursorResult[Any], session.execute(statement))
        return result.rowcount == 1
