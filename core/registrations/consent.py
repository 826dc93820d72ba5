"""Ask for a customer's consent at Exact: one attempt, bound to browser, asker, registration and environment.

A browser that leaves for Exact has an attempt of its own: two tabs can both be there, and each brings its answer once.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock
from core.accounts.roles import Action, CurrentOperator, require
from core.application import Application
from core.audit.events import Event
from core.errors import InvalidInput, NotFound
from core.exact.environments import available
from core.exact.oauth import authorize_url
from core.i18n import _
from core.registrations.noting import note
from core.registrations.scope import find_for
from core.registrations.seen import Seen, check_customer
from core.registrations.settle import settle
from core.registrations.timeline import write
from core.storage.models import Consent, Registration
from core.tokens.secrets import hash_token, new_token

MOST_AT_EXACT = 5
"""Attempts that one operator, or one browser with a customer's link, has open: going once more ends the oldest."""


@dataclass(frozen=True)
class Begun:
    """Where to send the browser, and the token that its cookie must bring back."""

    authorize_url: str = field(repr=False)
    browser_token: str = field(repr=False)


def create_consent(
    app: Application, by: CurrentOperator, registration_id: int, seen: Seen | None = None
) -> str:
    """Open an attempt for an operator; a second click finds the one that is open. Returns its id.

    Raises ``InvalidInput`` when the environment cannot be used or the registration is not active,
    ``ChangedMeanwhile`` when it is another customer than was ``seen``.
    """
    require(by, Action.REGISTER)
    now = clock.now()
    with app.database.transaction() as session:
        registration = find_for(session, app, by, registration_id)
        check_customer(registration, seen)
        check_connectable(app, registration)
        attempts = [one for one in _open_ones(session, registration, by) if not one.outcome]
        if not attempts:
            write(session, registration_id, by.name, "consent_started")
            note(session, Event.CONSENT_STARTED, by, registration)
        consent = to_leave_with(attempts) or _open(session, app, registration, now, operator_id=by.id)
        consent.state_hash = None  # whoever left with it longest ago gets no more time
        consent.expires_at = now + timedelta(seconds=app.settings.consent_seconds)
        settle(session, app.settings, registration, now)
        return consent.id


def begin_consent(
    app: Application, by: CurrentOperator, consent_id: str, browser_token: str | None = None
) -> Begun:
    """Draw the state for an attempt of this operator. Whoever goes there again, in this tab or another, may end either.

    ``browser_token`` is what the browser's cookie holds already, so that two tabs do not chase each other out.
    Raises ``NotFound`` when the attempt has ended.
    """
    require(by, Action.REGISTER)
    with app.database.transaction() as session:
        # From the address of a request: PostgreSQL refuses a NUL.
        consent = session.get(Consent, consent_id.replace("\x00", ""))
        if consent is None or consent.operator_id != by.id:
            raise _ended()
        registration = find_for(session, app, by, consent.registration_id)
        attempts = _open_ones(session, registration, by)
        if consent.id not in {one.id for one in attempts}:
            raise _ended()
        own = to_leave_with(attempts) or _open(session, app, registration, clock.now(), operator_id=by.id)
        return begin(app, own, browser_token)


def to_leave_with(attempts: Sequence[Consent]) -> Consent | None:
    """Of open attempts, the longest ago first, the one with which a browser may leave; None when it takes a new one."""
    unused = next((one for one in attempts if one.state_hash is None), None)
    return unused or (attempts[0] if len(attempts) >= MOST_AT_EXACT else None)


def open_for_link(app: Application, session: Session, registration: Registration, link_id: int) -> Consent:
    """Open an attempt for a customer who came by a link."""
    check_connectable(app, registration)
    return _open(session, app, registration, clock.now(), link_id=link_id)


def begin(app: Application, consent: Consent, browser_token: str | None) -> Begun:
    """State (256 random bits, kept as a hash), PKCE verifier (kept encrypted) and the address to go to."""
    state, verifier = new_token(), secrets.token_urlsafe(48)
    token = browser_token or new_token()
    consent.state_hash = hash_token(state)
    consent.browser_hash = hash_token(token)
    consent.verifier = app.vault.encrypt(verifier, table="consents", column="verifier", row=consent.id)
    consent.outcome = ""
    consent.expires_at = clock.now() + timedelta(seconds=app.settings.consent_seconds)
    return Begun(authorize_url(app.settings, consent.environment, state, verifier), token)


def check_connectable(app: Application, registration: Registration) -> None:
    """Raise ``InvalidInput`` when this registration cannot go to Exact now."""
    if registration.submitted_at is None:
        raise InvalidInput(_("Finish the registration first."))
    if not registration.active:
        raise InvalidInput(_("The connection setting is not active. Set it to Active first."), "active")
    reason = available(app.settings, registration.environment)
    if reason:
        raise InvalidInput(reason, "environment")


def _open_ones(session: Session, registration: Registration, by: CurrentOperator) -> Sequence[Consent]:
    """The attempts of an operator that are open, the one that left longest ago first; the registration is locked."""
    query = select(Consent).where(
        Consent.registration_id == registration.id,
        Consent.operator_id == by.id,
        Consent.environment == registration.environment,
        Consent.used_at.is_(None),
        Consent.expires_at > clock.now(),
    )
    ordered = query.order_by(Consent.expires_at, Consent.id).with_for_update()
    return session.scalars(ordered.execution_options(populate_existing=True)).all()


def _ended() -> NotFound:
    return NotFound(_("This attempt has ended. Go back to the registration and press Connect again."))


def _open(
    session: Session,
    app: Application,
    registration: Registration,
    now: datetime,
    *,
    operator_id: int | None = None,
    link_id: int | None = None,
) -> Consent:
    consent = Consent(
        registration_id=registration.id,
        environment=registration.environment,
        operator_id=operator_id,
        link_id=link_id,
        created_at=now,
        expires_at=now + timedelta(seconds=app.settings.consent_seconds),
    )
    session.add(consent)
    session.flush()
    return consent
