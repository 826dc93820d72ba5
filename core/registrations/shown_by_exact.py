"""Writing down which administrations Exact shows: what is new, what has changed, and what is no longer there."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock
from core.exact.errors import ExactError, FailureKind
from core.exact.paging import Listed
from core.exact.rows import Division
from core.exact.rules.first_consent import NOTHING_SHOWN
from core.registrations.names import name_key
from core.registrations.reading_places import forget_pages
from core.registrations.user_lists import UserList
from core.storage.models import Administration, Registration
from core.storage.sets import among_these

T = TypeVar("T")
BATCH = 500


def nothing_shown() -> ExactError:
    """Exact gives a list, and it is empty: there is nothing to choose, and somebody at the customer's has to act."""
    return ExactError(FailureKind.FORBIDDEN, exact_message=NOTHING_SHOWN)


def keep_seen(
    session: Session,
    registration: Registration,
    divisions: Listed,
    users: UserList,
) -> None:
    """Write down what Exact shows now; what it no longer shows is kept only where it is linked.

    Only a list that goes beyond what is permitted to us proves that the user does not reach what is missing from it.
    What is missing from a list that could not all be read, or from one that is still being read, stays as it was.
    """
    waiting = users.goes_on_at is not None
    permitted = {division.code for division in divisions}
    seen = users.divisions or Listed()
    beyond = [division for division in seen if division.code not in permitted]
    for some in _batches((*divisions, *beyond)):
        _write(session, registration, some, permitted)
    if divisions.whole:
        shown = permitted | {division.code for division in beyond}
        _let_go(session, registration, shown, users, beyond=bool(beyond))
    if registration.grant_id is not None and not waiting:
        forget_pages(session, registration.id, registration.grant_id)


def _batches(every: Sequence[T]) -> Iterator[Sequence[T]]:
    """An accountant's thousands are never all in the session."""
    for start in range(0, len(every), BATCH):
        yield every[start : start + BATCH]


def _write(
    session: Session, registration: Registration, shown: Sequence[Division], permitted: Collection[int]
) -> None:
    now = clock.now()
    mine = Administration.registration_id == registration.id
    codes = among_these(session, Administration.code, [division.code for division in shown])
    rows = {row.code: row for row in session.scalars(select(Administration).where(mine, codes))}
    for division in shown:
        row = rows.get(division.code) or rows.setdefault(
            division.code, _new(session, registration, division.code, now)
        )
        _fill(row, division)
        row.permitted, row.user_sees = division.code in permitted, True
        if row.permitted:
            row.seen_at = now
            row.found_at = row.found_at or now
    session.flush()
    for row in rows.values():
        session.expunge(row)


def _let_go(
    session: Session, registration: Registration, shown: Collection[int], users: UserList, *, beyond: bool
) -> None:
    """What is not shown any more is marked where it is linked, and else forgotten."""
    waiting, whole = users.goes_on_at is not None, users.divisions is None or users.divisions.whole
    mine = Administration.registration_id == registration.id
    known = session.execute(select(Administration.id, Administration.code).where(mine)).all()
    for some in _batches([number for number, code in known if code not in shown]):
        these = among_these(session, Administration.id, some)
        for gone in session.scalars(select(Administration).where(these)).all():
            if gone.linked:
                gone.permitted = False
                gone.user_sees = gone.user_sees if waiting else False if beyond and whole else None
            elif gone.permitted or (whole and not waiting):
                session.delete(gone)
        session.flush()


def _new(session: Session, registration: Registration, code: int, now: datetime) -> Administration:
    row = Administration(
        registration_id=registration.id,
        environment=registration.environment,
        code=code,
        name=str(code),
        linked=False,
        seen_at=now,
        status=registration.status,
        owner_id=registration.owner_id,
        active=registration.active,
    )
    session.add(row)
    return row


def _fill(row: Administration, division: Division) -> None:
    """Write down what Exact says of it; what it does not say stays as it was."""
    said = {
        "name": division.name,
        "customer_name": division.customer_name,
        "country": division.country,
        "currency": division.currency,
        "vat_number": division.vat_number,
        "exact_status": division.status,
        "blocking_status": division.blocking_status,
    }
    for name, value in said.items():
        if value is not None:
            setattr(row, name, value)
    row.name_key = name_key(row.name)
