"""Which tables Alembic answers for."""

from __future__ import annotations

from core.storage.audit_search import AUDIT_SEARCH_INDEX
from core.storage.models import Base
from core.storage.search import SEARCH_INDEXES


def belongs_to_models(name: str | None, kind: str, _parents: object) -> bool:
    """Whether Alembic compares something with the models; what serves search is made by ``core.storage.search``."""
    if kind == "index":
        return name not in (*SEARCH_INDEXES, AUDIT_SEARCH_INDEX)
    return kind != "table" or name in Base.metadata.tables
