"""When a keeper was last at work: without one nothing is checked and consents lapse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from core.application import Application
from core.storage import counters

NAME = "keeper_ran_at"
TOO_LONG = timedelta(hours=1)


def beat(session: Session, now: datetime) -> None:
    """A keeper is at work now."""
    counters.put(session, NAME, int(now.timestamp()))


def ran_at(figures: dict[str, int]) -> datetime | None:
    """When one last was, of what ``counters.read_all`` has read; None when none ever was."""
    seconds = figures.get(NAME)
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def last_ran(app: Application) -> datetime | None:
    """The same, read now."""
    with app.database.read() as session:
        return ran_at(counters.read_all(session))


def is_missing(ran: datetime | None, now: datetime) -> bool:
    """Whether nobody keeps the connections alive, as far as is known."""
    return ran is None or now - ran > TOO_LONG
