"""Lists of Exact's that are longer than a minute's budget: where their reading stopped, kept in the database.

Exact permits so many calls a minute, and gives a list in pages. So each page is kept as it comes, until the list is
whole: a later minute, another process or a restart goes on where the last one stopped. A list of one page is not kept.
What is kept of an address is its path and OData's own options, and never what else may stand in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import astuple
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core import clock
from core.application import Application
from core.exact.errors import ExactError, FailureKind
from core.exact.paging import Listed, Page, united
from core.exact.rows import Division
from core.i18n import ngettext
from core.registrations.overruling import UNSAID
from core.registrations.views import ReadingView
from core.registrations.wording import figure, hour_of
from core.storage.models import Registration, new_uuid
from core.storage.models_keeping import ReadPage
from core.storage.sets import on_sqlite

TOO_OLD = timedelta(hours=6)
"""A list changes at Exact while it is read: what was begun longer ago is begun anew."""
MOST_PAGES = 20_000
A_MINUTE = timedelta(minutes=1)
DIVISIONS = "system/Divisions"


class KeptPages:
    """One reading of one list for one registration and login (``core.exact.paging.Reading``).

    ``hurry`` tells whether to stop after the page at hand. ``fresh`` reads a list again that is whole already; one that
    is not is gone on with all the same.
    """

    def __init__(
        self,
        app: Application,
        registration_id: int,
        grant_id: str,
        resource: str = DIVISIONS,
        *,
        hurry: Callable[[], bool] = lambda: False,
        fresh: bool = False,
    ) -> None:
        self._app, self._hurry = app, hurry
        self._whose = (registration_id, grant_id, resource)
        self._id, self._number, self._next = new_uuid(), 0, ""
        self._only: Page | None = None
        self.count = 0
        """How many administrations have been read."""
        self._find(fresh=fresh)

    @property
    def grant_id(self) -> str:
        return self._whose[1]

    @property
    def has_begun(self) -> bool:
        """Whether pages of it are kept: it is longer than one."""
        return self._number > 0

    def beside(self, resource: str) -> KeptPages:
        """The reading of another list for the same registration and login."""
        number, grant_id, _resource = self._whose
        return KeptPages(self._app, number, grant_id, resource, hurry=self._hurry)

    def place(self) -> str:
        return self._next

    def is_whole(self) -> bool:
        return self._only is not None or (self._number > 0 and not self._next)

    def keep(self, page: Page) -> None:
        if not self._number and not page.following:
            self._only = page
            return
        if self._number + 1 >= MOST_PAGES:
            raise ExactError(FailureKind.UNKNOWN)
        following = _bare(page.following)
        with self._app.database.transaction() as session:
            mine = ReadPage.reading_id == self._id
            known = select(ReadPage.number).where(mine, ReadPage.following == following)
            comes_round = bool(following) and session.scalar(known.limit(1)) is not None
            written = not comes_round and self._write(session, page, following)
        if comes_round:
            self.begin_anew()
            raise ExactError(FailureKind.UNKNOWN)
        if not written:  # another process is at it, and has read this page already
            raise self.unfinished(clock.now() + A_MINUTE)
        self._number, self._next = self._number + 1, page.following
        self.count += len(page.divisions)
        if following and self._hurry():
            raise self.unfinished(clock.now() + A_MINUTE)

    def begin_anew(self) -> None:
        with self._app.database.transaction() as session:
            session.execute(delete(ReadPage).where(ReadPage.reading_id == self._id))
        self._id, self._number, self._next, self._only, self.count = new_uuid(), 0, "", None, 0

    def listed(self) -> Listed:
        if self._only is not None:
            return united([self._only])
        with self._app.database.read() as session:
            rows = session.execute(
                select(ReadPage.number, ReadPage.rows, ReadPage.whole)
                .where(ReadPage.reading_id == self._id)
                .order_by(ReadPage.number)
            ).all()
        if [row.number for row in rows] != list(
            range(self._number)
        ):  # somebody else has come to its end meanwhile
            raise self.unfinished(clock.now() + A_MINUTE)
        try:
            return united([Page(tuple(Division(*row) for row in page.rows), "", page.whole) for page in rows])
        except TypeError:  # kept by another version of the program, which knew other fields
            self.begin_anew()
            raise self.unfinished(clock.now() + A_MINUTE) from None

    def in_short(self, error: ExactError) -> ExactError:
        """``error``, or, where it only interrupts this reading, that it goes on."""
        if error.kind != FailureKind.RATE_LIMITED or not self._number:
            return error
        return self.unfinished(error.retry_at or clock.now() + UNSAID)

    def unfinished(self, until: datetime) -> ExactError:
        """We hold back ourselves, in the middle of a list: no failure of anybody's."""
        message = progress(ReadingView(self.count, until))
        return ExactError(FailureKind.RATE_LIMITED, retry_at=until, message=message)

    def _find(self, *, fresh: bool) -> None:
        """Go on with the youngest reading that is not too old."""
        with self._app.database.read() as session:
            first = select(ReadPage.reading_id).where(
                *_of(*self._whose), ReadPage.number == 0, ReadPage.read_at > clock.now() - TOO_OLD
            )
            found = session.scalar(first.order_by(ReadPage.read_at.desc()).limit(1))
            if found is None:
                return
            last = session.scalars(
                select(ReadPage).where(ReadPage.reading_id == found).order_by(ReadPage.number.desc()).limit(1)
            ).one()
            if fresh and not last.following:
                return
            counted = select(func.sum(ReadPage.count)).where(ReadPage.reading_id == found)
            self.count = int(session.scalar(counted) or 0)
        self._id, self._number, self._next = found, last.number + 1, last.following

    def _write(self, session: Session, page: Page, following: str) -> bool:
        registration_id, grant_id, resource = self._whose
        insert = sqlite.insert if on_sqlite(session) else postgresql.insert
        row = {
            "reading_id": self._id,
            "number": self._number,
            "registration_id": registration_id,
            "grant_id": grant_id,
            "resource": resource,
            "following": following,
            "count": len(page.divisions),
            "rows": [list(astuple(division)) for division in page.divisions],
            "whole": page.whole,
            "read_at": clock.now(),
        }
        new = insert(ReadPage).values(row).on_conflict_do_nothing().returning(ReadPage.number)
        return session.execute(new).first() is not None


