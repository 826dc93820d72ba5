"""Whether an environment has an open incident: asked by whoever judges a failure there."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.storage.models import Incident


def open_incident(session: Session, environment: str) -> Incident | None:
    """The open incident of an environment. While there is one, a refusal proves nothing about a customer."""
    query = select(Incident).where(Incident.environment == environment, Incident.closed_at.is_(None))
    return session.scalar(query)


def checks_are_held(session: Session, environment: str) -> bool:
    """Whether nothing but the incident's own canaries is to be asked of this environment."""
    return open_incident(session, environment) is not None
