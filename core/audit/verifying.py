"""Reading the whole chain again: is every entry as it was written, and does the file outside say the same?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from itertools import islice

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.accounts.roles import Action, CurrentOperator, require
from core.application import Application
from core.audit.chain import GENESIS, Link
from core.audit.events import Event
from core.audit.heads import Head, HeadFile
from core.audit.record import record_alone
from core.errors import SettingsError
from core.i18n import _
from core.storage.models import AuditEntry, AuditHead
from core.storage.sets import among_these

BATCH = 1_000
_NAMES = tuple(field.name for field in fields(Link))
_COLUMNS = tuple(getattr(AuditEntry, name) for name in (*_NAMES, "hash"))


class How(StrEnum):
    """In what way the chain is broken."""

    CHANGED = "changed"
    REMOVED = "removed"
    INSERTED = "inserted"
    REORDERED = "reordered"
    UNLINKED = "unlinked"
    """It is whole in itself, but does not follow on the one before it: one of the two was written anew."""
    CUT_OFF = "cut_off"
    """Entries are missing at the end."""
    REWRITTEN = "rewritten"
    """The chain is whole, but the file outside knew another entry here."""
    HEAD = "head"
    """The database's own note of where the chain ends is gone, or names another hash."""


@dataclass(frozen=True)
class Broken:
    """The first entry that is not as it was written."""

    sequence: int
    how: How


@dataclass(frozen=True)
class Verdict:
    """What came of reading everything."""

    entries: int
    hash: str
    broken: Broken | None
    heads: int
    """Lines of the file outside that were compared."""
    unreadable: int
    """Lines of it that are none, as after a power cut."""
    outside: bool
    """Whether there was such a file to compare with."""


@dataclass(frozen=True)
class _Stored:
    """An entry as the database has it."""

    link: Link
    hash: str

    def fits(self, sequence: int) -> bool:
        """Whether it was written as number ``sequence``."""
        return replace(self.link, sequence=sequence).digest == self.hash


def verify(
    app: Application, by: CurrentOperator | None, progress: Callable[[int], None] = lambda _entries: None
) -> Verdict:
    """Examine the log and record that it was done, and what came of it.

    Raises ``NotAllowed``, and ``SettingsError`` when the file outside is there but cannot be read.
    """
    if by is not None:
        require(by, Action.AUDIT)
    verdict = examine(app, progress)
    broken = verdict.broken
    with suppress(SettingsError):  # so badly damaged that nothing can be added; the verdict says it
        record_alone(
            app,
            Event.AUDIT_VERIFIED,
            by,
            outcome="failed" if broken else "done",
            detail=f"{broken.how.value} {broken.sequence}" if broken else str(verdict.entries),
        )
    return verdict


def examine(app: Application, progress: Callable[[int], None] = lambda _entries: None) -> Verdict:
    """Read every entry, a batch at a time, and compare with the file outside. Raises ``SettingsError``.

    ``progress`` is told how many entries have been read. What is recorded meanwhile is no breach: the lines of the file
    are counted first, so what they vouch for was committed before the first entry is read.
    """
    file = HeadFile(app.settings.audit_head_file)
    try:
        return _examine(app, file, progress)
    except OSError as error:
        sentence = _(
            "The head of the audit log in {file} cannot be read ({reason}). Run this as the dashboard's user."
        )
        raise SettingsError(sentence.format(file=file.path, reason=type(error).__name__)) from None


def _examine(app: Application, file: HeadFile, progress: Callable[[int], None]) -> Verdict:
    size = file.size()
    compared = unreadable = 0
    with app.database.read() as session:
        ends_at = session.scalar(select(AuditHead.sequence)) or 0
        read, last, broken = _walk(session, progress)
        broken = broken or _own_head(session, read, ends_at)
        if broken is None and size:
            compared, unreadable, broken = _outside(session, file.lines(size))
    return Verdict(read, last, broken, compared, unreadable, bool(size))


