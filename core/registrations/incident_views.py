"""The open incidents, as a banner tells them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from core.exact.kinds import FailureKind, Family
from core.storage.models import Incident, Issue, Registration

HOLDS_CHECKS = (Family.OUTAGE.value, Family.CLIENT.value)
"""Families in whose incidents nothing but canaries is asked. Refusals hold nothing up: each login waits for itself, and
only by asking does it show who has withdrawn."""


@dataclass(frozen=True)
class IncidentView:
    """An open incident as a banner tells it."""

    environment: str
    kind: str
    """The ``FailureKind`` that most have."""
    ours: bool
    """Our app's settings are the cause, not Exact."""
    refused: bool
    """Exact refuses several: whether it is Exact, our app, or they have withdrawn, does not show yet."""
    opened_at: datetime
    next_check_at: datetime
    registrations: int
    """Affected now."""

    @property
    def outage(self) -> bool:
        """Exact, or the way to it, is the cause."""
        return not (self.ours or self.refused)

    @property
    def unreached(self) -> bool:
        """No connection comes about: it is Exact, or our own network."""
        return self.kind == FailureKind.NOT_SENT


def open_incidents(session: Session, seen: Sequence[ColumnElement[bool]] = ()) -> tuple[IncidentView, ...]:
    """Every open incident, the oldest first; only those that affect registrations ``seen``, if given."""
    affects = (Issue.incident_id == Incident.id) & Issue.resolved_at.is_(None)
    query = select(Incident, func.count(Issue.id)).where(Incident.closed_at.is_(None))
    if seen:
        query = query.join(Issue, affects).join(Registration, Registration.id == Issue.registration_id)
    else:
        query = query.outerjoin(Issue, affects)
    rows = session.execute(query.where(*seen).group_by(Incident.id).order_by(Incident.id))
    return tuple(
        IncidentView(
            row.environment,
            row.kind,
            row.family == Family.CLIENT,
            row.family == Family.REFUSAL,
            row.opened_at,
            row.next_check_at,
            count,
        )
        for row, count in rows
    )


def held_environments(session: Session) -> frozenset[str]:
    """Environments in which checks wait until an incident is over."""
    held = (Incident.closed_at.is_(None), Incident.family.in_(HOLDS_CHECKS))
    return frozenset(session.scalars(select(Incident.environment).where(*held)))


def checks_are_held(session: Session, environment: str) -> bool:
    """Whether nothing but an incident's own canaries is to be asked of this environment."""
    return environment in held_environments(session)
