"""What the first screen shows: figures that are kept, and short lists out of an index. Nothing is counted in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, func, literal, select, union_all
from sqlalchemy.orm import Session

from core import clock
from core.accounts.roles import Action, CurrentOperator, require
from core.application import Application
from core.registrations import heartbeat
from core.registrations.incidents import IncidentView, open_incidents
from core.registrations.issue_views import silenced, silenced_by_status
from core.registrations.lapsing import can_lapse
from core.registrations.listing import RegistrationRow, registration_rows
from core.registrations.query import COUNT_LIMIT
from core.registrations.scope import visible
from core.registrations.status import LAPSES_SOON_DAYS, Status
from core.storage import counters
from core.storage.models import Registration

NEEDS_ATTENTION = (
    Status.RECONNECT_NEEDED,
    Status.EXACT_OUTAGE,
    Status.ATTENTION,
    Status.PARTLY_CONNECTED,
    Status.CONSENT_DENIED,
)
"""Worst first."""
LAPSING_DAYS = LAPSES_SOON_DAYS[0]
SHOWN = 10
_TICK = timedelta(microseconds=1)
_DUTCH = ZoneInfo("Europe/Amsterdam")
Seen = Sequence[ColumnElement[bool]]
"""What a registration must be for the reader to see it (``visible``)."""


@dataclass(frozen=True)
class Overview:
    """The figures and lists of the first screen."""

    counts: Mapping[Status, int]
    """Every status, in the order of ``Status``; 0 where there is none."""
    administrations: int
    """Linked ones."""
    snoozed: Mapping[str, int]
    """Of each status, how many need nobody now because somebody has silenced all that is wrong."""
    incidents: tuple[IncidentView, ...]
    attention: tuple[RegistrationRow, ...]
    """What needs somebody now and is not silenced, worst first, then by name; ``SHOWN`` at most."""
    lapsing: tuple[RegistrationRow, ...]
    """Consents that lapse within 14 days, soonest first; ``SHOWN`` at most."""
    lapsing_by_day: tuple[tuple[date, int], ...]
    """Today and the 14 days after it (Dutch time), and how many consents lapse on each, 1,001 for more."""

    keeper_ran_at: datetime | None
    """When a keeper was last at work; None when none ever was."""
    keeper_missing: bool
    """Nobody keeps the connections alive, as far as is known: what is shown may be old."""

    @property
    def registrations(self) -> int:
        return sum(self.counts.values())

    def needing(self, status: Status) -> int:
        """How many of a status need somebody now."""
        return self.counts[status] - self.snoozed.get(status, 0)

    @property
    def attention_count(self) -> int:
        return sum(self.needing(status) for status in NEEDS_ATTENTION)

    @property
    def snoozed_count(self) -> int:
        return sum(self.snoozed.get(status, 0) for status in NEEDS_ATTENTION)

    @property
    def lapsing_count(self) -> int:
        """Exact up to a thousand a day."""
        return sum(count for _day, count in self.lapsing_by_day)


def overview(app: Application, by: CurrentOperator) -> Overview:
    """How things stand now."""
    require(by, Action.VIEW)
    now, seen = clock.now(), visible(app.settings, by)
    with app.database.read() as session:
        kept = counters.read_all(session)
        ran_at = heartbeat.ran_at(kept)
        if seen:
            kept = _counted(session, seen)
        attention, lapsing = _attention(session, now, seen), _lapsing(session, now, seen)
        snoozed, incidents = silenced_by_status(session, now, seen), open_incidents(session, seen)
        by_day = _by_day(session, now, seen)
    with app.database.rows() as rows:
        return Overview(
            counts={status: kept.get(f"status:{status}", 0) for status in Status},
            administrations=kept.get("administrations", 0),
            snoozed=snoozed,
            incidents=incidents,
            attention=tuple(registration_rows(rows, attention)),
            lapsing=tuple(registration_rows(rows, lapsing)),
            lapsing_by_day=by_day,
            keeper_ran_at=ran_at,
            keeper_missing=heartbeat.is_missing(ran_at, now),
        )


def _counted(session: Session, seen: Seen) -> dict[str, int]:
    """The figures of those whom somebody may see: kept for all together, counted for one owner's few."""
    linked = func.sum(Registration.administrations_linked)
    query = select(Registration.status, func.count(), linked).where(*seen).group_by(Registration.status)
    rows = session.execute(query).all()
    by_status = {f"status:{status}": count for status, count, _linked in rows}
    return by_status | {"administrations": sum(linked or 0 for _status, _count, linked in rows)}


def _attention(session: Session, now: datetime, seen: Seen) -> list[int]:
    found: list[int] = []
    for status in NEEDS_ATTENTION:
        statement = (
            select(Registration.id)
            .where(Registration.status == status, ~silenced(now), *seen)
            .order_by(Registration.name_key, Registration.id)
            .limit(SHOWN - len(found))
        )
        if len(found) < SHOWN:
            found += session.scalars(statement)
    return found


def _lapsing(session: Session, now: datetime, seen: Seen) -> list[int]:
    statement = (
        select(Registration.id)
        .where(_lapses_between(*_soon(now)), *seen)
        .order_by(Registration.lapses_at, Registration.id)
        .limit(SHOWN)
    )
    return list(session.scalars(statement))


def _by_day(session: Session, now: datetime, seen: Seen) -> tuple[tuple[date, int], ...]:
    """One question for all days, each answered by a stretch of the index on the moment of lapsing."""
    today = now.astimezone(_DUTCH).date()
    days = [today + timedelta(days=number) for number in range(LAPSING_DAYS + 1)]
    start, end = _soon(now)
    parts = []
    for place, day in enumerate(days):
        within = _lapses_between(max(_midnight(day), start), min(_midnight(day + timedelta(days=1)), end))
        found = select(Registration.id).where(within, *seen).limit(COUNT_LIMIT + 1).subquery()
        parts.append(select(literal(place), func.count()).select_from(found))
    counted = {row[0]: row[1] for row in session.execute(union_all(*parts))}
    return tuple((day, counted[place]) for place, day in enumerate(days))


def _soon(now: datetime) -> tuple[datetime, datetime]:
    """From when to before when a consent lapses that lapses soon: the moments for which ``lapse_step`` says so."""
    return now + _TICK, now + timedelta(days=LAPSING_DAYS) + _TICK


def _lapses_between(start: datetime, end: datetime) -> ColumnElement[bool]:
    return (Registration.lapses_at >= start) & (Registration.lapses_at < end) & can_lapse()


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), _DUTCH)
