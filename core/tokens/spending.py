"""Spending a token: the steps of the protocol, in their order (reliability.md, section 1).

1. A slot of the journal is reserved: without one nothing is spent.
2. Intent and lease are written in one conditional UPDATE; its commit proves that the database can be written.
3. Exact is called.
4. The raw answer is durable in the slot before it is parsed.
5. The successor is committed where its parent lies.
6. The answer is archived and the slot is free.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

from sqlalchemy.orm import Session

from core import clock
from core.application import Application
from core.exact.environments import base_url
from core.exact.errors import ExactError, FailureKind
from core.exact.oauth import TokenPair
from core.exact.transport import Answer
from core.i18n import _
from core.storage.models import Grant
from core.tokens.flights import new_owner, take_lease
from core.tokens.grants import add_candidate, newest_beginning, read_refresh_token
from core.tokens.journal_trouble import note_working, tell_failing
from core.tokens.lineage import Landing, land, patiently
from core.tokens.records import Record, Spend, seal
from core.tokens.slots import JournalFull, Slot
from core.tokens.vault import Vault

log = logging.getLogger(__name__)


class Failed(Exception):
    """Exact did not give a pair: who held the lease, and what was wrong."""

    def __init__(self, owner: str, error: ExactError) -> None:
        super().__init__(error.kind.value)
        self.owner = owner
        self.error = error


class InFlight:
    """Holds a slot for the call that is under way, and writes the answer into it in the thread that receives it."""

    def __init__(self, vault: Vault, slot: Slot, spend: Spend) -> None:
        self._vault = vault
        self._slot = slot
        self._spend = spend
        self._guard = threading.Lock()
        self._over = False
        self.record: Record | None = None
        self.sealed = b""
        slot.retain()

    def keep(self, answer: Answer) -> None:
        """Make the answer durable. A disk that fails is no reason to throw it away: it goes on to the database."""
        record = Record.of(self._spend, answer)
        sealed = seal(self._vault, record)
        try:
            self._slot.write(sealed)
        except OSError:
            log.exception("The journal could not take the answer for grant %s.", self._spend.grant_id)
        self.sealed, self.record = sealed, record  # whoever sees the record, in another thread, needs both

    def end(self) -> None:
        """The call is over."""
        with self._guard:
            self._over = True
        self._slot.release()

    @property
    def over(self) -> bool:
        """Whether nothing can arrive any more; an answer that comes later is found by the next replay."""
        with self._guard:
            return self._over


def spend_refresh_token(app: Application, grant: Grant) -> TokenPair | None:
    """Refresh, and put the successor in force; None when the row must be looked at again.

    Raises ``Failed`` when Exact gave none, and ``ExactError`` when nothing was sent for want of a slot.
    """
    refresh_token = read_refresh_token(app.vault, grant)  # before the lease: a missing key must not hold it
    base_url(app.settings, grant.environment)  # and neither must a missing setting
    with _reserved(app) as slot:
        owner = new_owner()
        if not take_lease(app.database, app.settings, grant, owner):
            return None
        # Called as the key calls it that seals the answer; the row may still call it as an older key does.
        spend = Spend(grant.environment, grant.id, app.vault.fingerprint(refresh_token))
        flight = InFlight(app.vault, slot, spend)
        try:
            pair = app.exact.refresh(grant.environment, refresh_token, flight)
        except ExactError as error:
            late = _put_away(app, slot, flight)
            if late is None:
                raise Failed(owner, error) from None
            pair = late
        landing = land(app, spend, pair, _received_at(flight), {grant.fingerprint or ""})
        archive(app, flight, pair, landing)
        slot.clear()
    return pair if landing is Landing.LANDED else None


def exchange_code(
    app: Application, spend: Spend, code: str, verifier: str, keep: Callable[[Session], None]
) -> TokenPair:
    """Hand in the code of a consent; the pair lies in a new row, not live yet, when this returns.

    Whose it is shows only afterwards, when that user's older chain is dead at Exact already, so nothing may come
    between the answer and that commit (design.md, section 3). ``keep`` notes in the same transaction who waits for it.
    Raises ``ExactError``.
    """
    with app.database.read() as session:
        after = newest_beginning(session)
    with _reserved(app) as slot:
        flight = InFlight(app.vault, slot, spend)
        try:
            pair = app.exact.exchange(spend.environment, code, verifier, flight)
        except ExactError:
            late = _put_away(app, slot, flight)
            if late is None:
                raise
            pair = late
        _save(app, spend, pair, keep, after)
        archive(app, flight, pair, Landing.LANDED)
        slot.clear()
    return pair


def archive(app: Application, flight: InFlight, pair: TokenPair, landing: Landing) -> None:
    """Remember the answer for seven days, unless its customer was disconnected meanwhile: then nobody may keep it."""
    if flight.record is None:
        return
    if landing is Landing.GONE and app.journal.newest(flight.record.spend.grant_id) is None:
        return
    spend, names = flight.record.spend, app.vault.fingerprints(pair.refresh_token)
    orphan = landing is Landing.ORPHANED
    # A consent's moment tells later when its chain began.
    at = flight.record.received_at if spend.exchanging else clock.now()
    app.journal.remember(spend, names, flight.sealed, at, orphan=orphan)


def journal_full() -> ExactError:
    """Nothing may be spent, and Exact has nothing to do with it: say so, and who mends it."""
    return ExactError(
        FailureKind.OURS,
        message=_(
            "The journal on this server cannot be written, so nothing was sent to Exact Online. An admin must look at "
            "the disk of the server."
        ),
    )


@contextmanager
def _reserved(app: Application) -> Iterator[Slot]:
    try:
        slot = app.journal.slots.reserve()
    except JournalFull:
        log.exception("No slot of the journal in %s can be had; nothing is spent.", app.journal.folder)
        tell_failing(app)
        raise journal_full() from None
    try:
        note_working(app)
        yield slot
    finally:
        slot.release()


@patiently
def _save(
    app: Application,
    spend: Spend,
    pair: TokenPair,
    keep: Callable[[Session], None],
    after: datetime | None,
) -> None:
    with app.database.transaction() as session:
        if session.get(Grant, spend.grant_id) is None:
            add_candidate(session, app, spend.grant_id, spend.environment, pair).chain_after = after
            keep(session)


def _put_away(app: Application, slot: Slot, flight: InFlight) -> TokenPair | None:
    """The call failed: empty the slot, unless something may still come into it, which the next replay finds.

    Returns the pair of an answer that came in the very moment in which we gave up. An answer without one is kept when
    its status is good: it may hide a pair in a shape that we cannot read.
    """
    if not flight.over:  # asked once, and first: what arrives after this must stay where it is
        return None
    record = flight.record
    if record is not None:
        with suppress(ExactError):
            return record.pair()
        if 200 <= record.status < 300:  # noqa: PLR2004
            app.journal.remember(record.spend, ("",), flight.sealed, clock.now(), orphan=True)
    slot.clear()
    return None


def _received_at(flight: InFlight) -> datetime:
    return flight.record.received_at if flight.record is not None else clock.now()
