"""Fields that Exact does not know any more: left out of our questions for a day, and told to us once.

A field that is dropped or renamed at Exact befalls every customer at once. So it is remembered in the database, for all
processes, and there is one alarm for it; it is asked for again after a day, and while Exact refuses it still, nobody is
told again.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core import clock
from core.alarms.outbox import AlarmKind, announce
from core.application import Application
from core.exact.environments import exact_app
from core.exact.selecting import EVERYTHING, ONLY_THE_KEY
from core.storage.models import Alarm, RefusedCall
from core.storage.sets import on_sqlite

A_DAY = timedelta(days=1)
QUIET = timedelta(days=30)
"""So long the same field is no news."""
_LONGEST = 60
_MARK = " $"

log = logging.getLogger(__name__)


def fields_left_out(app: Application, environment: str, resource: str) -> frozenset[str]:
    """The fields of ``resource`` that are not asked for now."""
    begins = f"{resource}{_MARK}"
    query = select(RefusedCall.resource).where(
        RefusedCall.environment == environment,
        RefusedCall.client_id == exact_app(app.settings, environment).client_id,
        RefusedCall.resource.startswith(begins, autoescape=True),
        RefusedCall.until > clock.now(),
    )
    with app.database.read() as session:
        return frozenset(name.removeprefix(begins) for name in session.scalars(query))


def leave_out_fields(
    app: Application, environment: str, resource: str, fields: frozenset[str], words: str
) -> None:
    """Do not ask for these for a day, and tell support of those that are news."""
    now = clock.now()
    with app.database.transaction() as session:
        place = environment, exact_app(app.settings, environment).client_id
        new = [name for name in sorted(fields) if _is_new(session, place, f"{resource}{_MARK}{name}", now)]
        if not new:
            return
        log.warning("Exact Online (%s) refuses %s of %s: %s", environment, ", ".join(new), resource, words)
        if untold := [name for name in new if name not in _told(session, environment, now)]:
            named = ", ".join(name for name in untold if name not in {EVERYTHING, ONLY_THE_KEY})
            what = f"{named} ({resource})" if named else resource
            announce(session, AlarmKind.FIELD_REFUSED, now, environment=environment, what=what, fields=untold)


def _is_new(session: Session, place: tuple[str, str], field: str, now: datetime) -> bool:
    """Write it down; whether nobody else had, for this day."""
    insert = sqlite.insert if on_sqlite(session) else postgresql.insert
    row = {
        "environment": place[0],
        "client_id": place[1],
        "resource": field[:_LONGEST],
        "login": "",
        "until": now + A_DAY,
    }
    key = (RefusedCall.environment, RefusedCall.client_id, RefusedCall.resource, RefusedCall.login)
    written = (
        insert(RefusedCall)
        .values(row)
        .on_conflict_do_update(
            index_elements=key, set_={"until": row["until"]}, where=RefusedCall.until <= now
        )
        .returning(RefusedCall.resource)
    )
    return session.execute(written).first() is not None


def _told(session: Session, environment: str, now: datetime) -> set[str]:
    """The fields of which support has been told: one that several lists have is one piece of news."""
    query = select(Alarm.details).where(
        Alarm.kind == AlarmKind.FIELD_REFUSED.value,
        Alarm.environment == environment,
        Alarm.created_at > now - QUIET,
    )
    return {name for details in session.scalars(query) for name in details.get("fields", ())}
