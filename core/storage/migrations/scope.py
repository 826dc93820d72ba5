"""Which tables Alembic answers for."""

from __future__ import annotations

from core.storage.models import Base


def belongs_to_models(name: str | None, kind: str, _parents: object) -> bool:
    """Whether Alembic compares a table with the models; the search tables are made by ``core.storage.search``."""
    return kind != "table" or name in Base.metadata.tables
