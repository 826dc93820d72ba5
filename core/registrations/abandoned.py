"""Attempts at consent whose process ended before it could say how they ended: nobody else will."""

from __future__ import annotations

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from core import clock
from core.application import Application
from core.registrations import link_claims
from core.registrations.noting import note_consent
from core.registrations.outcomes import EXCHANGING, Outcome
from core.registrations.settle import settle
from core.registrations.timeline import CLICKKER, write
from core.storage.models import Consent, Grant, Registration

_AT_ONCE = 100


def end_abandoned(app: Application) -> int:
    """End the attempts that are with Exact for longer than Exact gets, and give their links back; how many.

    To be asked after the journal was replayed: an answer that is there is no abandoned attempt. One whose pair is kept
    is none either; the next check of its registration asks whose it is.
    """
    before = clock.now() - link_claims.longest_exchange(app.settings)
    query = select(Consent.id, Consent.registration_id).where(
        Consent.outcome == EXCHANGING, Consent.verifier.is_not(None), Consent.used_at < before
    )
    with app.database.read() as session:
        found = session.execute(query.order_by(Consent.used_at).limit(_AT_ONCE)).all()
    for consent_id, registration_id in found:
        with app.database.transaction() as session:
            row = session.get(Registration, registration_id, with_for_update=True)
            consent = session.get(Consent, consent_id, with_for_update=True, populate_existing=True)
            if row is not None and consent is not None and _is_abandoned(consent):
                _end(session, app, row, consent)
    return len(found) + _close_kept(app)


def _close_kept(app: Application) -> int:
    """Close the attempts whose pair was kept and of which a later consent, or somebody's word, has made an end."""
    waits = exists().where(
        Registration.id == Consent.registration_id,
        Registration.candidate_grant_id == Grant.id,
        Grant.exact_user_id.is_(None),
    )
    over = (
        Consent.outcome == EXCHANGING,
        Consent.verifier.is_(None),
        Consent.used_at < clock.now() - link_claims.longest_exchange(app.settings),
        ~waits,
    )
    with app.database.read() as session:
        if session.scalar(select(Consent.id).where(*over).limit(1)) is None:
            return 0
    with app.database.transaction() as session:
        closed = update(Consent).where(*over).values(outcome=Outcome.GRANTED).returning(Consent.id)
        return len(session.execute(closed.execution_options(synchronize_session=False)).all())


def _is_abandoned(consent: Consent) -> bool:
    return consent.outcome == EXCHANGING and consent.verifier is not None


def _end(session: Session, app: Application, row: Registration, consent: Consent) -> None:
    link_claims.give_back(session, consent.id)
    # A link can be used again: should the process come to itself after all, what it brings is let go.
    consent.outcome = Outcome.WITHDRAWN if consent.link_id is not None else Outcome.TIMEOUT
    write(session, row.id, CLICKKER, "consent_failed", outcome=Outcome.TIMEOUT)
    note_consent(session, consent, Outcome.TIMEOUT, "")
    settle(session, app.settings, row, clock.now())
