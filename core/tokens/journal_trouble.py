"""A journal that cannot be written is our own trouble: told once, and told again only when it was over in between."""

from __future__ import annotations

import hashlib
import logging
import platform

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from core import clock
from core.alarms.outbox import AlarmKind, announce
from core.application import Application
from core.storage.models import Counter
from core.storage.sets import on_sqlite

log = logging.getLogger(__name__)


def tell_failing(app: Application) -> None:
    """Tell support, unless they were told. A database that fails too must not hide the journal's trouble."""
    app.journal.works = False
    try:
        with app.database.transaction() as session:
            if _begin(session, _name(app)):
                announce(session, AlarmKind.JOURNAL_FAILS, clock.now())
    except SQLAlchemyError:
        log.exception("Nobody could be told that the journal cannot be written.")


def note_working(app: Application) -> None:
    """It can be written: the next trouble is news. Costs nothing while that is known."""
    if app.journal.works:
        return
    told = (Counter.name == _name(app), Counter.value != 0)
    try:
        with app.database.read() as session:
            was_told = session.scalar(select(Counter.name).where(*told)) is not None
        if was_told:
            with app.database.transaction() as session:
                over = update(Counter).where(*told).values(value=0)
                session.execute(over.execution_options(synchronize_session=False))
        app.journal.works = True
    except SQLAlchemyError:
        log.exception("It could not be noted that the journal can be written again.")


def _begin(session: Session, name: str) -> bool:
    """Whether it was not known before: of many that fail at the same moment one sees this."""
    insert = sqlite.insert if on_sqlite(session) else postgresql.insert
    begun = insert(Counter).values(name=name, value=1)
    begun = begun.on_conflict_do_update(
        index_elements=[Counter.name], set_={"value": 1}, where=Counter.value == 0
    )
    return session.execute(begun.returning(Counter.name)).first() is not None


def _name(app: Application) -> str:
    """Each machine has a journal of its own; the name of the counter holds no path."""
    place = f"{platform.node()} {app.journal.folder.absolute()}"
    return f"journal_fails:{hashlib.sha256(place.encode()).hexdigest()[:32]}"
