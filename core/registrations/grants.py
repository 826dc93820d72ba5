"""A grant is not a registration: which registrations hang on which login (design.md, section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session

from core.application import Application
from core.exact.rows import Me
from core.registrations.reading_places import forget_pages_of
from core.registrations.views import GrantView
from core.settings import Settings
from core.storage.database import afterwards
from core.storage.models import Grant, Registration
from core.tokens.chains import forget_aside, is_younger, unite
from core.tokens.facts import lapses_at


class OtherCountry(Exception):
    """Tokens of one environment never serve a registration of another."""


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
    have ended the tokens of others who share the login (``core.registrations.recovery``). So is one that is set aside
    (``core.tokens.chains``), for as long as its user's own is here.
    """
    session.flush()
    query = select(Registration.id).where(
        or_(Registration.grant_id == grant_id, Registration.candidate_grant_id == grant_id)
    )
    # Held while it is asked who needs it: of two that let go of it at once, the second sees that it is the last.
    grant = session.get(Grant, grant_id, with_for_update=True, populate_existing=True)
    if grant is None or (grant.refresh_token is not None and not grant.live):
        return
    if session.scalar(query.limit(1)) is None:
        forget_aside(session, app, grant)
        forget_pages_of(session, grant_id)
        session.delete(grant)
        session.flush()
        afterwards(session, lambda: app.journal.forget([grant_id]))


def unidentified(session: Session, grant_id: str | None) -> Grant | None:
    """The grant, locked, if Exact has still to say whose it is; None where somebody has asked already."""
    grant = session.get(Grant, grant_id, with_for_update=True, populate_existing=True) if grant_id else None
    return grant if grant is not None and grant.exact_user_id is None else None


def identify_grant(session: Session, app: Application, candidate: Grant, me: Me) -> Grant:
    """Say whose candidate it is, which the caller has locked (``lock_login``); returns the grant in which that user's
    living tokens lie from here on.

    Exact keeps one live chain per (environment, client id, user). Where that user's grant is known already the younger
    of the two is the living one, and serves every registration that hangs on it.
    """
    _one_at_a_time(session, candidate, me)
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
    grant = known or candidate
    if known is not None and known.id != candidate.id:
        unite(session, app, candidate, known)
    grant.live = True
    remember_user(grant, me)
    session.flush()
    return grant


def _one_at_a_time(session: Session, candidate: Grant, me: Me) -> None:
    """Two processes may learn of the same new user at once: the second waits, and finds the first one's grant."""
    if session.get_bind().dialect.name != "sqlite":  # which lets one write at a time anyway
        key = f"{candidate.environment} {candidate.client_id} {me.user_id}"
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(key, 0))))


def later_one_waits(session: Session, registration: Registration, candidate: Grant) -> bool:
    """Whether this registration has received another consent after ``candidate``, which still waits."""
    other = registration.candidate_grant_id
    waiting = session.get(Grant, other) if other not in (None, candidate.id) else None
    return waiting is not None and is_younger(waiting, candidate)


def attach_grant(
    session: Session, app: Application, registration: Registration, grant: Grant, *, later: bool
) -> bool:
    """Put a registration on a grant; False when another login is in force and an operator must decide.

    Where a later consent waits (``later_one_waits``) that one goes on waiting.

    Raises ``OtherCountry`` where the registration has been moved to another environment: nothing is changed then.
    """
    if grant.environment != registration.environment:
        raise OtherCountry
    _follow_new_app(session, app, registration.grant_id, grant)
    attached = registration.grant_id in (None, grant.id)
    if attached:
        registration.grant_id = grant.id
    if not later:
        set_candidate(session, app, registration, None if attached else grant.id)
    elif not attached:
        release_grant(session, app, grant.id)
    return attached


def _follow_new_app(session: Session, app: Application, grant_id: str | None, grant: Grant) -> None:
    """Where our app was registered anew at Exact the same user's old login is no other one: all on it go over."""
    before = session.get(Grant, grant_id) if grant_id else None
    if before is None or before.client_id == grant.client_id or before.environment != grant.environment:
        return
    if before.exact_user_id == grant.exact_user_id and is_younger(grant, before):
        session.execute(
            update(Registration).where(Registration.grant_id == before.id).values(grant_id=grant.id)
        )
        release_grant(session, app, before.id)


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
        identified=grant.exact_user_id is not None,
        created_at=grant.created_at,
        rotated_at=rotated,
        lapses_at=lapses_at(rotated, settings) if rotated else None,
        next_refresh_at=rotated + timedelta(seconds=settings.token_min_age_seconds) if rotated else None,
        shared_with=tuple(other for other in shared if other[0] != registration_id),
        shared_unseen=unseen,
    )


def remember_user(grant: Grant, me: Me) -> None:
    """Write down who Exact says the login belongs to; what it does not say stays as it was."""
    grant.exact_user_id = me.user_id
    for name in ("user_name", "full_name", "email", "current_division"):
        if (said := getattr(me, name)) is not None:
            setattr(grant, name, said)
