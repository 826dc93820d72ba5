"""What is under way at Exact for a registration is taken back: it was disconnected, deleted, or has another country."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from core import clock
from core.application import Application
from core.errors import InvalidInput
from core.i18n import _
from core.registrations import link_claims
from core.registrations.grants import set_candidate
from core.registrations.outcomes import BACK_FROM_EXACT, EXCHANGING, Outcome
from core.storage.models import Administration, Consent, Registration


def withdraw_attempts(session: Session, registration_id: int, now: datetime) -> None:
    """End every attempt that is open, and every one whose code is with Exact: what it brings is let go."""
    session.execute(
        update(Consent)
        .where(
            Consent.registration_id == registration_id,
            or_(Consent.used_at.is_(None), Consent.outcome == EXCHANGING),
        )
        .values(used_at=now, outcome=Outcome.WITHDRAWN)
    )


def forget_answers(session: Session, registration_id: int) -> None:
    """How earlier attempts ended says nothing any more: it was another customer who was asked."""
    session.execute(
        update(Consent)
        .where(
            Consent.registration_id == registration_id,
            Consent.outcome.in_([outcome for outcome in BACK_FROM_EXACT if not outcome.arrived]),
        )
        .values(outcome=Outcome.WITHDRAWN)
    )


def how_ended(session: Session, consent: Consent) -> Outcome | None:
    """Why an attempt takes no answer any more; None while it is open."""
    moved = select(Registration.id).where(
        Registration.id == consent.registration_id, Registration.environment != consent.environment
    )
    if session.scalar(moved) is not None:
        return Outcome.OTHER_COUNTRY
    if consent.used_at is not None:
        return Outcome.WITHDRAWN if consent.outcome == Outcome.WITHDRAWN else Outcome.REUSED_STATE
    return Outcome.EXPIRED_STATE if consent.expires_at <= clock.now() else None


def change_environment(session: Session, app: Application, row: Registration, environment: str) -> None:
    """Move a registration to another country, in the caller's transaction, which holds its lock.

    What is open in the old country ends: attempts, also those with Exact, and a consent that is kept without an owner.
    A customer's link stays and leads to the new one. Raises ``InvalidInput`` once a consent is in force.
    """
    if row.environment == environment:
        return
    if row.grant_id is not None:
        raise InvalidInput(_("The environment is fixed once consent was given."), "environment")
    if row.id is not None:
        link_claims.give_all_back(session, row.id)
        withdraw_attempts(session, row.id, clock.now())
        set_candidate(session, app, row, None)
        session.execute(delete(Administration).where(Administration.registration_id == row.id))
    row.environment = environment
