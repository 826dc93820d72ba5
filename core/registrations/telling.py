"""Who hears of a change: one line in the timeline, and an alarm where somebody must know."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.alarms.outbox import OF_ONE_CUSTOMER, AlarmKind, announce
from core.registrations.asking import parts
from core.registrations.issues import IssueChanges, IssueKind
from core.registrations.status import Derived, Status, needs_consent
from core.registrations.timeline import CLICKKER, NAMES_SHOWN, write
from core.storage.models import Administration, Alarm, Issue, Registration

_WELL = frozenset({Status.CONNECTED, Status.PARTLY_CONNECTED})


@dataclass(frozen=True)
class Settled:
    """What ``settle`` found; ``was`` is the status and the reason before."""

    registration: Registration
    was: tuple[str, str]
    derived: Derived
    issues: IssueChanges

    @property
    def changed(self) -> bool:
        return self.was[0] != self.derived.status


def tell(session: Session, settled: Settled, now: datetime) -> None:
    """Write down and announce what changed, in the transaction that changes it."""
    if settled.derived.status != Status.DRAFT:
        _write(session, settled)
    _announce(session, settled, now)


def _write(session: Session, settled: Settled) -> None:
    """One line tells of status and issues together; issues under the same status and reason have their own."""
    derived = settled.derived
    if settled.was == (derived.status, derived.reason) or _is_on_its_way(settled):
        _write_issues(session, settled)
        return
    kind = "status" if settled.changed else "reason"
    write(session, settled.registration.id, CLICKKER, kind, status=derived.status, reason=derived.reason)


def _is_on_its_way(settled: Settled) -> bool:
    """Whether nothing is new but how far asking for a consent is, of which an entry of its own tells."""
    return parts(settled.was[1])[0] == parts(settled.derived.reason)[0]


def _write_issues(session: Session, settled: Settled) -> None:
    number, issues = settled.registration.id, settled.issues
    for kind, rows in (
        ("issue_resolved", issues.resolved),
        ("issue_opened", (*issues.opened, *issues.deeper)),
    ):
        for issue, group in groupby(sorted(rows, key=_kind), _kind):
            same = list(group)
            names = _names(session, number, same)
            write(session, number, CLICKKER, kind, issue=issue, names=names, level=same[0].level)


def _kind(row: Issue) -> str:
    return row.kind


def _names(session: Session, number: int, rows: Iterable[Issue]) -> list[str]:
    codes = [row.code for row in rows if row.code]
    query = select(Administration.name).where(
        Administration.registration_id == number, Administration.code.in_(codes[:NAMES_SHOWN])
    )
    names = list(session.scalars(query.order_by(Administration.name_key))) if codes else []
    return [*names, "…"] if len(codes) > NAMES_SHOWN else names


def _announce(session: Session, settled: Settled, now: datetime) -> None:
    row, derived, issues = settled.registration, settled.derived, settled.issues
    if needs_consent(derived.status, derived.reason) and not needs_consent(*settled.was):
        announce(session, AlarmKind.RECONNECT_NEEDED, now, registration=row, reason=derived.reason)
    for issue in (*issues.opened, *issues.deeper):
        if issue.kind == IssueKind.LAPSES_SOON:
            announce(session, AlarmKind.LAPSES_SOON, now, registration=row, days=issue.level)
    over = derived.status in _WELL and (settled.changed or issues.resolved)
    if settled.was[0] == Status.PAUSED and parts(derived.reason)[0] == "paused":
        over = bool(issues.resolved)  # its consent lives again, though it stays paused
    if over and _owes_good_news(session, row):
        announce(session, AlarmKind.RECOVERED, now, registration=row)


def _owes_good_news(session: Session, registration: Registration) -> bool:
    """Whether somebody was told of trouble that is over now, and has not heard so yet."""
    last = session.scalar(
        select(Alarm.kind)
        .where(Alarm.registration_id == registration.id, Alarm.kind.in_(OF_ONE_CUSTOMER))
        .order_by(Alarm.id.desc())
        .limit(1)
    )
    if last in (None, AlarmKind.RECOVERED):
        return False
    lapsing = select(Issue.id).where(
        Issue.registration_id == registration.id,
        Issue.kind == IssueKind.LAPSES_SOON.value,
        Issue.resolved_at.is_(None),
    )
    return session.scalar(lapsing) is None
