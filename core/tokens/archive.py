"""The newest answer of each chain, kept for seven days beside the database and apart from it.

The database remembers what it committed; this remembers what Exact answered. After a restored backup, or a failover to
a replica that lagged, a row holds a token that was spent long ago: the chain of fingerprints (parent to child) leads
from there to the newest answer, which holds the one that is alive.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    delete,
    event,
    func,
    or_,
    select,
    update,
)

from core.storage.base import UTCDateTime
from core.storage.database import Database
from core.tokens.records import Spend
from core.tokens.vault import HEAD_BYTES

KEPT = timedelta(days=7)

_metadata = MetaData()
_answers = Table(
    "answers",
    _metadata,
    Column("id", Integer, primary_key=True),
    Column("grant_id", String(36), nullable=False),
    Column("parent", String(64), nullable=False),
    Column("child", String(64), nullable=False),
    Column(
        "registration_id", Integer, nullable=False
    ),  # who asked for the consent it began with; 0 elsewhere
    Column("consent_id", String(36), nullable=False),  # which consent that was; empty elsewhere
    Column("sealed", LargeBinary),  # None once a younger answer of the same chain is here
    Column("orphan", Integer, nullable=False, default=0),
    Column("at", UTCDateTime, nullable=False),
    Index("ix_answers_grant", "grant_id", "id"),
    Index("ix_answers_at", "at"),
)
_later_indexes = (
    Index("ix_answers_parent", _answers.c.parent, _answers.c.id),
    Index("ix_answers_child", _answers.c.child),
)
"""A file of an earlier version has the table without them."""
_in_line = _answers.c.orphan == 0


@dataclass(frozen=True)
class Archived:
    """The newest answer of a chain, and every fingerprint that came before it."""

    grant_id: str
    ancestors: frozenset[str]
    child: str
    registration_id: int
    """Who asked for the consent that the chain began with; 0 when that is not known."""
    consent_id: str
    sealed: bytes
    began_at: datetime | None
    """When the answer to that consent came; None when that is not known."""


class Archive:
    """Opened at first use; every call raises ``SQLAlchemyError`` when its file cannot be used."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened: Database | None = None
        self._opening = threading.Lock()

    def add(
        self, spend: Spend, names: Sequence[str], sealed: bytes, now: datetime, *, orphan: bool = False
    ) -> None:
        """Keep an answer; the one before it in the same chain keeps its place in the line alone.

        ``names`` are the fingerprints of its refresh token under every key, the present one first. One that comes late,
        after its own successor, takes its place in the line and nothing else.
        """
        row = {
            "grant_id": spend.grant_id,
            "parent": spend.parent,
            "child": names[0],
            "registration_id": spend.registration_id,
            "consent_id": spend.consent_id,
            "sealed": sealed,
            "orphan": int(orphan),
            "at": now,
        }
        same_chain = (_answers.c.grant_id == spend.grant_id, _answers.c.orphan == 0)
        with self._database().transaction() as session:
            known = select(_answers.c.id).where(*same_chain, _answers.c.parent.in_(names)).limit(1)
            if not orphan and session.execute(known).first() is not None:
                row["sealed"] = None
            elif not orphan:
                session.execute(update(_answers).where(*same_chain).values(sealed=None))
            session.execute(_answers.insert().values(**row))
            session.execute(delete(_answers).where(_answers.c.at < now - KEPT))

    def prune(self, now: datetime) -> None:
        """Let go of what is older than seven days, also where nothing is added any more."""
        if self._path.exists():
            with self._database().transaction() as session:
                session.execute(delete(_answers).where(_answers.c.at < now - KEPT))

    def newest(self, grant_id: str) -> Archived | None:
        """What is known of one chain; None when nothing is."""
        found = self._chains([grant_id])
        return found[0] if found else None

    def newest_after(self, grant_id: str, limit: int) -> list[tuple[str, str]]:
        """(grant, fingerprint of its newest refresh token) of the next chains in the order of the grants' ids."""
        if not self._path.exists():
            return []
        newest = (
            select(func.max(_answers.c.id))
            .where(_in_line, _answers.c.sealed.is_not(None), _answers.c.grant_id > grant_id)
            .group_by(_answers.c.grant_id)
            .order_by(_answers.c.grant_id)
            .limit(limit)
        )
        query = select(_answers.c.grant_id, _answers.c.child).where(_answers.c.id.in_(newest))
        with self._database().read() as session:
            return [(row[0], row[1]) for row in session.execute(query.order_by(_answers.c.grant_id))]

    def begun_after(self, number: int, limit: int) -> list[tuple[int, str]]:
        """(number, grant) of the next answers to codes, in the order in which they came."""
        if not self._path.exists():
            return []
        began = (_answers.c.parent == "", _in_line, _answers.c.id > number)
        query = select(_answers.c.id, _answers.c.grant_id).where(*began).order_by(_answers.c.id).limit(limit)
        with self._database().read() as session:
            return [(row[0], row[1]) for row in session.execute(query)]

    def went_on(self, names: Collection[str]) -> bool:
        """Whether a chain went on from the refresh token that has these fingerprints."""
        if not self._path.exists():
            return False
        held = or_(_answers.c.parent.in_(names), _answers.c.child.in_(names))
        with self._database().read() as session:
            chains = list(session.scalars(select(_answers.c.grant_id).where(_in_line, held).distinct()))
        return any(not chain.ancestors.isdisjoint(names) for chain in self._chains(chains))

    def wipe(self, grant_ids: Collection[str]) -> None:
        """Forget these chains: their customer was disconnected."""
        if not grant_ids or not self._path.exists():
            return
        with self._database().transaction() as session:
            session.execute(delete(_answers).where(_answers.c.grant_id.in_(grant_ids)))

    def heads(self) -> dict[bytes, int]:
        """The heads of what lies sealed here, and how many have each."""
        if not self._path.exists():
            return {}
        head = func.substr(_answers.c.sealed, 1, HEAD_BYTES)
        query = select(head, func.count()).where(_answers.c.sealed.is_not(None)).group_by(head)
        with self._database().read() as session:
            return {bytes(found): count for found, count in session.execute(query)}

    def made_otherwise(self, head: bytes, after: int, limit: int) -> list[tuple[int, str, bytes]]:
        """(number, grant, sealed answer) of the next ones that have another head, in the order of their numbers."""
        if not self._path.exists():
            return []
        other = (func.substr(_answers.c.sealed, 1, HEAD_BYTES) != head, _answers.c.id > after)
        query = select(_answers.c.id, _answers.c.grant_id, _answers.c.sealed).where(*other)
        with self._database().read() as session:
            rows = session.execute(query.order_by(_answers.c.id).limit(limit))
            return [(row.id, row.grant_id, row.sealed) for row in rows]

    def replace(self, number: int, before: bytes, sealed: bytes) -> None:
        """Put ``sealed`` where another form of the same answer lies, if it still does."""
        same = (_answers.c.id == number, _answers.c.sealed == before)
        with self._database().transaction() as session:
            session.execute(update(_answers).where(*same).values(sealed=sealed))

    def rename(self, names: Collection[tuple[str, str, str]]) -> None:
        """(grant, old, new): call a token of its chain by the fingerprint of another key."""
        if not names or not self._path.exists():
            return
        with self._database().transaction() as session:
            for column in (_answers.c.parent, _answers.c.child):
                for grant_id, old, new in names:
                    there = (_answers.c.grant_id == grant_id, column == old)
                    session.execute(update(_answers).where(*there).values({column: new}))

    def close(self) -> None:
        if self._opened is not None:
            self._opened.dispose()
            self._opened = None

    def _chains(self, grant_ids: Collection[str]) -> list[Archived]:
        if not grant_ids or not self._path.exists():
            return []
        statement = (
            select(_answers).where(_in_line, _answers.c.grant_id.in_(grant_ids)).order_by(_answers.c.id)
        )
        chains: dict[str, list[Any]] = defaultdict(list)
        with self._database().read() as session:
            for row in session.execute(statement):
                chains[row.grant_id].append(row)
        found = (_newest(chain) for chain in chains.values())
        return [archived for archived in found if archived is not None]

    def _database(self) -> Database:
        with self._opening:
            if self._opened is None:
                opened = Database(f"sqlite:///{self._path}")
                event.listen(opened.engine, "connect", _overwrite_what_is_deleted)
                with opened.transaction() as session:  # another process may be making the same table
                    _metadata.create_all(session.connection())
                    for index in _later_indexes:
                        index.create(session.connection(), checkfirst=True)
                self._opened = opened
            return self._opened


def _newest(chain: Sequence[Any]) -> Archived | None:
    """What a chain's rows, oldest first, come to. They may have come out of order, so all count as ancestors."""
    sealed = [row for row in chain if row.sealed is not None]
    if not sealed:
        return None
    newest = sealed[-1]
    ancestors = {row.parent for row in chain} | {row.child for row in chain} - {newest.child}
    asked = next((row for row in reversed(chain) if row.registration_id), None)
    return Archived(
        newest.grant_id,
        frozenset(ancestors),
        newest.child,
        asked.registration_id if asked else 0,
        asked.consent_id if asked else "",
        newest.sealed,
        asked.at if asked else None,
    )


def _overwrite_what_is_deleted(connection: object, _record: object) -> None:
    connection.execute("PRAGMA secure_delete=ON")  # type: ignore[attr-defined]