def _walk(session: Session, progress: Callable[[int], None]) -> tuple[int, str, Broken | None]:
    """How many entries follow on each other, the last one's hash, and what is wrong with the one after it."""
    read, last = 0, GENESIS
    for stored in _all(session):
        broken = _broken(session, stored, read + 1, last)
        if broken is not None:
            return read, last, broken
        read, last = read + 1, stored.hash
        if read % BATCH == 0:
            progress(read)
    progress(read)
    return read, last, None


def _all(session: Session) -> Iterator[_Stored]:
    after: int | None = None
    while True:
        query = select(*_COLUMNS).order_by(AuditEntry.sequence).limit(BATCH)
        if after is not None:
            query = query.where(AuditEntry.sequence > after)
        rows = session.execute(query).all()
        for row in rows:
            yield _Stored(Link(*row[:-1]), row[-1])
        if len(rows) < BATCH:
            return
        after = rows[-1][0]


def _broken(session: Session, stored: _Stored, expected: int, previous: str) -> Broken | None:
    link = stored.link
    if link.sequence < expected:
        return Broken(link.sequence, How.INSERTED)
    whole = stored.hash == link.digest
    if link.sequence == expected and whole and link.previous_hash == previous:
        return None
    if link.sequence == expected and not whole and stored.fits(expected - 1):
        return Broken(
            expected - 1, How.INSERTED
        )  # this one moved up by one: somebody put in the one before it
    return Broken(expected, _how(session, stored, expected, previous, whole=whole))


def _how(session: Session, stored: _Stored, expected: int, previous: str, *, whole: bool) -> How:
    """What happened to number ``expected``, in whose place, or behind whose place, ``stored`` stands."""
    # Where the entry that should stand here is now: the one that follows on the last good one.
    now_at = session.scalar(
        select(AuditEntry.sequence)
        .where(AuditEntry.previous_hash == previous, AuditEntry.sequence > expected)
        .limit(1)
    )
    if stored.link.sequence > expected:
        return How.REMOVED if now_at is None else How.REORDERED
    if now_at is not None:
        return How.REORDERED if stored.fits(now_at) else How.INSERTED
    if whole:
        return How.UNLINKED
    return How.REMOVED if stored.fits(expected + 1) else How.CHANGED


def _own_head(session: Session, read: int, ends_at: int) -> Broken | None:
    """Compare with the database's own note of the end, as it was before the entries were read and as it is now."""
    if read < ends_at:
        return Broken(read + 1, How.CUT_OFF)
    now = session.execute(select(AuditHead.sequence, AuditHead.hash)).one_or_none()
    if now is None:
        return Broken(read, How.HEAD)
    if now.sequence < read:
        return Broken(now.sequence + 1, How.INSERTED)
    found = session.scalar(select(AuditEntry.hash).where(AuditEntry.sequence == now.sequence))
    return None if (found or GENESIS) == now.hash else Broken(now.sequence, How.HEAD)


def _outside(session: Session, lines: Iterable[Head | None]) -> tuple[int, int, Broken | None]:
    """Compare every head that was written outside: a tail that was cut off and a chain that was rewritten show here."""
    compared, unreadable, source = 0, 0, iter(lines)
    first: Broken | None = None
    while some := list(islice(source, BATCH)):
        heads = [head for head in some if head is not None]
        unreadable += len(some) - len(heads)
        wanted = among_these(session, AuditEntry.sequence, [head.sequence for head in heads])
        found = dict(session.execute(select(AuditEntry.sequence, AuditEntry.hash).where(wanted)).all())
        for head in heads:
            compared += 1
            if found.get(head.sequence) != head.hash and (first is None or head.sequence < first.sequence):
                how = How.REWRITTEN if head.sequence in found else How.CUT_OFF
                first = Broken(head.sequence, how)
    return compared, unreadable, first
