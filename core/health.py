"""Whether anything can be written now: a database that only reads, or a full disk, is not in order."""

from __future__ import annotations

import threading
from time import monotonic
from typing import TYPE_CHECKING, Literal

from sqlalchemy import delete
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from core import clock
from core.storage import counters
from core.storage.models import Counter
from core.tokens.slots import JournalFull

if TYPE_CHECKING:
    from core.application import Application

KEPT_SECONDS = 10.0
"""How long an answer is as good as a new one: probes and open pages ask it all the time."""
NAME = "written_at"
_LONG = "room" * 4_096
Trouble = Literal["", "database unreachable", "database not writable", "journal not writable"]


class Health:
    """Looks by writing, since nothing else tells."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._found: tuple[float, Trouble] | None = None

    def trouble(self, app: Application, *, fresh: bool = False) -> Trouble:
        """What is wrong; "" when all is well. ``fresh``: look now."""
        with self._guard:
            if not fresh and self._found is not None and monotonic() - self._found[0] < KEPT_SECONDS:
                return self._found[1]
            found = _look(app)
            self._found = (monotonic(), found)
            return found


def _look(app: Application) -> Trouble:
    try:
        app.database.ping()
    except Exception:
        return "database unreachable"
    if not _takes_a_row(app):
        return "database not writable"
    try:
        app.journal.slots.try_one()
    except (JournalFull, OSError):
        return "journal not writable"
    return ""


def _takes_a_row(app: Application) -> bool:
    try:
        with app.database.hurried() as session:
            counters.put(session, NAME, int(clock.now().timestamp()))
            if app.database.is_sqlite:  # a row that is there already needs no room: this one does
                counters.put(session, _LONG, 0)
                session.execute(delete(Counter).where(Counter.name == _LONG))
    except OperationalError as error:
        return _is_busy(error)
    except SQLAlchemyError:
        return False
    return True


def _is_busy(error: OperationalError) -> bool:
    """Somebody else is writing, so it can be written."""
    said = error.orig
    return (
        getattr(said, "sqlite_errorname", "").startswith("SQLITE_BUSY")
        or getattr(said, "sqlstate", "") == "55P03"
    )
