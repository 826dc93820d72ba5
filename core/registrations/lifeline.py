"""Which consents would lapse if nothing of ours ran for a while, measured from the last time each was refreshed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from core import clock
from core.accounts.roles import Action, CurrentOperator, require
from core.application import Application
from core.errors import InvalidInput
from core.i18n import _
from core.registrations.lapsing import can_lapse
from core.registrations.listing import RegistrationRow, registration_rows
from core.registrations.query import COUNT_LIMIT, PAGE_SIZE, Page
from core.registrations.scope import visible
from core.storage.models import Registration

_DUTCH = ZoneInfo("Europe/Amsterdam")


@dataclass(frozen=True)
class Outage:
    """We are down from the beginning of the first day to the end of the last (Dutch time)."""

    first: date
    last: date

    @property
    def begins(self) -> datetime:
        return datetime.combine(self.first, time(), _DUTCH)

    @property
    def ends(self) -> datetime:
        return datetime.combine(self.last + timedelta(days=1), time(), _DUTCH)


def today() -> date:
    """The date in the Netherlands."""
    return clock.now().astimezone(_DUTCH).date()


def would_lapse(
    app: Application, by: CurrentOperator, outage: Outage, page: int = 1
) -> Page[RegistrationRow]:
    """The customers whose consent would lapse, soonest first. Raises ``InvalidInput`` when the days are reversed.

    What has lapsed already is not among them. What is refreshed before the first day begins lives longer than
    shown here: the list is what would be lost at worst.
    """
    require(by, Action.VIEW)
    if outage.last < outage.first:
        raise InvalidInput(_("The last day must not be before the first."), "last")
    within = select(Registration.id).where(
        Registration.lapses_at >= max(outage.begins, clock.now()),
        Registration.lapses_at < outage.ends,
        can_lapse(),
        *visible(app.settings, by),
    )
    counted = select(func.count()).select_from(within.limit(COUNT_LIMIT + 1).subquery())
    with app.database.read() as session:
        found = session.scalar(counted) or 0
        shown = min(found, COUNT_LIMIT)
        pages = max(1, -(-shown // PAGE_SIZE))
        number = min(max(page, 1), pages)
        soonest = within.order_by(Registration.lapses_at, Registration.id)
        ids = session.scalars(soonest.limit(PAGE_SIZE).offset((number - 1) * PAGE_SIZE)).all()
    with app.database.rows() as connection:
        rows = tuple(registration_rows(connection, ids))
    return Page(rows, shown, found > COUNT_LIMIT, number, pages)
