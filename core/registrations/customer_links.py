"""A link by which the customer gives consent without an account here: single-use, seven days, revocable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core import clock
from core.accounts.roles import Action, CurrentOperator, require
from core.application import Application
from core.audit.events import Event
from core.errors import NotFound
from core.i18n import _
from core.registrations import link_claims
from core.registrations.consent import Begun, begin, check_connectable, open_for_link, to_leave_with
from core.registrations.noting import TOLD_OF_LINK, note
from core.registrations.scope import find, find_for
from core.registrations.seen import Seen, check_customer
from core.registrations.settle import settle
from core.registrations.timeline import CUSTOMER, write
from core.registrations.views import CustomerLinkView
from core.storage.models import Consent, CustomerLink, Operator, Registration
from core.tokens.secrets import hash_token, new_token

_TOKEN_LENGTH = 200
MOST_ATTEMPTS = 100
"""By one link, which anybody may have who was sent it: nobody needs a tenth of these."""


@dataclass(frozen=True)
class CustomerLinkPage:
    """What the customer is told: who asks, for what, until when."""

    registration_name: str
    environment: str
    asked_by: str
    expires_at: datetime


def create_customer_link(
    app: Application, by: CurrentOperator, registration_id: int, seen: Seen | None = None
) -> str:
    """Make a link and withdraw an earlier one; returns its address, which cannot be shown again.

    Raises ``ChangedMeanwhile`` when it would be for another customer than was ``seen``.
    """
    require(by, Action.REGISTER)
    now, token = clock.now(), new_token()
    until = now + timedelta(days=app.settings.customer_link_days)
    with app.database.transaction() as session:
        registration = find_for(session, app, by, registration_id)
        check_customer(registration, seen)
        check_connectable(app, registration)
        link_claims.withdraw(session, registration_id, now)
        session.add(
            CustomerLink(
                registration_id=registration_id,
                token_hash=hash_token(token),
                created_by=by.id,
                created_at=now,
                expires_at=until,
            )
        )
        write(session, registration_id, by.name, "link_created", until=until.isoformat())
        note(session, Event.CUSTOMER_LINK_CREATED, by, registration)
        settle(session, app.settings, registration, now)
    return f"{app.settings.public_address}/customer/{token}"


def revoke_customer_link(app: Application, by: CurrentOperator, registration_id: int) -> None:
    """Withdraw the open link; nothing happens when there is none."""
    require(by, Action.REGISTER)
    with app.database.transaction() as session:
        registration = find_for(session, app, by, registration_id)
        if link_claims.withdraw(session, registration_id, clock.now()):
            write(session, registration_id, by.name, "link_revoked")
            note(session, Event.CUSTOMER_LINK_REVOKED, by, registration)
            settle(session, app.settings, registration, clock.now())


def open_customer_link(
    app: Application, token: str, visitor_address: str = "", *, opened: bool = True
) -> CustomerLinkPage:
    """What to show to whoever opens the link; looking does not use it up. Raises ``NotFound`` with the reason.

    ``opened`` is False for a program that only looks at what the link leads to: nobody has opened it then.
    """
    with app.database.read() as session:
        link, registration = _usable(app, session, token)
        asker = session.get(Operator, link.created_by) if link.created_by else None
        page = CustomerLinkPage(
            registration_name=registration.name,
            environment=registration.environment,
            asked_by=asker.name if asker else "Clickker",
            expires_at=link.expires_at,
        )
    if opened and link.opened_at is None:
        app.database.unless_busy(partial(_note_opened, app, token, visitor_address), None)
    return page


def _note_opened(app: Application, token: str, visitor_address: str, session: Session) -> None:
    link, registration = _usable(app, session, token)
    if link.opened_at is not None:
        return
    link.opened_at = clock.now()
    write(session, registration.id, CUSTOMER, "link_opened")
    note(
        session,
        Event.CUSTOMER_LINK_OPENED,
        None,
        registration,
        address=visitor_address,
        actor="customer",
    )


def begin_customer_consent(
    app: Application,
    token: str,
    browser_token: str | None = None,
    visitor_address: str = "",
    seen: Seen | None = None,
) -> Begun:
    """Start the consent of a customer who pressed the button. Raises ``NotFound``, ``InvalidInput``.

    Pressing again in the same browser, perhaps in another tab, is told once. Raises ``ChangedMeanwhile`` when the
    page asked for another's bookkeeping.
    """
    with app.database.transaction() as session:
        link, registration = _usable(app, session, token)
        check_customer(registration, seen)
        check_connectable(app, registration)
        attempts = _open_attempts(session, link.id, browser_token)
        consent = to_leave_with(attempts)
        if consent is None:
            begun = _begun_so_far(session, link.id)
            consent = open_for_link(app, session, registration, link.id)
            if begun < TOLD_OF_LINK and not attempts:
                note(
                    session,
                    Event.CONSENT_STARTED,
                    None,
                    registration,
                    address=visitor_address,
                    actor="customer",
                )
        return begin(app, consent, browser_token)


def _open_attempts(session: Session, link_id: int, browser_token: str | None) -> Sequence[Consent]:
    """The attempts that this browser has begun by the link and not ended, the oldest first; the link is locked."""
    if not browser_token:
        return ()
    query = select(Consent).where(
        Consent.link_id == link_id,
        Consent.browser_hash == hash_token(browser_token),
        Consent.used_at.is_(None),
        Consent.expires_at > clock.now(),
    )
    return session.scalars(query.order_by(Consent.expires_at, Consent.id).with_for_update()).all()


def _begun_so_far(session: Session, link_id: int) -> int:
    begun = session.scalar(select(func.count()).where(Consent.link_id == link_id)) or 0
    if begun >= MOST_ATTEMPTS:
        raise NotFound(_("This link was used too often. Ask Clickker for a new one."))
    return begun


def open_link(session: Session, registration_id: int) -> CustomerLinkView | None:
    """The link that is open now, without its secret."""
    row = session.scalar(
        select(CustomerLink)
        .where(
            CustomerLink.registration_id == registration_id,
            CustomerLink.used_at.is_(None),
            CustomerLink.revoked_at.is_(None),
            CustomerLink.expires_at > clock.now(),
        )
        .order_by(CustomerLink.id.desc())
        .limit(1)
    )
    if row is None:
        return None
    went_at = session.scalar(select(func.max(Consent.created_at)).where(Consent.link_id == row.id))
    return CustomerLinkView(row.created_at, row.expires_at, row.opened_at or went_at, went_at)


def _usable(app: Application, session: Session, token: str) -> tuple[CustomerLink, Registration]:
    """The link and its registration, locked; raises ``NotFound`` with a sentence for the customer."""
    link = None
    if len(token) <= _TOKEN_LENGTH:
        link = session.scalar(select(CustomerLink).where(CustomerLink.token_hash == hash_token(token)))
    if link is None:
        raise NotFound(
            _("This link is not known. Check that it was copied whole, or ask Clickker for a new one.")
        )
    registration = find(session, link.registration_id)
    # Read again under the lock, which is taken in the order of ``link_claims``.
    session.refresh(link, with_for_update=True)
    _refuse(app, session, link)
    return link, registration


def _refuse(app: Application, session: Session, link: CustomerLink) -> None:
    now = clock.now()
    if link.revoked_at is not None:
        raise NotFound(_("This link was withdrawn. Ask Clickker for a new one."))
    if link_claims.is_with_exact(session, app.settings, link, now):
        raise NotFound(
            _("Consent is arriving by this link at this moment. Wait a minute, then open the link again.")
        )
    if link.used_at is not None:
        raise NotFound(_("This link has been used: the consent has arrived. You need not do anything."))
    if link.expires_at <= now:
        raise NotFound(_("This link has expired. Ask Clickker for a new one."))
