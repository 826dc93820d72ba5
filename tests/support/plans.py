"""How the database goes about a question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

from core.storage.database import Database

_WITHOUT = ("seqscan", "bitmapscan", "sort")
"""With a few hundred rows PostgreSQL reads them all: what is asked is whether it could do without."""


def plan_of(database: Database, statement: str, parameters: Any, without: Sequence[str] = _WITHOUT) -> str:
    """The plan, a step a line; ``without`` what PostgreSQL may not use."""
    with database.engine.connect() as connection:
        if database.is_sqlite:
            rows = connection.exec_driver_sql("EXPLAIN QUERY PLAN " + statement, parameters)
            return "\n".join(row[3] for row in rows)
        for what in without:
            connection.execute(text(f"SET LOCAL enable_{what} = off"))
        return "\n".join(row[0] for row in connection.exec_driver_sql("EXPLAIN " + statement, parameters))
