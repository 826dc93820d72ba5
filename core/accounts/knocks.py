"""How often somebody may knock at a door that is open to all: one count for every process, in the database.

A bucket that runs empty in a minute, kept as the moment at which it will be empty (the "generic cell rate algorithm"):
one number a row, moved by one conditional UPSERT, so that of two processes that count the same knock neither is lost.
"""

from __future__ import annotations

import hashlib
import threading
from ipaddress import IPv6Address, ip_address, ip_network
from time import monotonic

from sqlalchemy import case, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core import clock
from core.application import Application
from core.storage.models import Knock

SPAN = 60.0
"""Seconds in which a full bucket runs empty."""
AHEAD = 2 * SPAN
"""Seconds ahead that a level is believed. A full one lies a span ahead of whoever filled it, and a little more ahead of
who looked at the clock before that and comes after, or whose clock is behind: that is no reason to begin anew."""
PATIENCE_MS = 2_000
"""How long a knock waits for somebody else's transaction: processes that knock at once only take turns."""
MOST_ROWS = 10_000
"""Rows kept when the table is tidied; the fullest buckets stay, the others have little to tell."""
TIDY_SECONDS, TIDY_KNOCKS = 60.0, 500
"""A process tidies after so long, and after so many knocks: that bounds the rows."""
_lock = threading.Lock()
_here: dict[str, float] = {}
_tidied: dict[str, float] = {"at": 0.0, "knocks": 0.0}


def allow(app: Application, key: str, per_minute: int) -> bool:
    """Whether ``key`` may knock once more; it may ``per_minute`` times at once, and then as the bucket runs empty."""
    hashed = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
    moment, step = clock.now().timestamp(), SPAN / per_minute
    with app.database.read() as session:  # whoever hammers does not get at the one lock of SQLite
        full = session.scalar(select(Knock.free_at).where(Knock.key_hash == hashed))
    if full is not None and moment + SPAN - step < full <= moment + AHEAD:
        return False

    def pour(session: Session) -> bool:
        if _due():
            _tidy(session, moment)
        return _pour(session, hashed, moment, step)

    poured = app.database.unless_busy(pour, None, PATIENCE_MS)
    return _pour_here(hashed, moment, step) if poured is None else poured


def _pour_here(hashed: str, moment: float, step: float) -> bool:
    """While the database is busy each process counts for itself: whoever reads waits for nobody."""
    with _lock:
        level = max(_here.get(hashed, moment), moment) + step
        if level > moment + SPAN:
            return False
        if len(_here) >= MOST_ROWS:
            _here.clear()
        _here[hashed] = level
        return True


def network_of(address: str) -> str:
    """What counts as one address: of IPv6 the /64 that a single line is given, with numbers without end."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((known, 64), strict=False)) if isinstance(known, IPv6Address) else address


def _pour(session: Session, hashed: str, moment: float, step: float) -> bool:
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    # Further ahead it was a clock that went wrong, and is no reason to wait.
    level = case((Knock.free_at.between(moment, moment + AHEAD), Knock.free_at), else_=moment) + step
    statement = insert(Knock).values(key_hash=hashed, free_at=moment + step)
    poured = session.execute(
        statement.on_conflict_do_update(
            index_elements=[Knock.key_hash], set_={"free_at": level}, where=level <= moment + SPAN
        ).returning(Knock.key_hash)
    )
    return poured.one_or_none() is not None


def _due() -> bool:
    with _lock:
        _tidied["knocks"] += 1
        if monotonic() - _tidied["at"] < TIDY_SECONDS and _tidied["knocks"] < TIDY_KNOCKS:
            return False
        _tidied.update(at=monotonic(), knocks=0.0)
        return True


def _tidy(session: Session, moment: float) -> None:
    """Forget buckets that are empty, and the emptiest of too many."""
    session.execute(delete(Knock).where(Knock.free_at < moment))
    if (session.scalar(select(func.count()).select_from(Knock)) or 0) > MOST_ROWS:
        from_here = select(Knock.free_at).order_by(Knock.free_at.desc()).offset(MOST_ROWS).limit(1)
        session.execute(delete(Knock).where(Knock.free_at <= from_here.scalar_subquery()))
