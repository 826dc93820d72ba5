"""What goes into the audit log: who did what, on what, from where, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy.orm import Session

from core.accounts.roles import CurrentOperator
from core.application import Application
from core.audit import writing
from core.audit.events import Event

Outcome = Literal["done", "refused", "failed"]
Actor = Literal["", "customer", "visitor", "shell"]
"""Who it was when no operator is known: "" is found out by the address, which only a browser has."""
PENDING = writing.PENDING


@dataclass(frozen=True)
class Record:
    """One thing that somebody did. No field ever holds a secret."""

    event: Event
    by: CurrentOperator | None
    """None: whoever works on the command line, or nobody who is known."""
    on: str
    """What it was done to, as people would look for it: a kind, an id, a name."""
    outcome: Outcome
    detail: str
    address: str
    actor: Actor = ""


def in_parts(words: list[str]) -> list[str]:
    """A detail of many words as details that fit into an entry each, so that none of them is cut off."""
    parts = [""]
    for word in words:
        longer = f"{parts[-1]} {word}".lstrip()
        if len(longer) <= writing.DETAIL_LENGTH:
            parts[-1] = longer
        else:
            parts.append(word)
    return parts


def record(
    session: Session,
    event: Event,
    by: CurrentOperator | None,
    *,
    on: str = "",
    outcome: Outcome = "done",
    detail: str = "",
    address: str = "",
    actor: Actor = "",
) -> None:
    """Put it in the log when this transaction commits, and not at all when it is rolled back.

    ``address`` only where nobody is signed in; ``by`` knows it otherwise.
    """
    where = address or (by.address if by else "")
    session.info.setdefault(PENDING, []).append(Record(event, by, on, outcome, detail, where, actor))


def record_alone(
    app: Application,
    event: Event,
    by: CurrentOperator | None,
    *,
    on: str = "",
    outcome: Outcome = "done",
    detail: str = "",
    address: str = "",
    actor: Actor = "",
) -> None:
    """As ``record``, in a transaction of its own: for what was refused or failed, and changed nothing."""
    with app.database.transaction() as session:
        record(session, event, by, on=on, outcome=outcome, detail=detail, address=address, actor=actor)
