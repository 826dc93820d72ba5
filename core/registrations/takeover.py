"""A consent has given tokens: which registration waits for them, whose they are, and who hangs on that login."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random

from core import clock
from core.application import Application
from core.exact.errors import ExactError, FailureKind
from core.exact.rows import Me
from core.registrations.administrations import read_from_exact
from core.registrations.failures import forget_failures
from core.registrations.grants import (
    attach_grant,
    identify_grant,
    later_one_waits,
    registrations_on,
    release_grant,
    set_candidate,
    unidentified,
)
from core.registrations.locking import lock_login
from core.registrations.outcomes import EXCHANGING, Outcome
from core.registrations.owners import ask_whose, hold_back
from core.registrations.reading_places import forget_pages_of
from core.registrations.schedule import look_soon
from core.registrations.scope import find
from core.registrations.settle import settle, settle_all_on
from core.registrations.timeline import EXACT, write
from core.storage.database import afterwards
from core.storage.models import Consent, Grant, Registration
from core.tokens.facts import grant_is_dead, has_lapsed
from core.tokens.records import Spend

AGAIN = retry(
    retry=retry_if_exception_type(OperationalError),
    wait=wait_random(0.05, 0.5),
    stop=stop_after_attempt(4),
    reraise=True,
)
"""For a transaction that may be repeated: two behind one login can want the same rows."""


def await_decision(app: Application, spend: Spend, session: Session) -> None:
    """Note, in the transaction that keeps the pair of a consent, which registration waits for it.

    A check is due soon from here on: should this process end, the keeper asks whose the consent is.
    """
    row = session.scalar(
        select(Registration)
        .where(Registration.id == spend.registration_id, Registration.environment == spend.environment)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    consent = session.get(Consent, spend.consent_id, populate_existing=True)
    withdrawn = consent is not None and consent.outcome == Outcome.WITHDRAWN
    if consent is not None:
        consent.verifier = None  # its code is spent; whoever recovers sees by this that the pair was kept
    if row is None or withdrawn:
        return
    look_soon(row, clock.now())
    if not later_one_waits(session, row, session.get_one(Grant, spend.grant_id)):
        set_candidate(session, app, row, spend.grant_id)
    settle(session, app.settings, row, clock.now())


def identify_candidate(app: Application, registration_id: int) -> None:
    """Ask Exact again whose a kept consent is, when it did not say at once. Raises ``ExactError``, which says from when
    it is worth trying again once Exact did not say twice."""
    with app.database.read() as session:
        registration = session.get(Registration, registration_id)
        candidate_id = registration.candidate_grant_id if registration else None
        grant = session.get(Grant, candidate_id) if candidate_id else None
    if grant is None or grant.exact_user_id is not None:
        return
    hold_back(grant)
    try:
        me = ask_whose(app, grant, registration_id=registration_id)
    except ExactError as error:
        if error.kind != FailureKind.REFUSED or not _give_up(app, registration_id, grant.id):
            raise
        return
    if _attach_candidate(app, registration_id, grant.id, me):
        read_from_exact(app, registration_id, EXACT)


@AGAIN
def _attach_candidate(app: Application, registration_id: int, candidate_id: str, me: Me) -> bool:
    with app.database.transaction() as session:
        candidate = lock_login(session, candidate_id, me.user_id, registration_id)
        registration = find(session, registration_id)
        if candidate is None or registration.candidate_grant_id != candidate.id:
            return False
        _finish_attempt(session, registration_id)
        if candidate.environment != registration.environment:
            set_candidate(session, app, registration, None)
            settle(session, app.settings, registration, clock.now())
            return False
        return attach(session, app, registration, candidate, me, actor=EXACT)


def _give_up(app: Application, registration_id: int, candidate_id: str) -> bool:
    """Let go of a kept consent that Exact refuses for good before it named an owner; False while that is not sure."""
    with app.database.transaction() as session:
        registration = find(session, registration_id)
        candidate = unidentified(session, candidate_id)
        if candidate is None or not is_lost(app, candidate):
            return False
        if registration.candidate_grant_id == candidate.id:
            registration.candidate_grant_id = None
            write(session, registration_id, EXACT, "candidate_lost")
        _finish_attempt(session, registration_id)
        delete_lost(session, app, candidate)
        settle(session, app.settings, registration, clock.now())
    return True


def is_lost(app: Application, candidate: Grant) -> bool:
    """Whether Exact will never say whose it is: refused for good, or lapsed."""
    return grant_is_dead(candidate) or has_lapsed(candidate.rotated_at, app.settings, clock.now())


def delete_lost(session: Session, app: Application, candidate: Grant) -> None:
    session.flush()
    session.delete(candidate)
    afterwards(session, lambda: app.journal.forget([candidate.id]))


def _finish_attempt(session: Session, registration_id: int) -> None:
    """Close an attempt whose process died after it had kept the pair."""
    kept = (Consent.outcome == EXCHANGING, Consent.verifier.is_(None))
    session.execute(
        update(Consent)
        .where(Consent.registration_id == registration_id, *kept)
        .values(outcome=Outcome.GRANTED)
    )


def attach(
    session: Session, app: Application, registration: Registration, candidate: Grant, me: Me, *, actor: str
) -> bool:
    """Put the registration on the grant that ``me`` owns, tell the timeline, and settle all who hang on it.

    False when another login is in force, and an operator must decide.
    """
    now = clock.now()
    before = session.get(Grant, registration.grant_id) if registration.grant_id else None
    before_name = (before.full_name or before.user_name) if before else ""
    later = later_one_waits(session, registration, candidate)
    grant = identify_grant(session, app, candidate, me)
    forget_pages_of(session, grant.id)
    attached = attach_grant(session, app, registration, grant, later=later)
    write(session, registration.id, actor, "consent_granted", user=me.known_as)
    if attached:
        registration.disconnected_at = None
        forget_failures(session, registration)
        look_soon(registration, now)  # what it permits may not be read by this process any more
        others = [name for number, name in registrations_on(session, grant.id) if number != registration.id]
        if others:
            write(session, registration.id, actor, "grant_shared", names=others)
    else:
        write(session, registration.id, actor, "candidate_waiting", user=me.known_as, before=before_name)
    settle(session, app.settings, registration, now)
    settle_all_on(session, app.settings, grant.id, now)
    return attached


@AGAIN
def leave_to_others(app: Application, candidate_id: str, me: Me) -> None:
    """This consent has ended the earlier tokens of its Exact user: whoever shares the login needs the new ones."""
    with app.database.transaction() as session:
        candidate = lock_login(session, candidate_id, me.user_id)
        if candidate is None:
            return
        grant = identify_grant(session, app, candidate, me)
        settle_all_on(session, app.settings, grant.id, clock.now())
        release_grant(session, app, grant.id)
