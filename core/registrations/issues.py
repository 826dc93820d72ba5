"""What is wrong with a registration, as records that outlive the repair: opened, kept up to date and resolved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.exact.errors import FailureKind
from core.registrations.status import LAPSES_SOON_DAYS, OUTAGE_KINDS, Facts, lapse_step
from core.storage.models import Issue


class IssueKind(StrEnum):
    """What can be wrong. Those of the consent and the connection first, then those of one administration."""

    REFUSED = "refused"
    LAPSED = "lapsed"
    REFUSAL_CONFIRMING = "refusal_confirming"
    NOT_AUTHENTICATED = "not_authenticated"
    FORBIDDEN = "forbidden"
    CLIENT = "client"
    BAD_REQUEST = "bad_request"
    OURS = "ours"
    RATE_LIMITED = "rate_limited"
    OUTAGE = "outage"
    STALE = "stale"
    UNDECIDED = "undecided"
    LAPSES_SOON = "lapses_soon"
    NOT_PERMITTED = "not_permitted"
    ARCHIVED = "archived"
    BLOCKED = "blocked"
    INACTIVE = "inactive"
    FAILING = "failing"


OF_FAILURES: dict[FailureKind, IssueKind] = {
    **dict.fromkeys(OUTAGE_KINDS, IssueKind.OUTAGE),
    FailureKind.REFUSED: IssueKind.REFUSAL_CONFIRMING,
    FailureKind.NOT_AUTHENTICATED: IssueKind.NOT_AUTHENTICATED,
    FailureKind.FORBIDDEN: IssueKind.FORBIDDEN,
    FailureKind.CLIENT: IssueKind.CLIENT,
    FailureKind.BAD_REQUEST: IssueKind.BAD_REQUEST,
    FailureKind.OURS: IssueKind.OURS,
    FailureKind.RATE_LIMITED: IssueKind.RATE_LIMITED,
    FailureKind.TOO_EARLY: IssueKind.RATE_LIMITED,
}
"""The issue that a failure of the whole connection is."""


@dataclass(frozen=True)
class Problem:
    """Something that is wrong at this moment."""

    kind: IssueKind
    since: datetime
    seen: datetime | None = None
    """When it last showed, where that is known: a mere settling is no sighting."""
    code: int = 0
    level: int = 0
    message: str = ""
    incident_id: int | None = None


@dataclass(frozen=True)
class IssueChanges:
    """What ``keep_issues`` changed."""

    opened: tuple[Issue, ...] = ()
    deeper: tuple[Issue, ...] = ()
    """Open already, and a step further now."""
    resolved: tuple[Issue, ...] = ()


def problems(facts: Facts, now: datetime) -> tuple[Problem, ...]:
    """All that is wrong at ``now``, each thing once. Pure; the status is only the worst of it."""
    consent = tuple(_of_consent(facts, now)) if facts.kept_alive else ()
    if not facts.watched:
        return consent
    return (*consent, *_of_failure(facts, now), *_of_choice(facts, now), *_of_administrations(facts, now))


def keep_issues(
    session: Session, registration_id: int, found: tuple[Problem, ...], now: datetime
) -> IssueChanges:
    """Make the open issues those that were ``found``, in the caller's transaction. Flushes, never commits.

    One that was part of an incident ends with it: what is still wrong afterwards is the registration's own.
    """
    rows = _open(session, registration_id)
    wanted = {(problem.kind.value, problem.code): problem for problem in found}
    kept, resolved = {}, []
    for row in rows:
        problem = wanted.get((row.kind, row.code))
        if problem is None or row.incident_id not in (None, problem.incident_id):
            row.resolved_at, row.resolved_by = now, "clickker"
            resolved.append(row)
        else:
            kept[row.kind, row.code] = row
    if resolved:
        session.flush()  # at most one of a kind is open: the old one first makes room
    deeper = tuple(row for key, row in kept.items() if _keep_up(row, wanted[key]))
    opened = tuple(_new(registration_id, p, now) for key, p in wanted.items() if key not in kept)
    session.add_all(opened)
    session.flush()
    return IssueChanges(opened, deeper, tuple(resolved))


def issue_columns(registration_id: int, problem: Problem, now: datetime) -> dict[str, object]:
    """The row of an issue that is opened at ``now``."""
    since = min(problem.since, now)
    return {
        "registration_id": registration_id,
        "kind": problem.kind.value,
        "code": problem.code,
        "message": problem.message,
        "level": problem.level,
        "first_seen_at": since,
        "last_seen_at": max(since, problem.seen or since),
        "resolved_at": None,
        "resolved_by": "",
        "snoozed_until": None,
        "snoozed_by": "",
        "incident_id": problem.incident_id,
    }


def _new(registration_id: int, problem: Problem, now: datetime) -> Issue:
    return Issue(**issue_columns(registration_id, problem, now))


def _open(session: Session, registration_id: int) -> list[Issue]:
    query = select(Issue).where(Issue.registration_id == registration_id, Issue.resolved_at.is_(None))
    return list(session.scalars(query.order_by(Issue.id)))


def _keep_up(row: Issue, problem: Problem) -> bool:
    """Write what is new about an open issue; whether it has gone a step further."""
    row.last_seen_at = max(row.last_seen_at, problem.seen or row.last_seen_at)
    row.message = problem.message
    row.incident_id = problem.incident_id
    further = problem.level < row.level
    row.level = problem.level
    if further:  # whoever silenced it did not know this yet
        row.snoozed_until = None
    return further


def _of_consent(facts: Facts, now: datetime) -> Iterator[Problem]:
    """What only a new consent mends, or will: of what is paused too."""
    if facts.dead:
        at = facts.last_failure_at or now
        yield Problem(IssueKind.REFUSED, at, at, message=facts.last_failure_message)
    elif facts.lapsed(now):
        yield Problem(IssueKind.LAPSED, facts.lapses_at or now)
    else:
        yield from _of_coming_lapse(facts, now)


def _of_failure(facts: Facts, now: datetime) -> Iterator[Problem]:
    if facts.dead or facts.lapsed(now):
        return
    if facts.failing_since_success:
        kind, at = OF_FAILURES[FailureKind(facts.last_failure_kind or "")], facts.last_failure_at or now
        number = facts.incident.id if facts.incident else None
        yield Problem(kind, at, at, message=facts.last_failure_message, incident_id=number)
    elif facts.chosen and (facts.stale_at is None or now >= facts.stale_at):
        yield Problem(IssueKind.STALE, facts.stale_at or now)


def _of_coming_lapse(facts: Facts, now: datetime) -> Iterator[Problem]:
    step = lapse_step(facts.lapses_at, now)
    if facts.lapses_at is not None and step is not None:
        since = facts.lapses_at - timedelta(days=LAPSES_SOON_DAYS[0])
        yield Problem(IssueKind.LAPSES_SOON, since, level=step)


def _of_choice(facts: Facts, now: datetime) -> Iterator[Problem]:
    if facts.undecided:
        yield Problem(IssueKind.UNDECIDED, now)


def _of_administrations(facts: Facts, now: datetime) -> Iterator[Problem]:
    for trouble in facts.troubles:
        at = trouble.at or facts.last_checked_at or now
        yield Problem(
            IssueKind(trouble.kind), at, facts.last_checked_at, code=trouble.code, message=trouble.message
        )
