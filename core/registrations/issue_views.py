"""A registration's issues as pages show them, and silencing one until a day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session, aliased

from core import clock
from core.accounts.roles import Action, CurrentOperator, require
from core.application import Application
from core.audit.events import Event
from core.errors import InvalidInput, NotFound
from core.i18n import _
from core.registrations.next_action import NOTHING, ActionFacts, NextAction, next_action, of_issue
from core.registrations.noting import note
from core.registrations.scope import check_visible, find_for
from core.registrations.timeline import write
from core.registrations.wording import issue_words
from core.storage.models import Administration, Issue, Registration
from core.storage.sets import Unindexed

LONGEST_SNOOZE_DAYS = 60
PAST_SHOWN = 50
_DUTCH = ZoneInfo("Europe/Amsterdam")


@dataclass(frozen=True)
class IssueView:
    """Something that is or was wrong, in the reader's language."""

    id: int
    kind: str
    what: str
    action: NextAction
    """Who acts and what by: what is decided for the registration, unless it is about one administration."""
    administration: str
    """'' when it concerns the whole registration."""
    message: str
    """Exact's own words; '' when there are none."""
    first_seen_at: datetime
    last_seen_at: datetime
    resolved_at: datetime | None
    snoozed_until: datetime | None
    """None when it is not silenced now."""
    snoozed_by: str
    in_incident: bool


@dataclass(frozen=True)
class RegistrationIssues:
    """All issues of one registration; of the past the latest ``PAST_SHOWN``."""

    open: tuple[IssueView, ...]
    """The oldest first."""
    past: tuple[IssueView, ...]
    """The latest repaired first."""


def issues_of(app: Application, by: CurrentOperator, registration_id: int) -> RegistrationIssues:
    """What is wrong with a registration, and what was."""
    require(by, Action.VIEW)
    rows = (
        select(Issue, Administration.name, Administration.last_failure_kind)
        .outerjoin(
            Administration,
            (Administration.registration_id == Issue.registration_id) & (Administration.code == Issue.code),
        )
        .where(Issue.registration_id == registration_id)
    )
    now = clock.now()
    with app.database.read() as session:
        check_visible(session, app, by, registration_id)
        own = _own_action(session, registration_id, now)
        present = session.execute(
            rows.where(Unindexed(Issue.resolved_at).is_(None)).order_by(Issue.first_seen_at, Issue.id)
        ).all()
        past = session.execute(
            rows.where(Issue.resolved_at.is_not(None)).order_by(Issue.id.desc()).limit(PAST_SHOWN)
        ).all()
    return RegistrationIssues(
        tuple(_view(*found, own, now) for found in present),
        tuple(_view(*found, own, now) for found in past),
    )


def _own_action(session: Session, registration_id: int, now: datetime) -> NextAction:
    columns = (
        Registration.status,
        Registration.status_reason,
        Registration.last_failure_message,
        Registration.lapses_at,
    )
    row = session.execute(select(*columns).where(Registration.id == registration_id)).first()
    return next_action(ActionFacts.of(*row, now)) if row is not None else NOTHING


def snooze(app: Application, by: CurrentOperator, issue_id: int, until: date) -> None:
    """Silence an issue until the beginning of a day (Dutch time): out of "needs attention now", in the status still.

    Raises ``InvalidInput`` for a day that has come or is far off, ``NotFound`` when it is resolved.
    """
    require(by, Action.EDIT_NOTE)
    now = clock.now()
    moment = datetime.combine(until, time(), _DUTCH)
    if not now < moment <= now + timedelta(days=LONGEST_SNOOZE_DAYS):
        raise InvalidInput(
            _("Choose a day from tomorrow on, at most {days} days ahead.").format(days=LONGEST_SNOOZE_DAYS),
            "until",
        )
    with app.database.transaction() as session:
        number = session.scalar(select(Issue.registration_id).where(Issue.id == issue_id))
        registration = find_for(session, app, by, number or 0) if number is not None else None
        row = session.get(
            Issue, issue_id
        )  # read under the registration's lock, which is taken first (``locking``)
        if registration is None or row is None or row.resolved_at is not None:
            raise NotFound(_("This is not open any more; there is nothing to silence."))
        row.snoozed_until, row.snoozed_by = moment, by.name
        write(
            session,
            row.registration_id,
            by.name,
            "issue_snoozed",
            issue=row.kind,
            level=row.level,
            until=moment.isoformat(),
        )
        note(session, Event.ISSUE_SNOOZED, by, registration, detail=f"{row.kind} {until.isoformat()}")


def silenced(now: datetime) -> ColumnElement[bool]:
    """Of a registration: something is silenced, and nothing that is not is open."""
    quiet = aliased(Issue)
    return exists().where(quiet.registration_id == Registration.id, *_quiet(quiet, now)) & ~_loud(now)


def silenced_by_status(
    session: Session, now: datetime, seen: Sequence[ColumnElement[bool]] = ()
) -> dict[str, int]:
    """How many registrations, of those ``seen`` if given, are silenced, by status.

    Silenced issues are few, and have an index of their own.
    """
    rows = session.execute(
        select(Registration.id, Registration.status)
        .select_from(Issue)
        .join(Registration, Registration.id == Issue.registration_id)
        .where(*_quiet(Issue, now), ~_loud(now), *seen)
        .distinct()
    )
    return Counter(status for _number, status in rows)


def _quiet(issue: type[Issue], now: datetime) -> tuple[ColumnElement[bool], ...]:
    return Unindexed(issue.resolved_at).is_(None), issue.snoozed_until > now


def _loud(now: datetime) -> ColumnElement[bool]:
    loud = aliased(Issue)
    return exists().where(
        loud.registration_id == Registration.id,
        loud.resolved_at.is_(None),
        loud.snoozed_until.is_(None) | (loud.snoozed_until <= now),
    )


def _view(
    row: Issue, administration: str | None, failure: str | None, own: NextAction, now: datetime
) -> IssueView:
    asleep = row.resolved_at is None and row.snoozed_until is not None and row.snoozed_until > now
    return IssueView(
        id=row.id,
        kind=row.kind,
        what=issue_words(row.kind, row.level),
        action=of_issue(row.kind, own, row.message, failure or ""),
        administration=(administration or str(row.code)) if row.code else "",
        message=row.message,
        first_seen_at=row.first_seen_at,
        last_seen_at=row.last_seen_at,
        resolved_at=row.resolved_at,
        snoozed_until=row.snoozed_until if asleep else None,
        snoozed_by=row.snoozed_by if asleep else "",
        in_incident=row.incident_id is not None,
    )
