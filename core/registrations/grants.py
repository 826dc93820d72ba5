"""A grant is not a registration: which registrations hang on which login (design.md, section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from core import clock
from core.application import Application
from core.exact.rows import Me
from core.registrations.views import GrantView
from core.settings import Settings
from core.storage.database import afterwards
from core.storage.models import Grant, Registration
from core.tokens.facts import lapses_at
from core.tokens.grants import move_pair, read_refresh_token


def registrations_on(
    session: Session, grant_id: str, seen: Sequence[ColumnElement[bool]] = ()
) -> list[tuple[int, str]]:
    """(number, name) of every registration that hangs on a grant, by name; of those ``seen`` if given."""
    query = (
        select(Registration.id, Registration.name)
        .where(Registration.grant_id == grant_id, *seen)
        .order_by(Registration.name_key)
    )
    return list(session.execute(query))


def release_grant(session: Session, app: Application, grant_id: str) -> None:
    """Delete a grant, tokens and all, unless a registration still uses it or waits to decide about it.

    The journal forgets it too, once that is durable. One whose owner Exact has not named yet is left: its consent may
    have ended the tokens of others who share the login (``core.registrations.recovery``).
    """
    session.flush()
    query = select(Registration.id).where(
        or_(Registration.grant_id == grant_id, Registration.candidate_grant_id == grant_id)
    )
    # Held while it is asked who needs it: of two that let go of it at once, the second sees that it is the last.
    grant = session.get(Grant, grant_id, with_for_update=True, populate_existing=True)
    if grant is None or is_stray(grant):
        return
    if session.scalar(query.limit(1)) is None:
        session.delete(grant)
        session.flush()
        afterwards(session, lambda: app.journal.forget([grant_id]))


def is_stray(grant: Grant) -> bool:
    """Whether these tokens may belong to somebody else's login too: Exact has not said whose they are."""
    return grant.exact_user_id is None and grant.refresh_token is not None


def identify_grant(session: Session, app: Application, candidate: Grant, me: Me) -> Grant:
    """Say whose candidate it is, which the caller has locked (``lock_login``); returns the grant that holds its tokens
    from here on.

    Exact keeps one live chain per (environment, client id, user): where that user's grant is known already, its
    old chain is dead at Exact, so the new pair takes its place for every registration that hangs on it.
    """
    known = session.scalar(
        select(Grant)
        .where(
            Grant.live,
            Grant.environment == candidate.environment,
            Grant.client_id == candidate.client_id,
            Grant.exact_user_id == me.user_id,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    grant = candidate
    if known is not None and known.id != candidate.id:
        before = known.fingerprint or ""
        move_pair(session, app.vault, candidate, known)
        names = app.vault.fingerprints(read_refresh_token(app.vault, known))
        session.delete(candidate)
        afterwards(session, partial(app.journal.follow, candidate.id, known.id, before, names, clock.now()))
        grant = known
    grant.live = True
    remember_user(grant, me)
    session.flush()
    return grant


def attach_grant(session: Session, app: Application, registration: Registration, grant: Grant) -> bool:
    """Put a registration on a grant; False when another login is in force and an operator must decide."""
    attached = registration.grant_id in (None, grant.id)
    if attached:
        registration.grant_id = grant.id
    set_candidate(session, app, registration, None if attached else grant.id)
    return attached


def set_candidate(
    session: Session, app: Application, registration: Registration, grant_id: str | None
) -> None:
    """Note which consent waits for a decision; an earlier one that nobody else uses is deleted."""
    before = registration.candidate_grant_id
    registration.candidate_grant_id = grant_id
    session.flush()
    if before is not None and before != grant_id:
        release_grant(session, app, before)


def grant_view(
    session: Session,
    settings: Settings,
    grant_id: str | None,
    registration_id: int,
    seen: Sequence[ColumnElement[bool]] = (),
) -> GrantView | None:
    """What a page shows of a grant: never a token, and no name of a registration outside ``seen`` (``visible``)."""
    grant = session.get(Grant, grant_id) if grant_id else None
    if grant is None:
        return None
    shared = registrations_on(session, grant.id, seen)
    unseen = len(registrations_on(session, grant.id)) - len(shared) if seen else 0
    rotated = grant.rotated_at
    return GrantView(
        id=grant.id,
        user_name=grant.user_name,
        full_name=grant.full_name,
        email=grant.email,
        environment=grant.environment,
        created_at=grant.created_at,
        rotated_at=rotated,
        lapses_at=lapses_at(rotated, settings) if rotated else None,
        next_refresh_at=rotated + timedelta(seconds=settings.token_min_age_seconds) if rotated else None,
        shared_with=tuple(other for other in shared if other[0] != registration_id),
        shared_unseen=unseen,
    )


def remember_user(grant: Grant, me: Me) -> None:
    """Write down who Exact says the login belongs to."""
    grant.exact_user_id = me.user_id
    grant.user_name = me.user_name
    grant.full_name = me.full_name
    grant.email = me.email
    grant.current_division = me.current_division
