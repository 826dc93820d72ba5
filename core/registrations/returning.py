"""May this return from Exact be taken for that attempt; and which attempt is meant when Exact did not say."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock
from core.registrations import link_claims
from core.registrations.locking import lock_registrations
from core.registrations.outcomes import Outcome
from core.registrations.withdrawing import how_ended
from core.storage.models import Consent, CustomerLink, Operator, Registration
from core.tokens.secrets import hash_token


def refusal(
    session: Session, consent: Consent, browser_token: str | None, operator_id: int | None
) -> Outcome | None:
    """Why this return may not be taken for this attempt, which stays open for the one who may."""
    if not browser_token or not hmac.compare_digest(hash_token(browser_token), consent.browser_hash or ""):
        return Outcome.OTHER_BROWSER
    if ended := how_ended(session, consent):
        return ended
    if consent.link_id is not None:
        return refusal_of_link(session, consent)
    if operator_id is not None and operator_id != consent.operator_id:
        return Outcome.OTHER_OPERATOR
    operator = session.get(Operator, consent.operator_id) if consent.operator_id else None
    return None if operator is not None and operator.active else Outcome.OTHER_OPERATOR


def refusal_of_link(session: Session, consent: Consent) -> Outcome | None:
    """Why a customer's link brings nothing for this attempt; None when it is free, or was used in this browser."""
    link = session.get(CustomerLink, consent.link_id, populate_existing=True)
    if link is None or link.revoked_at is not None:
        return Outcome.WITHDRAWN
    free = link.used_at is None or link_claims.is_of_this_browser(session, consent)
    return None if free else Outcome.LINK_USED


@dataclass(frozen=True)
class Meant:
    """The attempts with which a browser is at Exact, of one registration or of several."""

    attempts: Sequence[Consent]
    names: tuple[str, ...]
    """Of the registrations."""
    is_new: bool
    """Whether Exact's answer was not told already, before the page was loaded again."""


def meant(
    session: Session, browser_token: str | None, operator_id: int | None, outcome: Outcome
) -> Meant | None:
    """Which attempts an error without a state can be about: those that this browser has left with. None: no such.

    It is no secret who sends a browser to that address, so the error uses no state up: what comes with it is taken.
    """
    if not browser_token:
        return None
    theirs_here = (
        Consent.browser_hash == hash_token(browser_token),
        Consent.used_at.is_(None),
        Consent.expires_at > clock.now(),
    )
    lock_registrations(session, session.scalars(select(Consent.registration_id).where(*theirs_here)).all())
    query = select(Consent).where(*theirs_here)
    found = session.scalars(query.order_by(Consent.expires_at.desc(), Consent.id).with_for_update()).all()
    theirs = [one for one in found if refusal(session, one, browser_token, operator_id) is None]
    waiting = [one for one in theirs if not one.outcome]
    attempts = waiting or [one for one in theirs if one.outcome == outcome]
    numbers = {one.registration_id for one in attempts}
    names = session.scalars(
        select(Registration.name).where(Registration.id.in_(numbers)).order_by(Registration.name_key)
    )
    return Meant(attempts, tuple(names), bool(waiting)) if attempts else None
