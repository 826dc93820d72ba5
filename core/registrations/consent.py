"""Ask for a customer's consent at Exact: one attempt, bound to browser, asker, registration and environment."""

from __future__ import annotations

import secrets
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
        consent = session.scalar(
            select(Consent).where(
                Consent.registration_id == registration_id,
                Consent.operator_id == by.id,
                Consent.environment == registration.environment,
                Consent.used_at.is_(None),
                Consent.expires_at > now,
            )
        )
        if consent is None:
            consent = _open(session, app, registration, now, operator_id=by.id)
            write(session, registration_id, by.name, "consent_started")
            note(session, Event.CONSENT_STARTED, by, registration)
        consent.expires_at = now + timedelta(seconds=app.settings.consent_seconds)
        settle(session, app.settings, registration, now)
        return consent.id


def begin_consent(
    app: Application, by: CurrentOperator, consent_id: str, browser_token: str | None = None
) -> Begun:
    """Draw the state for an attempt of this operator. Going there again draws a new state: the old one is dead.

    ``browser_token`` is what the browser's cookie holds already, so that two tabs do not chase each other out.
    """
    require(by, Action.REGISTER)
    now = clock.now()
    with app.database.transaction() as session:
        # From the address of a request: PostgreSQL refuses a NUL.
        consent = session.get(Consent, consent_id.replace("\x00", ""), with_for_update=True)
        if consent is None or consent.operator_id != by.id or consent.used_at or consent.expires_at <= now:
            raise NotFound(_("This attempt has ended. Go back to the registration and press Connect again."))
        return begin(app, consent, browser_token)


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
