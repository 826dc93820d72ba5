"""How often Exact may be asked in one administration: counted here, overruled by what Exact's headers say.

Exact permits so many calls a minute and a day for each app and administration, and blocks an app for an hour after
ten errors at one address (exact-online.md, section 6). What is not known is whether calls without an administration
(current/Me) count; they are booked on the one that the Exact user has open, which is where Exact would count them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import ColumnElement, case, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import InstrumentedAttribute, Session

from core import clock
from core.application import Application
from core.exact.errors import ExactError, FailureKind
from core.exact.limits import Limits
from core.i18n import _
from core.registrations.left_out import fields_left_out, leave_out_fields
from core.registrations.overruling import fresh, write_down
from core.registrations.wording import moment
from core.settings import Settings
from core.storage.models import CallBudget
from core.storage.sets import among_these, on_sqlite


@dataclass(frozen=True)
class CallsLeft:
    """What is left in the fullest used of some administrations, and from when they may all be asked again."""

    minute: int
    day: int
    blocked_until: datetime | None


def reserve(
    session: Session, settings: Settings, environment: str, codes: Mapping[int, int], now: datetime
) -> dict[int, datetime]:
    """Take ``codes`` (administration to number of calls) out of the budgets.

    Returns those of which nothing was taken, with the moment from which they may be asked.
    """
    # In one order everywhere: two keepers that want the same rows must not wait for each other.
    refused = [
        code for code in sorted(codes) if not _take(session, settings, (environment, code), codes[code], now)
    ]
    if not refused:
        return {}
    rows = _rows(session, environment, refused)
    return {row.code: _free_at(row, codes[row.code], now) for row in rows}


def calls_left(
    session: Session, settings: Settings, environment: str, codes: Collection[int], now: datetime
) -> CallsLeft:
    """The least that is left in any of these administrations."""
    rows = _rows(session, environment, list(codes))
    unasked = len(rows) < len(set(codes)) or not rows
    minute = [settings.calls_per_minute] if unasked else []
    day = [settings.calls_per_day] if unasked else []
    for row in rows:
        minute.append(row.minute_left if row.minute_ends_at > now else row.minute_limit)
        day.append(row.day_left if row.day_ends_at > now else row.day_limit)
    free_at = max((_free_at(row, 1, now) for row in rows), default=now)
    return CallsLeft(min(minute), min(day), free_at if free_at > now else None)


class Budget:
    """The meter of one round of calls: takes from the budgets before each, remembers what the answers said.

    ``home`` is the administration on which calls without one are booked. Where it is not known yet, ``login`` says
    for whom they are counted: one login that is refused must not stop the others.
    """

    def __init__(self, app: Application, environment: str, home: int | None, login: str = "") -> None:
        self._app, self._environment, self._home = app, environment, home or _stand_in(login)
        self._in_hand: Counter[int] = Counter()
        self._told: dict[int, list[Limits]] = defaultdict(list)
        self._left_out: dict[str, frozenset[str]] = {}

    def take(self, codes: Iterable[int]) -> dict[int, datetime]:
        """Reserve a call in each of these; returns those that may not be asked now, and from when they may."""
        wanted = Counter(codes)
        with self._app.database.transaction() as session:
            refused = reserve(session, self._app.settings, self._environment, wanted, clock.now())
        self._in_hand.update({code: calls for code, calls in wanted.items() if code not in refused})
        return refused

    def ask(self, division: int) -> None:
        """Raises ``ExactError`` (RATE_LIMITED, without a status) with the moment from which it may be asked."""
        code = division or self._home
        if not self._in_hand[code] and (refused := self.take([code])):
            raise exhausted(refused[code])
        self._in_hand[code] -= 1

    def heard(self, division: int, limits: Limits) -> None:
        self._told[division or self._home].append(limits)

    def left_out(self, resource: str) -> frozenset[str]:
        """The fields of a resource that Exact did not know within the last day."""
        if resource not in self._left_out:
            self._left_out[resource] = fields_left_out(self._app, self._environment, resource)
        return self._left_out[resource]

    def leave_out(self, resource: str, fields: frozenset[str], words: str) -> None:
        """Not asked for again for a day, by whichever process."""
        self._left_out[resource] = self.left_out(resource) | fields
        leave_out_fields(self._app, self._environment, resource, fields, words)

    def write_down(self, session: Session) -> None:
        """Keep what was heard since the last time."""
        write_down(session, self._app.settings, self._environment, self._told, clock.now())
        self._told.clear()

    def keep(self) -> None:
        """The same in a transaction of its own."""
        if self._told:
            with self._app.database.transaction() as session:
                self.write_down(session)


def _stand_in(login: str) -> int:
    """A number that no administration has, for calls of a login of which none is known; 0 for nobody's."""
    return -int.from_bytes(sha256(login.encode()).digest()[:6]) if login else 0


