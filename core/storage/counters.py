"""Figures of the overview, kept in the transaction that changes them."""

from __future__ import annotations

from collections import Counter as Figures

from sqlalchemy import event, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core.storage.models import Counter

_PENDING = "counters"


def add(session: Session, name: str, delta: int) -> None:
    """Add ``delta`` to a counter, which begins at zero. Written when the transaction commits, in the order of names.

    A counter's row stays locked until the commit on PostgreSQL: two transactions that touched the same figures in
    another order, early, would wait for each other.
    """
    session.info.setdefault(_PENDING, Figures())[name] += delta


def put(session: Session, name: str, value: int) -> None:
    """Set a counter, whatever it was."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    statement = insert(Counter).values(name=name, value=value)
    session.execute(statement.on_conflict_do_update(index_elements=[Counter.name], set_={"value": value}))


def read_all(session: Session) -> dict[str, int]:
    """Every counter by name."""
    write_pending(session)
    return dict(session.execute(select(Counter.name, Counter.value)).all())


@event.listens_for(Session, "before_commit")
def write_pending(session: Session) -> None:
    """Write what was added; who locks something after the counters calls it first."""
    figures: Figures[str] = session.info.pop(_PENDING, Figures())
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    for name, delta in sorted(figures.items()):
        if delta:
            statement = insert(Counter).values(name=name, value=delta)
            changed = {"value": Counter.value + delta}
            session.execute(statement.on_conflict_do_update(index_elements=[Counter.name], set_=changed))


@event.listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    session.info.pop(_PENDING, None)
