"""Who holds a customer's link: one attempt at a time while Exact answers, and for good once consent is there.

A claimed link has ``used_at``; until the attempt that claimed it has ended, its outcome is ``EXCHANGING``. Rows are
locked in one order everywhere, registration, consents, link: otherwise two would wait for each other.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from core.registrations.outcomes import EXCHANGING, Outcome
from core.settings import Settings
from core.storage.models import Consent, CustomerLink

_WITH_EXACT = (
    select(Consent.id).where(Consent.link_id == CustomerLink.id, Consent.outcome == EXCHANGING).exists()
)
_HOLDING = (EXCHANGING, *(outcome for outcome in Outcome if outcome.arrived))
"""How attempts stand that hold their link: with Exact, or with the consent that they brought."""


def longest_exchange(settings: Settings) -> timedelta:
    """How long an attempt may be with Exact: after that the process that held it has died."""
    return timedelta(seconds=settings.token_timeout_seconds + settings.api_timeout_seconds + 30)


def claim(session: Session, link_id: int, now: datetime) -> bool:
    """Take the link for one attempt, in the transaction that uses the attempt up; False when it is taken."""
    taken = session.execute(
        update(CustomerLink)
        .where(CustomerLink.id == link_id, CustomerLink.used_at.is_(None), CustomerLink.revoked_at.is_(None))
        .values(used_at=now)
        .returning(CustomerLink.id)
        .execution_options(synchronize_session=False)
    )
    return taken.first() is not None


def is_of_this_browser(session: Session, consent: Consent) -> bool:
    """Whether the link of an attempt was used by its own browser: consent came, or is coming, in another tab."""
    other = (Consent.link_id == consent.link_id, Consent.id != consent.id, Consent.outcome.in_(_HOLDING))
    query = select(Consent.id).where(*other, Consent.browser_hash == consent.browser_hash).limit(1)
    return session.scalar(query) is not None


def give_back(session: Session, consent_id: str) -> None:
    """The attempt brings no consent: the customer may try again with the same link, if it was by a link.

    Before its outcome is written: an attempt that was withdrawn meanwhile holds nothing. What came by the link in
    another tab keeps it used.
    """
    held = select(Consent.link_id).where(Consent.id == consent_id, Consent.outcome == EXCHANGING)
    others = select(Consent.id).where(
        Consent.link_id == CustomerLink.id, Consent.id != consent_id, Consent.outcome.in_(_HOLDING)
    )
    session.execute(
        update(CustomerLink)
        .where(CustomerLink.id == held.scalar_subquery(), ~others.exists())
        .values(used_at=None)
        .execution_options(synchronize_session=False)
    )


def give_all_back(session: Session, registration_id: int) -> None:
    """The attempts of a registration are about to be withdrawn: its links can be used again."""
    session.execute(select(Consent.id).where(Consent.registration_id == registration_id).with_for_update())
    held = (CustomerLink.registration_id == registration_id, _WITH_EXACT)
    session.execute(update(CustomerLink).where(*held).values(used_at=None))


def withdraw(session: Session, registration_id: int, now: datetime) -> bool:
    """End every link that is open, or would be again should Exact not answer; whether there was one."""
    session.execute(select(Consent.id).where(Consent.registration_id == registration_id).with_for_update())
    ended = session.execute(
        update(CustomerLink)
        .where(
            CustomerLink.registration_id == registration_id,
            CustomerLink.revoked_at.is_(None),
            or_(CustomerLink.used_at.is_(None), _WITH_EXACT),
        )
        .values(revoked_at=now)
        .returning(CustomerLink.id)
    )
    return ended.first() is not None


def is_with_exact(session: Session, settings: Settings, link: CustomerLink, now: datetime) -> bool:
    """Whether an attempt holds the link while Exact answers.

    One that is held for longer than Exact gets was left by a process that died: it is given back here, and should
    that process come to itself after all, what it brings is let go.
    """
    holders = session.scalars(
        select(Consent).where(Consent.link_id == link.id, Consent.outcome.in_(_HOLDING))
    ).all()
    exchanging = [one for one in holders if one.outcome == EXCHANGING]
    if not exchanging or link.used_at is None:
        return False
    if any((one.used_at or now) + longest_exchange(settings) > now for one in exchanging):
        return True
    if len(exchanging) < len(holders) or any(one.verifier is None for one in exchanging):
        return False  # its tokens are kept, and wait for their owner's name at most: the link has been used
    for one in exchanging:
        one.outcome = Outcome.WITHDRAWN
    session.flush()
    link.used_at = None
    return False
