"""Single sign-on: a browser leaves for the provider, and comes back with somebody's identity.

Each visit to the provider is written down before the browser leaves: which browser, what for, and then the state it
left with. What comes back is taken once, by that browser with that state, within ten minutes. Nobody is let in whose
(issuer, subject) an operator has not bound before, by an invitation or from a signed-in session.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core.accounts.confirming import confirm_session
from core.accounts.identities import Identity, as_current, bind, identity_in, own_identity, owner_of, told
from core.accounts.invitations import open_link, use_up
from core.accounts.knocks import allow, network_of
from core.accounts.lockout import TOLD_PER_MINUTE
from core.accounts.names import audited
from core.accounts.roles import CurrentOperator
from core.accounts.sessions import own_target
from core.accounts.signing_in import confirm_password
from core.application import Application
from core.audit.events import Event
from core.audit.record import record, record_alone
from core.clock import now
from core.errors import ClickkerError, NotAllowed
from core.i18n import _
from core.storage.models import ProviderVisit
from core.tokens.secrets import hash_token

VISIT_LIFE = timedelta(minutes=10)
FRESH = timedelta(minutes=2)
"""How long ago somebody may have given their password to the provider, to count as present now."""
LEEWAY = timedelta(minutes=1)


class Purpose(StrEnum):
    """What a browser goes to the provider for."""

    SIGN_IN = "sign_in"
    INVITATION = "invitation"
    CONNECT = "connect"
    CONFIRM = "confirm"


_Visit = Row[str, str, int | None, int | None]
"""Purpose, target, and the ids of invitation and session."""


@dataclass(frozen=True)
class Returned:
    """A visit that ended well. ``operator_id`` is set when a session is to begin; None when one stands already."""

    operator_id: int | None
    target: str


def begin_sign_in(app: Application, browser_token: str, target: str) -> None:
    """Before a signed-out browser leaves; ``target`` is where its visitor wanted to be."""
    _begin(app, browser_token, Purpose.SIGN_IN, target)


def begin_invitation(app: Application, browser_token: str, token: str) -> None:
    """Before an invited operator leaves. Raises ``NotFound`` as ``open_invitation``."""
    with app.database.read() as session:
        invitation_id = open_link(session, token).id
    _begin(app, browser_token, Purpose.INVITATION, "/", invitation_id=invitation_id)


def begin_connect(
    app: Application, by: CurrentOperator, password: str, browser_token: str, target: str
) -> None:
    """Before an operator with a password leaves, to sign in at the provider from now on as well.

    Raises ``InvalidInput`` for a wrong password, ``TooManyAttempts`` after several.
    """
    confirm_password(app, by, password, by.address, browser_token)
    _begin(app, browser_token, Purpose.CONNECT, target, session_id=by.session_id)


def begin_confirm(app: Application, by: CurrentOperator, browser_token: str, target: str) -> None:
    """Before a signed-in operator leaves, to prove who is there."""
    _begin(app, browser_token, Purpose.CONFIRM, target, session_id=by.session_id)


def _begin(
    app: Application,
    browser_token: str,
    purpose: Purpose,
    target: str,
    *,
    invitation_id: int | None = None,
    session_id: int | None = None,
) -> None:
    """A browser has one visit: the latest, whatever other tabs began."""
    moment = now()
    values = {
        "purpose": purpose.value,
        "target": own_target(target),
        "state_hash": None,
        "invitation_id": invitation_id,
        "session_id": session_id,
        "expires_at": moment + VISIT_LIFE,
    }
    insert = sqlite.insert if app.database.is_sqlite else postgresql.insert
    statement = insert(ProviderVisit).values(browser_hash=hash_token(browser_token), **values)
    with app.database.transaction() as session:
        session.execute(delete(ProviderVisit).where(ProviderVisit.expires_at < moment))
        session.execute(
            statement.on_conflict_do_update(index_elements=[ProviderVisit.browser_hash], set_=values)
        )


def may_leave(app: Application, browser_token: str) -> bool:
    """Whether this browser has begun a visit and not left yet."""
    with app.database.read() as session:
        asked = select(ProviderVisit.purpose).where(*_not_left(browser_token))
        return session.scalar(asked) is not None


def leave(app: Application, browser_token: str, state: str) -> bool:
    """The browser goes to the provider with this state; False when its visit is over."""
    with app.database.transaction() as session:
        left = session.execute(
            update(ProviderVisit)
            .where(*_not_left(browser_token))
            .values(state_hash=hash_token(state))
            .returning(ProviderVisit.purpose)
        ).one_or_none()
        return left is not None


def _not_left(browser_token: str) -> tuple[Any, ...]:
    return (
        ProviderVisit.browser_hash == hash_token(browser_token),
        ProviderVisit.state_hash.is_(None),
        ProviderVisit.expires_at > now(),
    )


def come_back(
    app: Application,
    browser_token: str,
    state: str,
    claims: Mapping[str, Any] | None,
    by: CurrentOperator | None,
    *,
    address: str = "",
) -> Returned:
    """End the visit with what the provider said; ``claims`` is None when it, or Streamlit, refused.

    ``by`` is whoever is signed in at this browser. Raises ``NotAllowed``, ``NotFound`` or ``Conflict`` with a sentence
    for the visitor: nobody was let in then, and nothing was bound.
    """
    visit = _take(app, browser_token, state)
    identity: Identity | None = None
    try:
        if claims is None:  # first: some providers say no without the state
            sentence = _("Signing in with {provider} did not succeed. Nobody was signed in.")
            raise NotAllowed(sentence.format(provider=app.settings.sso.name))
        if visit is None:
            raise NotAllowed(_("This sign-in has expired. Sign in again."))
        identity = identity_in(app.settings, claims)
        return _fulfil(app, visit, identity, claims, by, address)
    except ClickkerError:
        if visit is None and claims is None:
            raise  # anybody can ask for that address; the log is not for them to fill
        detail = f"single sign-on {told(identity) if identity else ''}".strip()
        on = visit.purpose if visit else ""
        confirming = visit is not None and visit.purpose == Purpose.CONFIRM
        event = Event.CONFIRMATION_FAILED if confirming else Event.SIGN_IN
        # Anybody can go and come back without end: one a minute of each address and kind.
        if allow(
            app, f"sso:{event}:{on}:{detail}:{by.id if by else 0}:{network_of(address)}", TOLD_PER_MINUTE
        ):
            record_alone(app, event, by, on=on, outcome="refused", detail=detail, address=address)
        raise


def _take(app: Application, browser_token: str, state: str) -> _Visit | None:
    """The visit, which is thereby over: a second answer with the same state finds nothing."""
    with app.database.transaction() as session:
        found: _Visit | None = session.execute(
            delete(ProviderVisit)
            .where(
                ProviderVisit.browser_hash == hash_token(browser_token),
                ProviderVisit.state_hash == hash_token(state),
                ProviderVisit.expires_at > now(),
            )
            .returning(
                ProviderVisit.purpose,
                ProviderVisit.target,
                ProviderVisit.invitation_id,
                ProviderVisit.session_id,
            )
        ).one_or_none()
        return found


def _fulfil(  # noqa: PLR0917
    app: Application,
    visit: _Visit,
    identity: Identity,
    claims: Mapping[str, Any],
    by: CurrentOperator | None,
    address: str,
) -> Returned:
    if visit.purpose in {Purpose.CONNECT, Purpose.CONFIRM}:
        if by is None or by.session_id != visit.session_id:
            raise NotAllowed(_("You have been signed out meanwhile. Sign in, then try again."))
        if visit.purpose == Purpose.CONFIRM:
            confirm_by_provider(app, by, claims)
        else:
            with app.database.transaction() as session:
                bind(session, by, identity)
        return Returned(None, visit.target)
    with app.database.transaction() as session:
        if visit.purpose == Purpose.INVITATION:
            who = _invited(session, visit.invitation_id, identity, address)
        else:
            who = _known(session, identity, address, app.settings.sso.name)
        record(session, Event.IDENTITY_USED, who, on=audited(who.id, who.email), detail=told(identity))
    return Returned(who.id, visit.target)


def _invited(
    session: Session, invitation_id: int | None, identity: Identity, address: str
) -> CurrentOperator:
    who = as_current(use_up(session, invitation_id or 0, address), address)
    bind(session, who, identity)
    return who


def _known(session: Session, identity: Identity, address: str, provider: str) -> CurrentOperator:
    operator = owner_of(session, identity)
    if operator is None:
        sentence = _(
            "Nobody here is connected with this {provider} account. Open your invitation first, or choose another "
            "account."
        )
        raise NotAllowed(sentence.format(provider=provider))
    if not operator.active:
        raise NotAllowed(_("This account is disabled. Ask an admin."))
    return as_current(operator, address)


def confirm_by_provider(app: Application, by: CurrentOperator, claims: Mapping[str, Any]) -> None:
    """The provider has just seen the signed-in operator give their password: the session is confirmed.

    Raises ``NotAllowed`` for somebody else, and when it was too long ago or the provider does not say when.
    """
    provider = app.settings.sso.name
    if identity_in(app.settings, claims) != own_identity(app, by):
        raise NotAllowed(_("This is another {provider} account than yours.").format(provider=provider))
    moment = claims.get("auth_time")
    if isinstance(moment, bool) or not isinstance(moment, (int, float)):
        sentence = _(
            "{provider} does not say when you signed in there. Ask an admin of Clickker Connections."
        )
        raise NotAllowed(sentence.format(provider=provider))
    ago = now().timestamp() - moment
    if not -LEEWAY.total_seconds() <= ago <= FRESH.total_seconds():
        sentence = _(
            "{provider} did not ask for your password just now. Sign out there, then try again here."
        )
        raise NotAllowed(sentence.format(provider=provider))
    confirm_session(app, by, "provider")
