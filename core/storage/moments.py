"""The time that all who share a database agree on."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core import clock


def database_now(session: Session) -> datetime:
    """The database's time where several machines share it, moved as this process's clock is (zero in production).

    SQLite lives on one machine, whose clock it has.
    """
    if session.get_bind().dialect.name == "sqlite":
        return clock.now()
    moment: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return moment + clock.offset()
