"""Which registrations an incident concerns: those that began to fail together, and those that have to follow it."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from core.exact.kinds import FAMILIES, FailureKind, Family
from core.registrations.incident_rules import CANARIES, LADDER, is_patient, needed
from core.registrations.issues import OF_FAILURES
from core.registrations.status import Status
from core.settings import Settings
from core.storage.models import Grant, Incident, Issue, Registration
from core.tokens.facts import DOUBT

_SWEPT_FOR = timedelta(days=2)
_LOOKED_AT = 50
"""Registrations among which different logins are looked for."""
_ISSUES: dict[str, list[str]] = {
    family: sorted({OF_FAILURES[kind].value for kind in FAMILIES if FAMILIES[kind] is family})
    for family in Family
}
_FAMILY_OF = {issue: family for family, issues in _ISSUES.items() for issue in issues}
_KIND: dict[str, FailureKind] = {
    Family.OUTAGE: FailureKind.OUTAGE,
    Family.REFUSAL: FailureKind.REFUSED,
    Family.CLIENT: FailureKind.CLIENT,
}
"""Of a failure that only the keeping alive of a grant has met: it stands with the grant."""


# --- Whether it is one ---


def unnoticed(session: Session, settings: Settings, now: datetime) -> list[tuple[str, str]]:
    """(environment, family) in which so many began to fail that it is an incident, though none is open."""
    rows = session.execute(
        select(Registration.environment, Issue.kind, Registration.grant_id)
        .join(Issue, Issue.registration_id == Registration.id)
        .where(Registration.grant_id.is_not(None), *_begun(tuple(Family), now - settings.incident_window))
        .distinct()
    )
    counted = Counter((environment, _FAMILY_OF[issue]) for environment, issue, _grant in rows)
    likely = [place for place, count in sorted(counted.items()) if count >= settings.incident_grants]
    return [place for place in likely if many(session, settings, *place, now)]


def many(
    session: Session, settings: Settings, environment: str, family: str, now: datetime
) -> list[tuple[str, str]]:
    """(grant, kind of failure) of every registration that began to fail in this way, where it is an incident.

    Empty where they are too few, and where it was told already that Exact refuses everybody and nothing has changed.
    """
    begun_at = since(session, settings, environment, family, now)
    failing = beginnings(session, environment, family, begun_at)
    logins = len({grant for grant, _kind in failing})
    if logins < settings.incident_grants:
        return []
    if logins < needed(settings, _checked(session, settings, environment, begun_at, logins)):
        return []
    return [] if family == Family.REFUSAL and _everybody_is_refused(session, environment) else failing


def since(session: Session, settings: Settings, environment: str, family: str, now: datetime) -> datetime:
    """Beginnings count from here: what failed in an incident that is over does not open the next one."""
    window = now - settings.incident_window
    closed = session.scalar(
        select(Incident.closed_at)
        .where(Incident.environment == environment, Incident.family == family, Incident.closed_at > window)
        .order_by(Incident.closed_at.desc())
        .limit(1)
    )
    return closed or window


def beginnings(session: Session, environment: str, family: str, since: datetime) -> list[tuple[str, str]]:
    """(grant, kind of failure) of every registration that began to fail in this way after ``since``."""
    rows = session.execute(
        select(Registration.grant_id, Registration.last_failure_kind)
        .join(Issue, Issue.registration_id == Registration.id)
        .where(
            Registration.environment == environment,
            Registration.grant_id.is_not(None),
            *_begun((family,), since),
        )
    )
    return [(str(grant), _kind_within(family, failure)) for grant, failure in rows]


def _kind_within(family: str, failure: str | None) -> str:
    same = failure in FAMILIES and FAMILIES[FailureKind(failure)] == family
    return failure if same and failure else _KIND[family].value


def _checked(session: Session, settings: Settings, environment: str, since: datetime, failing: int) -> int:
    """Logins checked since then; no more are counted than would be too many for ``failing`` ones to be an incident."""
    if settings.incident_share <= 0:
        return 0
    logins = (
        select(Registration.grant_id)
        .where(
            Registration.last_checked_at > since,
            Registration.environment == environment,
            Registration.grant_id.is_not(None),
        )
        .distinct()
        .limit(int(failing / settings.incident_share) + 1)
    )
    return session.scalar(select(func.count()).select_from(logins.subquery())) or 0


def _everybody_is_refused(session: Session, environment: str) -> bool:
    """Whether the last incident of refusals ended because nobody was accepted, and nobody has been since."""
    of_refusals = (Incident.environment == environment, Incident.family == Family.REFUSAL)
    last = session.scalar(select(Incident).where(*of_refusals).order_by(Incident.id.desc()).limit(1))
    if last is None or last.closed_at is None or last.closed_at - last.opened_at < DOUBT:
        return False
    return not accepted(session, last, limit=1)


# --- While it lasts ---


def affected(incident: Incident) -> Select[int]:
    return select(Issue.registration_id).where(Issue.incident_id == incident.id, Issue.resolved_at.is_(None))


def last_befallen(session: Session, incident: Incident) -> timedelta:
    """How long after the beginning somebody was last befallen by it."""
    seen = session.scalar(select(func.max(Issue.last_seen_at)).where(Issue.incident_id == incident.id))
    return max(seen or incident.opened_at, incident.last_failure_at) - incident.opened_at


def answered(session: Session, incident: Incident) -> int:
    """Logins that have answered since the first round was due: in the first rounds of an outage, of those it befell."""
    if incident.family == Family.REFUSAL:
        return len(accepted(session, incident, CANARIES))
    query = _answering(incident)
    if is_patient(incident.tries):
        ever = select(Issue.registration_id).where(Issue.incident_id == incident.id)
        query = query.where(Registration.id.in_(ever))
    return len(session.scalars(query.distinct().limit(CANARIES)).all())


def accepted(session: Session, incident: Incident, limit: int) -> list[str | None]:
    """Logins, ``limit`` at most, that Exact has given a new key since the incident began, and has let in with it."""
    query = _answering(incident).join(Grant, Grant.id == Registration.grant_id)
    query = query.where(Grant.last_success_at >= incident.opened_at)
    return list(session.scalars(query.distinct().limit(limit)))


def _answering(incident: Incident) -> Select[str | None]:
    return select(Registration.grant_id).where(
        Registration.environment == incident.environment,
        Registration.last_success_at >= incident.opened_at + LADDER[0],
        Registration.last_failure_at.is_(None)
        | (Registration.last_failure_at <= Registration.last_success_at),
    )


def canaries(session: Session, incident: Incident) -> list[int]:
    """Whom to check now, of different logins.

    Of an outage those that it befell, the longest unchecked first, so that others have their turn; a healthy one too
    when it takes long. Of refusals healthy ones alone: whether Exact accepts them tells whose the refusals are, and
    those that are refused have moments of their own.
    """
    ill = (Registration.id.in_(affected(incident)), Registration.active.is_(True))
    well = (
        Registration.status.in_((Status.CONNECTED.value, Status.PARTLY_CONNECTED.value)),
        Registration.environment == incident.environment,
    )
    if incident.family == Family.REFUSAL:
        return _different(session, CANARIES, *well)
    found = _different(session, CANARIES, *ill)
    return found if is_patient(incident.tries) else found + _different(session, 1, *well)


def _different(session: Session, count: int, *where: ColumnElement[bool]) -> list[int]:
    rows = session.execute(
        select(Registration.id, Registration.grant_id)
        .where(*where, Registration.grant_id.is_not(None))
        .order_by(Registration.last_checked_at.is_not(None), Registration.last_checked_at, Registration.id)
        .limit(_LOOKED_AT)
    ).all()
    by_grant: dict[str | None, int] = {}
    for number, grant in rows:
        by_grant.setdefault(grant, number)
    return list(by_grant.values())[:count]


# --- Who follows ---


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
            *_alone((incident.family,)),
        )
    )


def swept(now: datetime) -> Select[Incident]:
    recent = Incident.closed_at.is_(None) | (Incident.closed_at > now - _SWEPT_FOR)
    return select(Incident).where(recent).order_by(Incident.id)


def _begun(families: tuple[str, ...], since: datetime) -> tuple[ColumnElement[bool], ...]:
    return (Issue.first_seen_at > since, *_alone(families))


def _alone(families: tuple[str, ...]) -> tuple[ColumnElement[bool], ...]:
    """Open issues of whole connections that belong to no incident, though their kind may."""
    return (
        Issue.resolved_at.is_(None),
        Issue.incident_id.is_(None),
        Issue.code == 0,
        Issue.kind.in_([issue for family in families for issue in _ISSUES[family]]),
    )
