"""Administrations that another registration has linked: named to whoever may see it, and told of nobody else's."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, literal_column, select, true
from sqlalchemy.orm import Session

from core.storage.models import Administration, Registration

UNSEEN = (0, "")
"""Who has linked an administration, where that may not be told."""


def taken_elsewhere(
    session: Session, registration: Registration, codes: list[int], seen: Sequence[ColumnElement[bool]]
) -> dict[int, tuple[int, str]]:
    """Which of these administrations another registration has linked: code to (number, name)."""
    query = (
        select(Administration.code, Registration.id, Registration.name, and_(true(), *seen).label("seen"))
        .join(Registration, Registration.id == Administration.registration_id)
        .where(
            # As the unique index words it: for "linked = 1" SQLite reads every linked administration instead.
            literal_column("administrations.linked"),
            Administration.environment == registration.environment,
            Administration.code.in_(codes),
            Registration.id != registration.id,
        )
    )
    rows = session.execute(query)
    return {code: (number, name) if may_see else UNSEEN for code, number, name, may_see in rows}


def unseen_elsewhere(
    session: Session, registration: Registration, codes: list[int], seen: Sequence[ColumnElement[bool]]
) -> set[int]:
    """Of these administrations, those that are linked under a registration that the reader may not see."""
    if not seen:
        return set()
    return {
        code for code, whose in taken_elsewhere(session, registration, codes, seen).items() if whose == UNSEEN
    }
