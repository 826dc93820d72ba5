"""A check of one registration at Exact: does everything still answer?"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from core import clock
from core.accounts.roles import Action, CurrentOperator, require
from core.application import Application
from core.audit.events import Event
from core.errors import NotFound
from core.exact.errors import ExactError, FailureKind
from core.exact.paging import Listed
from core.i18n import _
from core.registrations.administrations import keep_seen
from core.registrations.budget import Budget, only_waits
from core.registrations.doors import known_codes, rests_until
from core.registrations.facts import linked_of
from core.registrations.failures import write_failure
from core.registrations.grants import remember_user, unidentified
from core.registrations.incidents import note_success
from core.registrations.locking import find_with_login
from core.registrations.noting import note_alone
from core.registrations.rounds import Found, Hurry, Round, Subject
from core.registrations.schedule import after_failure, after_success, failing, until_identified, wants_checks
from core.registrations.scope import check_visible, find
from core.registrations.settle import has_news, settle, settle_grant
from core.registrations.takeover import AGAIN, identify_candidate
from core.registrations.timeline import CLICKKER, write
from core.settings import Settings
from core.storage.models import Administration, Grant, Registration


def check_now(app: Application, by: CurrentOperator, registration_id: int) -> None:
    """Ask Exact, now, whether everything of this registration still answers. Raises ``ExactError``."""
    require(by, Action.CHECK)
    with app.database.read() as session:
        check_visible(session, app, by, registration_id)
    error = check(app, registration_id, by.name)
    note_alone(app, Event.CHECK_REQUESTED, by, registration_id, failed=error is not None)
    if error is not None:
        raise error


def check(
    app: Application, registration_id: int, actor: str, hurry: Hurry = lambda: False
) -> ExactError | None:
    """Me, the list of administrations, and one call in each linked one as far as the budget allows.

    The outcome and the moment of the next check are recorded in one transaction; a failure is returned. Raises
    ``NotFound`` when there is no registration or no consent.
    """
    nameless = _identify(app, registration_id)
    subject = _subject(app, registration_id, actor)
    if subject is None and nameless is None:
        raise NotFound(_("There is no consent for this registration yet. Press Connect first."))
    if subject is None:
        rest(app, registration_id, nameless)
        return nameless
    budget = Budget(app, subject.environment, subject.home, subject.grant_id)
    found = Round(app, subject, budget, hurry).ask()
    if found.error is not None and found.divisions is None and only_waits(found.error):
        budget.keep()
        rest(app, registration_id, found.error)
        return found.error
    _record(app, subject, actor, found, budget)
    return found.error or nameless


def record_own_failure(app: Application, registration_id: int) -> None:
    """A check that ended in something unforeseen: keep that, let go of the registration, look again later."""
    error = ExactError(FailureKind.OURS)
    now = clock.now()
    with app.database.transaction() as session:
        row = find_with_login(session, registration_id)
        row.check_until = None
        row.next_check_at = _again(session, app, row, error, now)
        write_failure(session, app, row, error)


@AGAIN
def rest(app: Application, registration_id: int, error: ExactError | None = None) -> None:
    """Nothing was learnt: let go of the registration and look again later, if there is anything to look at."""
    now = clock.now()
    with app.database.transaction() as session:
        row = session.get(Registration, registration_id, with_for_update=True)
        if row is not None:
            row.next_check_at = _again(session, app, row, error, now)
            row.check_until = None
            if row.grant_id is not None:  # a token may have been spent before we held back
                settle_grant(session, app.settings, row.grant_id, now)


def _again(
    session: Session, app: Application, row: Registration, error: ExactError | None, now: datetime
) -> datetime | None:
    """When to look after nothing was learnt; None where there is nothing to look at."""
    waiting = unidentified(session, row.candidate_grant_id)
    if waiting is not None:
        return until_identified(app.settings, waiting.created_at, error, now)
    return after_failure(app.settings, row, error, now) if wants_checks(row) else None


def _identify(app: Application, registration_id: int) -> ExactError | None:
    try:
        identify_candidate(app, registration_id)
    except ExactError as error:
        return error
    return None


def _subject(app: Application, registration_id: int, actor: str) -> Subject | None:
    """Whom to ask about; None without a consent. We ask by ourselves only of whom checks are wanted: a paused one is
    looked at until a consent of it has an owner, and no longer."""
    with app.database.read() as session:
        row = session.get(Registration, registration_id)
        grant = session.get(Grant, row.grant_id) if row and row.grant_id else None
        if row is None or grant is None or (actor == CLICKKER and not wants_checks(row)):
            return None
        return Subject(
            registration_id=row.id,
            environment=row.environment,
            grant_id=grant.id,
            exact_user_id=grant.exact_user_id,
            home=grant.current_division,
            known=tuple(known_codes(session, row.id, grant.current_division)),
            linked=_longest_ago_first(session, app.settings, row.id, grant.current_division),
        )


def _longest_ago_first(
    session: Session, settings: Settings, registration_id: int, home: int | None
) -> tuple[int, ...]:
    rows = session.execute(
        select(Administration.code, Administration.last_success_at, Administration.last_failure_at).where(
            *linked_of(registration_id)
        )
    ).all()
    now = clock.now()
    rows = [row for row in rows if not (row.code == home and _rests(settings, row, now))]
    asked = [(max((at for at in (good, bad) if at), default=None), code) for code, good, bad in rows]
    never = [code for at, code in asked if at is None]
    return (*never, *(code for _at, code in sorted((at, code) for at, code in asked if at is not None)))


def _rests(settings: Settings, row: Row[int, datetime | None, datetime | None], now: datetime) -> bool:
    _code, good, bad = row
    return bad is not None and (good is None or bad > good) and now < rests_until(settings, bad)


@AGAIN
def _record(app: Application, subject: Subject, actor: str, found: Found, budget: Budget) -> None:
    now = clock.now()
    with app.database.transaction() as session:
        row = _find(session, app, subject)
        row.check_until = None
        budget.write_down(session)
        grant = session.get(Grant, subject.grant_id)
        if row.grant_id != subject.grant_id or grant is None:
            return  # another consent came in between; it has been read already
        if found.me is not None:
            remember_user(grant, found.me)
        before = _failing_administrations(session, row), failing(row)
        row.next_check_at = _next(session, app, row, found, now)
        if found.divisions is not None and not found.written:
            _keep(session, row, found, now)
        if found.error is not None and only_waits(found.error):
            settle(
                session, app.settings, row, now
            )  # what was heard is kept; the rest is asked when it may be
            return
        if found.error is not None:
            if actor != CLICKKER or not failing(row) or row.last_failure_kind != found.error.kind:
                write(session, row.id, actor, "check_failed", failure=found.error.kind)
            write_failure(session, app, row, found.error)
            return
        row.last_checked_at = row.last_success_at = now
        after = _failing_administrations(session, row)
        if actor != CLICKKER or before != (after, False):
            write(session, row.id, actor, "checked", count=after[0], failing=after[1])
        settle(session, app.settings, row, now)
        settle_grant(session, app.settings, grant.id, now)
        note_success(session, app.settings, row, now)


def _find(session: Session, app: Application, subject: Subject) -> Registration:
    """The row, locked; where its login has news for others too, after all rows behind that."""
    grant = session.get(Grant, subject.grant_id)
    if grant is not None and has_news(app.settings, grant):
        return find_with_login(session, subject.registration_id, subject.grant_id)
    return find(session, subject.registration_id)


def _next(
    session: Session, app: Application, row: Registration, found: Found, now: datetime
) -> datetime | None:
    if found.error is not None or not wants_checks(row):
        return _again(session, app, row, found.error, now)
    usual = found.rest_at or after_success(app.settings, now)
    waiting = unidentified(session, row.candidate_grant_id)
    return (
        usual
        if waiting is None
        else min(usual, until_identified(app.settings, waiting.created_at, None, now))
    )


def _keep(session: Session, row: Registration, found: Found, now: datetime) -> None:
    """What Exact shows, and how each administration that was asked has answered."""
    listed = found.divisions or Listed()
    if (
        session.scalar(select(Administration.id).where(Administration.registration_id == row.id).limit(1))
        is None
    ):
        write(session, row.id, CLICKKER, "administrations_read", count=len(listed))
    keep_seen(session, row, listed, found.users)
    for administration in _linked(session, row):
        if administration.code not in found.probed:
            continue
        error = found.probed[administration.code]
        administration.last_failure_kind = error.kind if error else None
        if error is None:
            administration.last_success_at = now
        else:
            administration.last_failure_at = now
            administration.last_failure_message = error.exact_message


def _failing_administrations(session: Session, row: Registration) -> tuple[int, int]:
    """How many are linked, and how many of them do not answer."""
    linked = _linked(session, row)
    return len(linked), sum(1 for a in linked if not a.permitted or a.last_failure_kind)


def _linked(session: Session, row: Registration) -> list[Administration]:
    query = select(Administration).where(*linked_of(row.id))
    return list(session.scalars(query))
