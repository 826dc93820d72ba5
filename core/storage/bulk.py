"""Many rows at once, past the ORM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from core.storage.database import Database
from core.storage.models import Base


def insert_rows(session: Session, model: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    """Insert ``rows``, which all name the same columns. No defaults of the model are filled in."""
    if rows:
        session.connection().execute(insert(model), rows)


def refresh_statistics(database: Database) -> None:
    pass
