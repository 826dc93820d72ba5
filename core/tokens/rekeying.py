"""Encrypting anew, under the first key, everything that an older key of the settings encrypted; while all goes on.

Nothing is remembered between runs: a ciphertext names its key, so whoever was killed starts again and finds what is
left. A row is written only where it still holds what was read, and not while somebody is spending its token, so that no
newer token is ever overwritten with an older one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import Any, cast

from sqlalchemy import CursorResult, Row, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from core import clock
from core.application import Application
from core.errors import SettingsError
from core.exact.errors import ExactError
from core.storage.moments import database_now
from core.tokens.records import OtherForm, reseal, unseal
from core.tokens.replaying import replay
from core.tokens.sealed import SEALED, Sealed
from core.tokens.vault import DamagedSecret

BATCH = 100
"""Rows a transaction: on SQLite everybody else waits for it."""
AGAIN_SECONDS = 0.5
JOURNAL, ARCHIVE = "journal", "archive"
"""Places on this machine's disk, beside the tables."""


@dataclass
class Rekeyed:
    """What a run came to."""

    changed: dict[str, int] = field(default_factory=dict)
    """By table or other place."""
    stuck: set[str] = field(default_factory=set)
    """Where something lies that cannot be opened, as table and row: it is left as it is."""
    busy: int = 0
    """Rows and slots that somebody was using for longer than we waited."""

    def count(self, place: str, changed: int) -> None:
        self.changed[place] = self.changed.get(place, 0) + changed


Tell = Callable[[str, int], None]
"""Told after each batch: the place, and how many were encrypted anew there so far."""


def rekey(app: Application, tell: Tell = lambda _place, _count: None) -> Rekeyed:
    """Encrypt anew what other keys than the first one made: rows, and this machine's journal and archive.

    Waits for tokens that are being spent meanwhile, for as long as a call may take. Raises ``SQLAlchemyError`` when the
    database or the archive cannot be used.
    """
    result = Rekeyed()
    until = monotonic() + app.settings.lease.total_seconds() + 10 * AGAIN_SECONDS
    while True:
        result.busy = sum(_rows(app, sealed, result, tell) for sealed in SEALED)
        result.busy += _slots(app, result, tell)
        _archive(app, result, tell)
        if not result.busy or monotonic() > until:
            return result
        sleep(AGAIN_SECONDS)


def _rows(app: Application, sealed: Sealed, result: Rekeyed, tell: Tell) -> int:
    """One walk along a table by its primary key; how many rows were in use and are to be looked at again."""
    name, busy, last = sealed.table.name, 0, None
    while rows := _batch(app, sealed, last):
        last = getattr(rows[-1], sealed.key.key)
        opened = [(row, plain) for row in rows if (plain := _opened(app, sealed, row, result)) is not None]
        _rename(app, sealed, opened)
        changed = _write(app, sealed, opened)
        busy += len(opened) - changed
        result.count(name, changed)
        tell(name, result.changed[name])
    return busy


def _batch(app: Application, sealed: Sealed, last: object) -> Sequence[Row[Any]]:
    query = select(sealed.key, *sealed.columns, *sealed.also).where(
        sealed.made_otherwise(app.vault.heads[:1])
    )
    if last is not None:
        query = query.where(sealed.key > last)
    with app.database.read() as session:
        return session.execute(query.order_by(sealed.key).limit(BATCH)).all()


def _opened(app: Application, sealed: Sealed, row: Row[Any], result: Rekeyed) -> dict[str, str] | None:
    try:
        return sealed.open(app.vault, row)
    except (DamagedSecret, SettingsError):
        result.stuck.add(f"{sealed.table.name} {getattr(row, sealed.key.key)}")
        return None


def _rename(app: Application, sealed: Sealed, opened: Sequence[tuple[Row[Any], dict[str, str]]]) -> None:
    """The archive calls tokens by name too. It comes first: after a kill a row that is done is not looked at again."""
    if sealed.names is None:
        return
    tokens = [(row.id, plain["refresh_token"]) for row, plain in opened if "refresh_token" in plain]
    app.journal.archive.rename([name for each in tokens for name in _names(app, *each)])


def _names(app: Application, grant_id: str, refresh_token: str) -> list[tuple[str, str, str]]:
    present, *older = app.vault.fingerprints(refresh_token)
    return [(grant_id, name, present) for name in older]


def _write(app: Application, sealed: Sealed, opened: Sequence[tuple[Row[Any], dict[str, str]]]) -> int:
    made = [(row, sealed.seal(app.vault, row, plain)) for row, plain in opened]
    if not made:
        return 0
    with app.database.transaction() as session:
        return sum(_write_one(session, sealed, row, values) for row, values in made)


def _write_one(session: Session, sealed: Sealed, row: Row[Any], values: dict[str, Any]) -> bool:
    as_read = [_is(column, getattr(row, column.key)) for column in (*sealed.columns, *sealed.also)]
    statement = update(sealed.model).where(sealed.key == getattr(row, sealed.key.key), *as_read)
    if sealed.leased is not None:
        free = or_(sealed.leased.is_(None), sealed.leased <= database_now(session))
        statement = statement.where(free)
    done = session.execute(statement.values(values).execution_options(synchronize_session=False))
    return cast(CursorResult[Any], done).rowcount == 1


def _is(column: InstrumentedAttribute[Any], value: object) -> Any:  # noqa: ANN401 - a condition
    return column.is_(None) if value is None else column == value


def _slots(app: Application, result: Rekeyed, tell: Tell) -> int:
    """Answers in the journal; how many are in use. Those to a refresh are put in force, which empties their slot.

    What no replay can settle now keeps its key: it tells its parent by the name that this key gives it.
    """
    replay(app)
    for slot in app.journal.slots.left_behind():
        sealed = slot.read()
        if sealed is None or app.vault.is_current(sealed):
            continue
        try:
            if not unseal(app.vault, sealed).spend.exchanging:
                continue
            slot.replace(reseal(app.vault, sealed))
        except (DamagedSecret, SettingsError, OtherForm):
            result.stuck.add(f"{JOURNAL} {slot.name}")
            continue
        result.count(JOURNAL, 1)
        tell(JOURNAL, result.changed[JOURNAL])
    app.journal.slots.sweep(clock.now().timestamp())
    size = len(app.vault.heads[0])
    left = sum(head != app.vault.heads[0] for head in app.journal.slots.glimpse(size))
    return left - sum(place.startswith(JOURNAL) for place in result.stuck)


def _archive(app: Application, result: Rekeyed, tell: Tell) -> None:
    archive, last = app.journal.archive, 0
    while batch := archive.made_otherwise(app.vault.heads[0], last, BATCH):
        last = batch[-1][0]
        for number, grant_id, sealed in batch:
            try:
                made = reseal(app.vault, sealed)
            except (DamagedSecret, SettingsError):
                result.stuck.add(f"{ARCHIVE} {number}")
                continue
            with suppress(ExactError, OtherForm):  # no token in it that we can read: it has no name
                archive.rename(_names(app, grant_id, unseal(app.vault, made).pair().refresh_token))
            archive.replace(number, sealed, made)
            result.count(ARCHIVE, 1)
            tell(ARCHIVE, result.changed[ARCHIVE])
