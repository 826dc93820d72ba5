"""The facts of one registration, gathered from its rows for the pure functions that judge them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from core import clock
from core.application import Application
from core.exact.kinds import FAMILIES, FailureKind, Family
from core.registrations.asking import NOT_ASKED, Asking
from core.registrations.issues import IssueKind
from core.registrations.next_action import by_rule, rule_of
from core.registrations.outcomes import BACK_FROM_EXACT
from core.registrations.status import Facts, IncidentFact, Trouble
from core.settings import Settings
from core.storage.incidents import open_incident
from core.storage.models import Administration, Consent, CustomerLink, Grant, Registration
from core.storage.sets import Unindexed
from core.tokens.facts import grant_is_dead, lapses_at, refused_at

MASS_KINDS = frozenset(FAMILIES)
"""Failures that, when many have them at once, are not the customers': Exact has refused good tokens at night too
(picqer#497), and a wrong secret of our app fails for everybody."""
TROUBLES_KEPT = 50
"""Of one registration: beyond that the table of its administrations tells enough."""


def gather(session: Session, settings: Settings, registration: Registration, grant: Grant | None) -> Facts:
    """All that status and issues depend on. Reads what is in the database: flush first."""
    linked, failing = _count_administrations(session, registration.id)
    failure_at, failure_kind, message = _last_failure(registration, grant)
    waiting = registration.candidate_grant_id
    candidate = session.get(Grant, waiting) if waiting else None
    return Facts(
        active=registration.active,
        submitted=registration.submitted_at is not None,
        disconnected=registration.disconnected_at is not None,
        consented=grant is not None,
        completed=registration.completed_at is not None,
        dead=grant is not None and grant_is_dead(grant),
        undecided=candidate is not None and candidate.exact_user_id is not None,
        unidentified=candidate is not None and candidate.exact_user_id is None,
        listed=linked > 0 or _has_choice(session, registration.id),
        asking=_asking(session, settings, registration, grant),
        lapses_at=lapses_at(grant.rotated_at, settings) if grant and grant.rotated_at else None,
        last_success_at=registration.last_success_at,
        last_failure_at=failure_at,
        last_failure_kind=failure_kind,
        last_failure_message=message or "",
        last_checked_at=registration.last_checked_at,
        incident=_incident(session, settings, registration.environment, failure_kind, failure_at),
        linked=linked,
        failing=failing,
        troubles=_troubles(session, registration.id) if failing else (),
        fresh=settings.fresh,
    )


def _asking(session: Session, settings: Settings, registration: Registration, grant: Grant | None) -> Asking:
    """Nobody is asked for what works: it is looked up where there is no consent in force, or a dead one."""
    lapse = lapses_at(grant.rotated_at, settings) if grant and grant.rotated_at else None
    if grant is not None and not grant_is_dead(grant, lapses=lapse, now=clock.now()):
        return NOT_ASKED
    return asking_of(session, registration, grant)


def asking_of(session: Session, registration: Registration, grant: Grant | None) -> Asking:
    """What was done to get a consent since the last one ended: what came of earlier attempts is history.

    A link that was made before counts for as long as it is open.
    """
    since = registration.disconnected_at or (grant.rotated_at if grant else None) or registration.created_at
    link = session.execute(
        select(CustomerLink.created_at, CustomerLink.expires_at)
        .where(
            CustomerLink.registration_id == registration.id,
            CustomerLink.used_at.is_(None),
            CustomerLink.revoked_at.is_(None),
            or_(CustomerLink.created_at > since, CustomerLink.expires_at > clock.now()),
        )
        .order_by(CustomerLink.id.desc())
        .limit(1)
    ).first()
    answer = session.execute(
        select(Consent.outcome, Consent.used_at)
        .where(
            Consent.registration_id == registration.id,
            Consent.environment == registration.environment,
            Consent.outcome.in_(BACK_FROM_EXACT),
            Consent.used_at > since,
        )
        .order_by(Consent.used_at.desc())
        .limit(1)
    ).first()
    return Asking(*(link or (None, None)), *(answer or ("", None)))


def _last_failure(
    registration: Registration, grant: Grant | None
) -> tuple[datetime | None, str | None, str | None]:
    """The later of the registration's own last failure and a refusal of the grant it hangs on."""
    own = (registration.last_failure_at, registration.last_failure_kind, registration.last_failure_message)
    refused = refused_at(grant) if grant is not None else None
    if grant is None or refused is None or (own[0] is not None and own[0] > refused):
        return own
    return grant.last_failure_at, grant.last_failure_kind, grant.last_failure_message


def _incident(
    session: Session, settings: Settings, environment: str, kind: str | None, at: datetime | None
) -> IncidentFact | None:
    """The open incident that a failure belongs to: of its family, and begun at most the window after it."""
    if at is None or kind not in MASS_KINDS:
        return None
    family = FAMILIES[FailureKind(kind)]
    incident = open_incident(session, environment, family)
    if incident is None or at < incident.opened_at - settings.incident_window:
        return None
    return IncidentFact(
        incident.id,
        ours=family is Family.CLIENT,
        refused=family is Family.REFUSAL,
        unreached=incident.kind == FailureKind.NOT_SENT,
    )


def linked_of(registration_id: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """The administrations that one registration has linked, as conditions.

    Nearly all rows are linked. SQLite does not know, and would go through all of them to find these few.
    """
    return Administration.registration_id == registration_id, Unindexed(Administration.linked)


def _failing() -> ColumnElement[bool]:
    return or_(
        ~Administration.permitted,
        Administration.exact_status != 1,
        Administration.blocking_status != 0,
        Administration.last_failure_kind.is_not(None),
    )


def _count_administrations(session: Session, registration_id: int) -> tuple[int, int]:
    row = session.execute(
        select(func.count(), func.count().filter(_failing())).where(*linked_of(registration_id))
    ).one()
    return row[0], row[1]


def _has_choice(session: Session, registration_id: int) -> bool:
    """Whether Exact has shown an administration that can be chosen."""
    shown = (Administration.registration_id == registration_id, Administration.permitted)
    return session.scalar(select(Administration.id).where(*shown).limit(1)) is not None


def _troubles(session: Session, registration_id: int) -> tuple[Trouble, ...]:
    query = (
        select(Administration)
        .where(*linked_of(registration_id), _failing())
        .order_by(Administration.code)
        .limit(TROUBLES_KEPT)
    )
    return tuple(_trouble(row) for row in session.scalars(query))


def _trouble(row: Administration) -> Trouble:
    """The first thing that stands in the way, from what the customer decided to what Exact answered."""
    if not row.permitted:
        return Trouble(row.code, IssueKind.NOT_PERMITTED)
    if row.exact_status == 2:  # noqa: PLR2004 - archived, see models
        return Trouble(row.code, IssueKind.ARCHIVED)
    if row.blocking_status != 0:
        return Trouble(row.code, IssueKind.BLOCKED, passing=True)
    if row.exact_status != 1:
        return Trouble(row.code, IssueKind.INACTIVE)
    message = row.last_failure_message or ""
    passing = not by_rule(rule_of(row.last_failure_kind or "", message)).needs_somebody
    return Trouble(row.code, IssueKind.FAILING, message, row.last_failure_at, passing)


def is_unchanged(app: Application, registration_id: int) -> bool:
    """Whether it was connected before, and everything that is linked is still permitted: nothing to ask then."""
    with app.database.read() as session:
        row = session.get(Registration, registration_id)
        permitted = session.scalars(select(Administration.permitted).where(*linked_of(registration_id))).all()
    return row is not None and row.completed_at is not None and bool(permitted) and all(permitted)
