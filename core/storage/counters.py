"""Figures of the overview, kept in the transaction that changes them."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core.storage.models import Counter


def add(session: Session, name: str, delta: int) -> None:
    """Add ``delta`` to a counter, which begins at zero."""
    if delta == 0:
        return
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    statement = insert(Counter).values(name=name, value=delta)
    session.execute(
        statement.on_conflict_do_update(index_elements=[Counter.name], set_={"value": Counter.value + delta})
    )


def put(session: Session, name: str, value: int) -> None:
    """Set a counter, whatever it was."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    statement = insert(Counter).values(name=name, value=value)
    session.execute(statement.on_conflict_do_update(index_elements=[Counter.name], set_={"value": value}))


def read_all(session: Session) -> dict[str, int]:
    """Every counter by name."""
    return dict(session.execute(select(Counter.name, Counter.value)).all())
