"""A consent has given tokens: which registration waits for them, whose they are, and who hangs on that login."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core import clock
from core.application import Application
from core.exact.rows import Me
from core.registrations.administrations import read_from_exact
from core.registrations.failures import forget_failures
from core.registrations.grants import (
    attach_grant,
    identify_grant,
    registrations_on,
    release_grant,
    set_candidate,
)
from core.registrations.locking import lock_login
from core.registrations.outcomes import EXCHANGING, Outcome
from core.registrations.owners import ask_whose, hold_back
from core.registrations.scope import find
from core.registrations.settle import settle, settle_all_on
from core.registrations.timeline import EXACT, write
from core.storage.models import Consent, Grant, Registration
from core.tokens.records import Spend


def await_decision(app: Application, spend: Spend, session: Session) -> None:
    """Note, in the transaction that keeps the pair of a consent, which registration waits for it."""
    row = session.scalar(
        select(Registration)
        .where(Registration.id == spend.registration_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    consent = session.get(Consent, spend.consent_id, populate_existing=True)
    withdrawn = consent is not None and consent.outcome == Outcome.WITHDRAWN
    if consent is not None:
        consent.verifier = None  # its code is spent; whoever recovers sees by this that the pair was kept
    if row is not None and not withdrawn:
        set_candidate(session, app, row, spend.grant_id)


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
    me = ask_whose(app, grant, registration_id=registration_id)
    with app.database.transaction() as session:
        candidate = lock_login(session, grant.id, me.user_id, registration_id)
        registration = find(session, registration_id)
        if candidate is None or registration.candidate_grant_id != candidate.id:
            return
        registration.candidate_grant_id = None
        _finish_attempt(session, registration_id)
        attached = attach(session, app, registration, candidate, me, actor=EXACT)
    if attached:
        read_from_exact(app, registration_id, EXACT)


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
    before = session.get(Grant, registration.grant_id) if registration.grant_id else None
    before_name = before.full_name if before else ""
    grant = identify_grant(session, app, candidate, me)
    attached = attach_grant(session, app, registration, grant)
    write(session, registration.id, actor, "consent_granted", user=me.full_name)
    if attached:
        registration.disconnected_at = None
        forget_failures(session, registration)
        others = [name for number, name in registrations_on(session, grant.id) if number != registration.id]
        if others:
            write(session, registration.id, actor, "grant_shared", names=others)
    else:
        write(session, registration.id, actor, "candidate_waiting", user=me.full_name, before=before_name)
    settle(session, app.settings, registration, clock.now())
    settle_all_on(session, app.settings, grant.id, clock.now())
    return attached


def leave_to_others(app: Application, candidate_id: str, me: Me) -> None:
    """This consent has ended the earlier tokens of its Exact user: whoever shares the login needs the new ones."""
    with app.database.transaction() as session:
        candidate = lock_login(session, candidate_id, me.user_id)
        if candidate is None:
            return
        grant = identify_grant(session, app, candidate, me)
        settle_all_on(session, app.settings, grant.id, clock.now())
        release_grant(session, app, grant.id)
