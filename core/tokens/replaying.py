"""Finding the answers that were left behind: after a kill, a database that was away, a restored backup.

Replaying twice is as good as once: a successor is put in force only where its parent, or an ancestor of it, lies.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from core import clock
from core.application import Application
from core.errors import ClickkerError, SettingsError
from core.exact.errors import ExactError
from core.exact.oauth import TokenPair
from core.storage.models import Grant
from core.tokens.archive import Archived
from core.tokens.grants import moment_in_database_time
from core.tokens.holdings import Held, held_in
from core.tokens.lineage import DATABASE_AWAY, Landing, land, raise_misplaced
from core.tokens.records import OtherForm, Record, Spend, unseal
from core.tokens.slots import JournalFull, Slot
from core.tokens.vault import DamagedSecret

Adopt = Callable[[Application, Record, TokenPair, datetime], bool]
"""What to do with the pair of a consent whose code was exchanged (the answer to that came at the moment given): the use
cases know who waited for it. Whether it has a row now."""

log = logging.getLogger(__name__)
BATCH = 500
"""Chains that are looked at together: as much memory for a hundred thousand consents as for five hundred."""
K = TypeVar("K", int, str)


def replay(app: Application, adopt: Adopt | None = None) -> int:
    """Put in force what lies in slots that nobody holds; how many answers that were.

    Without ``adopt`` the answers to codes are left where they are. What cannot be settled now stays for the next time.
    """
    settled = 0
    try:
        with closing(app.journal.slots.left_behind()) as slots:
            for slot in slots:
                settled += _settle_apart(app, slot, adopt)
    except (JournalFull, OSError):
        log.exception("The journal in %s cannot be read.", app.journal.folder)
    return settled


def recover(app: Application, grant_id: str) -> bool:
    """Bring a row that holds a spent ancestor to the newest answer of its chain; whether that changed it."""
    known = app.journal.newest(grant_id)
    if known is None:
        return False
    with app.database.read() as session:
        held = held_in(session, app.vault, grant_id)
    return held is not None and _bring_forward(app, known, held)


def recover_all(app: Application, adopt: Adopt | None = None) -> int:
    """The same for every chain that the archive knows: for a start, and after a restored backup. How many changed.

    A chain without a row began with a code that was exchanged after the backup: ``adopt`` gives it one.
    """
    archive = app.journal.archive
    changed = sum(_bring_all_forward(app, batch) for batch in _walk(archive.newest_after, ""))
    if adopt is not None:  # in the order in which they came: of two for one registration the younger counts
        changed += sum(_adopt_all(app, batch, adopt) for batch in _walk(archive.begun_after, 0))
    return changed


def _walk(read: Callable[[K, int], list[tuple[K, str]]], start: K) -> Iterator[list[tuple[K, str]]]:
    """The archive, a batch at a time; each batch begins after the last place of the one before."""
    last = start
    while True:
        try:
            batch = read(last, BATCH)
        except (SQLAlchemyError, OSError):
            log.exception("The archive of token answers cannot be read.")
            return
        if not batch:
            return
        yield batch
        last = batch[-1][0]


def _bring_all_forward(app: Application, batch: Sequence[tuple[str, str]]) -> int:
    """Of (grant, newest fingerprint) only those whose row holds another token are looked into."""
    query = select(Grant.id, Grant.fingerprint).where(Grant.id.in_([grant_id for grant_id, _child in batch]))
    with app.database.read() as session:
        held = dict(session.execute(query).all())
    return sum(recover(app, grant_id) for grant_id, child in batch if held.get(grant_id) not in (None, child))


def _adopt_all(app: Application, batch: Sequence[tuple[int, str]], adopt: Adopt) -> int:
    began = dict.fromkeys(grant_id for _number, grant_id in batch)
    with app.database.read() as session:
        rows = set(session.scalars(select(Grant.id).where(Grant.id.in_(began))))
    return sum(_adopt(app, grant_id, adopt) for grant_id in began if grant_id not in rows)


def _settle_apart(app: Application, slot: Slot, adopt: Adopt | None) -> bool:
    """One that cannot be settled stays, and does not stop the others. A database that is away stops all."""
    try:
        return _settle(app, slot, adopt)
    except DATABASE_AWAY:
        raise
    except (ClickkerError, SQLAlchemyError):
        log.exception("An answer in the journal could not be put in force; it stays there.")
        return False


def _settle(app: Application, slot: Slot, adopt: Adopt | None) -> bool:
    sealed = slot.read()
    if sealed is None:
        return False
    try:
        record = unseal(app.vault, sealed)
    except DamagedSecret:
        log.error("An answer in the journal is only half written; it is lost.")  # noqa: TRY400 - the cause is known
        slot.clear()
        return False
    except (SettingsError, OtherForm) as error:
        log.error("An answer in the journal cannot be opened: %s", error.message)  # noqa: TRY400
        return False
    if record.spend.exchanging and adopt is None:
        return False
    return _put_in_force(app, slot, sealed, record, adopt)


def _put_in_force(app: Application, slot: Slot, sealed: bytes, record: Record, adopt: Adopt | None) -> bool:
    spend, now, known = record.spend, clock.now(), app.journal.newest(record.spend.grant_id)
    try:
        pair = record.pair()
    except ExactError:
        if 200 <= record.status < 300:  # noqa: PLR2004
            app.journal.remember(spend, ("",), sealed, now, orphan=True)
        slot.clear()
        return False
    names = app.vault.fingerprints(pair.refresh_token)
    if spend.exchanging and adopt is not None:
        landing = Landing.LANDED if adopt(app, record, pair, record.received_at) else Landing.GONE
    elif known is not None and not {known.child, *known.ancestors}.isdisjoint(names):
        # Long ago, perhaps: the row may be ahead of it, or behind after a restored backup.
        landing = Landing.LANDED
        recover(app, spend.grant_id)
    else:
        before = known.ancestors if known is not None and spend.parent in _names_of(app, known) else ()
        landing = land(app, spend, pair, record.received_at, before)
    # Without a row its chain may begin after a restored backup; a customer who was disconnected left no chain.
    if landing is not Landing.GONE or known is not None:
        app.journal.remember(spend, names, sealed, now, orphan=landing is Landing.ORPHANED)
    slot.clear()
    log.warning("An answer left behind for grant %s was found: %s.", spend.grant_id, landing.name.lower())
    return landing is Landing.LANDED


def _bring_forward(app: Application, chain: Archived, held: Held) -> bool:
    if held.is_one_of({chain.child}) or not held.is_one_of(chain.ancestors):
        return False
    opened = _open(app, chain)
    if opened is None:
        return False
    record, pair = opened
    # The answer may be that of a consent whose pair went over to this row: it belongs here all the same.
    spend = replace(record.spend, grant_id=chain.grant_id, parent=held.fingerprint)
    landing = land(app, spend, pair, record.received_at)
    if landing is Landing.LANDED and chain.began_at is not None:
        _note_beginning(app, chain.grant_id, chain.began_at)
    log.warning("Grant %s held a token that was spent before; its chain was taken up again.", chain.grant_id)
    return landing is Landing.LANDED


def _note_beginning(app: Application, grant_id: str, began_at: datetime) -> None:
    """The chain that a row was brought to may have begun with a later consent than the row knew of."""
    with app.database.transaction() as session:
        grant = session.get(Grant, grant_id, with_for_update=True)
        moment = moment_in_database_time(session, began_at)
        if grant is not None and (grant.chain_began_at is None or grant.chain_began_at < moment):
            grant.chain_began_at, grant.chain_after = moment, None


def _adopt(app: Application, grant_id: str, adopt: Adopt) -> bool:
    chain = app.journal.newest(grant_id)
    opened = _open(app, chain) if chain is not None and chain.registration_id else None
    if chain is None or opened is None:
        return False
    record, pair = opened
    if _is_elsewhere(app, {chain.child, *app.vault.fingerprints(pair.refresh_token)}):
        return False
    began = Spend(record.spend.environment, chain.grant_id, "", chain.registration_id, chain.consent_id)
    return adopt(app, replace(record, spend=began), pair, chain.began_at or record.received_at)


def _is_elsewhere(app: Application, names: Collection[str]) -> bool:
    """What another row holds, or another chain went on from, is not alone in the world."""
    with app.database.read() as session:
        if session.scalar(select(Grant.id).where(Grant.fingerprint.in_(names)).limit(1)) is not None:
            return True
    return app.journal.archive.went_on(names)


def _names_of(app: Application, chain: Archived) -> Collection[str]:
    """What the newest refresh token of a chain is called, whatever key was the first when it was written down."""
    opened = _open(app, chain) if len(app.vault.heads) > 1 else None
    return {chain.child, *(app.vault.fingerprints(opened[1].refresh_token) if opened else ())}


def _open(app: Application, chain: Archived) -> tuple[Record, TokenPair] | None:
    try:
        record = unseal(app.vault, chain.sealed)
        pair = record.pair()
    except DamagedSecret:
        raise_misplaced(app, chain.grant_id)
        return None
    except (OtherForm, SettingsError, ExactError):
        log.exception("The archived answer of grant %s cannot be used.", chain.grant_id)
        return None
    if _belongs(app, chain, record, pair):
        return record, pair
    raise_misplaced(app, chain.grant_id)
    return None


def _belongs(app: Application, chain: Archived, record: Record, pair: TokenPair) -> bool:
    """Whether the answer is this grant's and this chain's own: what the archive says beside it anybody could write who
    can write its file; what is sealed only we can."""
    spend = record.spend
    return (
        spend.grant_id == chain.grant_id
        and chain.child in app.vault.fingerprints(pair.refresh_token)
        and spend.registration_id in {0, chain.registration_id}
        and spend.consent_id in {"", chain.consent_id}
    )
