"""The table of the overview's figures."""

from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from core.storage.base import Base


class Counter(Base):
    """A figure of the overview, kept in the transaction that changes it: counting a million rows is dear."""

    __tablename__ = "counters"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    """'status:connected', 'administrations' ..."""
    value: Mapped[int] = mapped_column(default=0)
