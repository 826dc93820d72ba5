"""Adding to the chain, in the transaction of the fact itself and as the last thing it does."""

from __future__ import annotations

import getpass
import logging
import platform
from typing import TYPE_CHECKING

from sqlalchemy import event, insert, select, update
from sqlalchemy.orm import Session

from core.audit.chain import Link
from core.audit.heads import HEADS, Head
from core.errors import SettingsError
from core.i18n import _
from core.registrations.names import name_key
from core.storage import counters
from core.storage.database import afterwards
from core.storage.models import AuditEntry, AuditHead
from core.storage.moments import database_now
from core.text import neutral

if TYPE_CHECKING:
    from core.audit.record import Record

PENDING = "audit"
SUBJECT_LENGTH, DETAIL_LENGTH, ADDRESS_LENGTH = 200, 500, 100
log = logging.getLogger("clickker.audit")


@event.listens_for(Session, "before_commit")
def _write(session: Session) -> None:
    """Chain what this transaction has recorded to what others have.

    The head's row is locked last of all, after every row that is still to be flushed and after the counters: two
    transactions that each held what the other wants would otherwise wait for each other. On SQLite the transaction has
    had the only write lock from its beginning.
    """
    if session.in_nested_transaction() or not session.info.get(PENDING):
        return
    session.flush()
    counters.write_pending(session)
    recorded: list[Record] = session.info.pop(PENDING)
    head = session.execute(select(AuditHead.sequence, AuditHead.hash).with_for_update()).one_or_none()
    if head is None:  # somebody deleted it: nothing is done any more that the log could not hold
        raise SettingsError(_("The audit log is damaged: run “clickker audit verify”."))
    sequence, previous, at = head.sequence, head.hash, database_now(session)
    rows = []
    for each in recorded:
        sequence += 1
        link = Link(sequence, at, *_who_and_what(each), previous)
        previous = link.digest
        rows.append({**vars(link), "hash": previous})
    session.execute(insert(AuditEntry), rows)
    session.execute(update(AuditHead).values(sequence=sequence, hash=previous))
    _tell(session, Head(sequence, previous, at))


@event.listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    session.info.pop(PENDING, None)


def _tell(session: Session, head: Head) -> None:
    """Write the head outside the database once the entries are durable, and where logs are collected."""
    heads = session.info.get(HEADS)

    def tell() -> None:
        log.info("audit head %d %s", head.sequence, head.hash, extra={"audit_head": vars(head)})
        if heads is not None:
            heads.add(head)

    afterwards(session, tell)


def _who_and_what(
    each: Record,
) -> tuple[str, int | None, str, str, str, str, str, str, str]:
    by = each.by
    at_a_shell = by is None and each.actor in {"", "shell"} and each.address in {"", "shell"}
    actor = each.actor or ("shell" if at_a_shell else "visitor")
    subject = neutral(each.on, SUBJECT_LENGTH)
    return (
        each.event.value,
        by.id if by else None,
        neutral(by.name, 100) if by else actor,
        neutral(by.email, 254) if by else "",
        subject,
        name_key(subject)[: 2 * SUBJECT_LENGTH],
        each.outcome,
        neutral(each.detail, DETAIL_LENGTH),
        neutral(_shell_user() if at_a_shell else each.address, ADDRESS_LENGTH),
    )


def _shell_user() -> str:
    """Whoever is logged in on the machine where a command runs: the operating system knows them, we do not."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may run as a number without a name
        user = "?"
    return f"{user}@{platform.node()}"
