"""Whether an environment has an open incident: asked by whoever judges a failure there."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.storage.models import Incident


def open_incident(session: Session, environment: str, family: str | None = None) -> Incident | None:
    """The open incident of an environment, of one family of failures (``core.exact.kinds.Family``) or else any."""
    query = select(Incident).where(Incident.environment == environment, Incident.closed_at.is_(None))
    if family is not None:
        query = query.where(Incident.family == family)
    return session.scalar(query.order_by(Incident.id).limit(1))
