"""Which registrations an incident concerns: those that began to fail together, and those that have to follow it."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session

from core.exact.errors import FailureKind
from core.registrations.facts import MASS_KINDS
from core.registrations.issues import OF_FAILURES
from core.settings import Settings
from core.storage.models import Incident, Issue, Registration

_SWEPT_FOR = timedelta(days=2)
_ISSUES = sorted({OF_FAILURES[kind].value for kind in MASS_KINDS})


def unnoticed(session: Session, settings: Settings, now: datetime) -> list[str]:
    """Environments in which so many began to fail that there may be an incident."""
    rows = session.execute(
        select(Registration.environment, Registration.grant_id)
        .join(Issue, Issue.registration_id == Registration.id)
        .where(Registration.grant_id.is_not(None), *_begun(now - settings.incident_window))
        .distinct()
    )
    counted = Counter(environment for environment, _grant in rows)
    return [code for code, count in sorted(counted.items()) if count >= settings.incident_grants]


def since(session: Session, settings: Settings, environment: str, now: datetime) -> datetime:
    """Beginnings count from here: what failed in an incident that is over does not open the next one."""
    window = now - settings.incident_window
    closed = session.scalar(
        select(Incident.closed_at)
        .where(Incident.environment == environment, Incident.closed_at > window)
        .order_by(Incident.closed_at.desc())
        .limit(1)
    )
    return closed or window


def beginnings(session: Session, environment: str, since: datetime) -> list[tuple[str, str]]:
    """(grant, kind of failure) of every registration that began to fail after ``since``."""
    rows = session.execute(
        select(Registration.grant_id, Registration.last_failure_kind)
        .join(Issue, Issue.registration_id == Registration.id)
        .where(Registration.environment == environment, Registration.grant_id.is_not(None), *_begun(since))
    )
    # A refusal that only the keeping alive of a grant has met stands with the grant.
    return [(str(grant), failure or FailureKind.REFUSED.value) for grant, failure in rows]


def affected(incident: Incident) -> Select[int]:
    return select(Issue.registration_id).where(Issue.incident_id == incident.id, Issue.resolved_at.is_(None))


def strays(settings: Settings, incident: Incident) -> Select[int]:
    """Registrations whose issues do not say yet that the incident is open, or that it has closed."""
    if incident.closed_at is not None:
        return affected(incident)
    return (
        select(Issue.registration_id)
        .join(Registration, Registration.id == Issue.registration_id)
        .where(
            Registration.environment == incident.environment,
            Issue.last_seen_at >= incident.opened_at - settings.incident_window,
            *_alone(),
        )
    )


def swept(now: datetime) -> Select[Incident]:
    recent = Incident.closed_at.is_(None) | (Incident.closed_at > now - _SWEPT_FOR)
    return select(Incident).where(recent).order_by(Incident.id)


def _begun(since: datetime) -> tuple[ColumnElement[bool], ...]:
    return (Issue.first_seen_at > since, *_alone())


def _alone() -> tuple[ColumnElement[bool], ...]:
    """Open issues of whole connections that belong to no incident, though their kind may."""
    return (
        Issue.resolved_at.is_(None),
        Issue.incident_id.is_(None),
        Issue.code == 0,
        Issue.kind.in_(_ISSUES),
    )