def exhausted(until: datetime) -> ExactError:
    """We hold back ourselves: no failure of Exact's, and none of the customer's."""
    sentence = _("We ask Exact Online only so often, and that is reached for now. Try again from {moment}.")
    return ExactError(FailureKind.RATE_LIMITED, retry_at=until, message=sentence.format(moment=moment(until)))


def holds_back(error: ExactError) -> bool:
    """Whether it was we who did not ask."""
    return error.kind == FailureKind.RATE_LIMITED and error.status is None


def only_waits(error: ExactError) -> bool:
    """Nothing was asked and nothing is wrong: it is only too soon."""
    return holds_back(error) or error.kind == FailureKind.TOO_EARLY


def _take(session: Session, settings: Settings, place: tuple[str, int], calls: int, now: datetime) -> bool:
    environment, code = place
    insert = sqlite.insert if on_sqlite(session) else postgresql.insert
    new = fresh(settings, calls, now)
    minute_left = _left(CallBudget.minute_ends_at, CallBudget.minute_limit, CallBudget.minute_left, now)
    day_left = _left(CallBudget.day_ends_at, CallBudget.day_limit, CallBudget.day_left, now)
    taken = session.execute(
        insert(CallBudget)
        .values(environment=environment, code=code, error_moments=[], **new)
        .on_conflict_do_update(
            index_elements=[CallBudget.environment, CallBudget.code],
            set_={
                "minute_left": minute_left - calls,
                "day_left": day_left - calls,
                "minute_ends_at": _end(CallBudget.minute_ends_at, new["minute_ends_at"], now),
                "day_ends_at": _end(CallBudget.day_ends_at, new["day_ends_at"], now),
            },
            where=(minute_left >= calls)
            & (day_left >= calls)
            & or_(CallBudget.blocked_until.is_(None), CallBudget.blocked_until <= now),
        )
        .returning(CallBudget.code)
        .execution_options(populate_existing=True)
    )
    return taken.first() is not None


def _left(
    ends_at: InstrumentedAttribute[datetime],
    limit: InstrumentedAttribute[int],
    left: InstrumentedAttribute[int],
    now: datetime,
) -> ColumnElement[int]:
    return case((ends_at <= now, limit), else_=left)


def _end(
    ends_at: InstrumentedAttribute[datetime], new: datetime | int, now: datetime
) -> ColumnElement[datetime]:
    return case((ends_at <= now, new), else_=ends_at)


def _rows(session: Session, environment: str, codes: list[int]) -> list[CallBudget]:
    query = select(CallBudget).where(
        CallBudget.environment == environment, among_these(session, CallBudget.code, codes)
    )
    return list(session.scalars(query.execution_options(populate_existing=True)))


def _free_at(row: CallBudget, calls: int, now: datetime) -> datetime:
    """From when ``row`` permits so many calls; ``now`` when it does."""
    moments = [now]
    if row.blocked_until is not None:
        moments.append(row.blocked_until)
    if row.minute_left < calls:
        moments.append(row.minute_ends_at)
    if row.day_left < calls:
        moments.append(row.day_ends_at)
    return max(moments)