def forget_pages(session: Session, registration_id: int, grant_id: str) -> None:
    """What was read has been written down: the next reading begins at the first page."""
    session.execute(delete(ReadPage).where(*_of(registration_id, grant_id)))


def forget_pages_of(session: Session, grant_id: str) -> None:
    """A consent was given anew: what was read before it may not be mixed with what it permits."""
    session.execute(delete(ReadPage).where(ReadPage.grant_id == grant_id))


def reading_view(session: Session, row: Registration) -> ReadingView | None:
    """How far a list has been read that is not whole yet, and when it goes on; None where none is being read."""
    if row.grant_id is None:
        return None
    counted: dict[str, tuple[int, bool]] = {}
    query = (
        select(ReadPage.reading_id, ReadPage.count, ReadPage.following)
        .where(*_of(row.id, row.grant_id, DIVISIONS), ReadPage.read_at > clock.now() - TOO_OLD)
        .order_by(ReadPage.reading_id, ReadPage.number)
    )
    for reading_id, count, following in session.execute(query):
        counted[reading_id] = (counted.get(reading_id, (0, True))[0] + count, bool(following))
    unfinished = [count for count, goes_on in counted.values() if goes_on]
    return ReadingView(max(unfinished), row.next_check_at) if unfinished else None


def progress(view: ReadingView) -> str:
    """How far a list has been read, in one sentence."""
    if view.goes_on_at is None:
        sentence = ngettext(
            "{count} administration read so far; read the list again to go on.",
            "{count} administrations read so far; read the list again to go on.",
            view.count,
        )
        return sentence.format(count=figure(view.count))
    return ngettext(
        "{count} administration read, going on at {time}.",
        "{count} administrations read, going on at {time}.",
        view.count,
    ).format(count=figure(view.count), time=hour_of(view.goes_on_at))


def _of(registration_id: int, grant_id: str, resource: str = "") -> Iterator[ColumnElement[bool]]:
    yield ReadPage.registration_id == registration_id
    yield ReadPage.grant_id == grant_id
    if resource:
        yield ReadPage.resource == resource[:60]


def _bare(address: str) -> str:
    """The path of an address, with nothing in its query but OData's own options: no token, whoever put one there.

    Not the host: where our token goes is said by the settings alone.
    """
    if not address:
        return ""
    parts = urlsplit(address)
    options = [(name, value) for name, value in parse_qsl(parts.query) if name.startswith("$")]
    query = urlencode(options, safe="$,'()", quote_via=quote)
    return f"{parts.path}?{query}"
