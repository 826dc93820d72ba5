"""The tables of the audit log: entries that are only ever added, and the one row that says where the chain ends."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from core.storage.base import Base


class AuditEntry(Base):
    """One thing that somebody did. Triggers refuse to change or delete it (``core.storage.audit_guard``).

    Whoever did it is written down as they were then, without a foreign key that would lose or rename them.
    """

    __tablename__ = "audit_entries"

    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """1, 2, 3 ... without a gap."""
    at: Mapped[datetime]
    """The database's time."""
    event: Mapped[str] = mapped_column(String(40))
    actor_id: Mapped[int | None]
    """The operator's number; None for a customer, a visitor, or whoever works on the command line."""
    actor_name: Mapped[str] = mapped_column(String(100))
    """Without a number: which of these (``core.audit.record.Actor``)."""
    actor_email: Mapped[str] = mapped_column(String(254))
    subject: Mapped[str] = mapped_column(String(200))
    subject_key: Mapped[str] = mapped_column(String(400))
    """The subject folded, to search in."""
    outcome: Mapped[str] = mapped_column(String(10))
    detail: Mapped[str] = mapped_column(String(500))
    address: Mapped[str] = mapped_column(String(100))
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))
    """Of everything above (``core.audit.chain``)."""

    __table_args__ = (
        Index("ix_audit_entries_at", "at", "sequence"),
        Index("ix_audit_entries_actor", "actor_id", "at", "sequence"),
        Index("ix_audit_entries_event", "event", "at", "sequence"),
        Index("ix_audit_entries_outcome", "outcome", "at", "sequence"),
        Index("ix_audit_entries_previous", "previous_hash"),
    )


class AuditHead(Base):
    """Where the chain ends. Whoever adds entries locks this row, as the last one of the transaction."""

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sequence: Mapped[int]
    hash: Mapped[str] = mapped_column(String(64))

    __table_args__ = (CheckConstraint("id = 1", name="ck_audit_head_single"),)
