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
    select,
    update,
)

from core.storage.base import UTCDateTime
from core.storage.database import Database
from core.tokens.records import Spend

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


class Archive:
    """Opened at first use; every call raises ``SQLAlchemyError`` when its file cannot be used."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened: Database | None = None
        self._opening = threading.Lock()

    def add(self, spend: Spend, child: str, sealed: bytes, now: datetime, *, orphan: bool = False) -> None:
        """Keep an answer; the one before it in the same chain keeps its place in the line alone.

        One that comes late, after its own successor, takes its place in the line and nothing else.
        """
        row = {
            "grant_id": spend.grant_id,
            "parent": spend.parent,
            "child": child,
            "registration_id": spend.registration_id,
            "consent_id": spend.consent_id,
            "sealed": sealed,
            "orphan": int(orphan),
            "at": now,
        }
        same_chain = (_answers.c.grant_id == spend.grant_id, _answers.c.orphan == 0)
        with self._database().transaction() as session:
            known = select(_answers.c.id).where(*same_chain, _answers.c.parent == child).limit(1)
            if not orphan and session.execute(known).first() is not None:
                row["sealed"] = None
            elif not orphan:
                session.execute(update(_answers).where(*same_chain).values(sealed=None))
            session.execute(_answers.insert().values(**row))
            session.execute(delete(_answers).where(_answers.c.at < now - KEPT))

    def newest(self, grant_id: str) -> Archived | None:
        """What is known of one chain; None when nothing is."""
        found = self._chains(grant_id)
        return found[0] if found else None

    def all(self) -> list[Archived]:
        """What is known of every chain."""
        return self._chains(None)

    def wipe(self, grant_ids: Collection[str]) -> None:
        """Forget these chains: their customer was disconnected."""
        if not grant_ids or not self._path.exists():
            return
        with self._database().transaction() as session:
            session.execute(delete(_answers).where(_answers.c.grant_id.in_(grant_ids)))

    def close(self) -> None:
        if self._opened is not None:
            self._opened.dispose()
            self._opened = None

    def _chains(self, grant_id: str | None) -> list[Archived]:
        if not self._path.exists():
            return []
        statement = select(_answers).where(_answers.c.orphan == 0).order_by(_answers.c.id)
        if grant_id is not None:
            statement = statement.where(_answers.c.grant_id == grant_id)
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
    )


def _overwrite_what_is_deleted(connection: object, _record: object) -> None:
    connection.execute("PRAGMA secure_delete=ON")  # type: ignore[attr-defined]
