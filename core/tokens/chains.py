"""Two chains of tokens of one Exact user: which is the younger, and what becomes of the other.

Exact keeps one chain alive for each environment, app and Exact user: the one whose code was exchanged last
(exact-online.md, section 3). So two chains are ordered by when they began, whenever they are identified or rotated.
Where our books cannot tell, because the two codes were with Exact at the same time or a backup has forgotten, the
pair that seems older is set aside instead of deleted, and Exact decides at the next refresh.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session, aliased

from core import clock
from core.application import Application
from core.settings import Settings
from core.storage.database import afterwards
from core.storage.models import Grant, new_uuid
from core.storage.moments import database_now
from core.tokens.grants import move_pair, read_refresh_token

_ASIDE: tuple[ColumnElement[bool], ...] = (~Grant.live, Grant.exact_user_id.is_not(None))


def is_younger(one: Grant, other: Grant) -> bool:
    """Whether the chain of ``one`` began after that of ``other``, as far as is known."""
    if other.refresh_token is None:
        return True
    return _began(one) > _began(other)


def is_certain(one: Grant, other: Grant) -> bool:
    """Whether one of the two had arrived before the other's code was handed in."""
    return _surely_after(one, other) or _surely_after(other, one)


def unite(session: Session, app: Application, candidate: Grant, known: Grant) -> None:
    """``candidate`` is of the user whose grant is ``known``: the younger pair lies in ``known`` afterwards.

    The other is deleted, or set aside where the order is not certain. The journal follows once that is durable.
    """
    certain = is_certain(candidate, known) or known.refresh_token is None
    if not is_younger(candidate, known):
        _lose(session, app, candidate, known, certain=certain)
        return
    before = known.fingerprint or ""
    if not certain:
        _set_aside(session, app, known)
    _hand_over(session, app, candidate, known, before)


def take_aside(app: Application, grant_id: str, fingerprint: str | None) -> bool:
    """Exact refuses what this row holds: if another pair of the same user was set aside, put that in its place.

    ``fingerprint`` is what was refused; False when the row holds something else by now, or nothing was set aside.
    """
    with app.database.transaction() as session:
        grant = session.get(Grant, grant_id, with_for_update=True, populate_existing=True)
        if grant is None or grant.fingerprint != fingerprint or not grant.live:
            return False
        aside = session.scalar(
            select(Grant)
            .where(*_ASIDE, *_of_same_user(grant), Grant.refresh_token.is_not(None))
            .order_by(Grant.chain_began_at.desc())
            .limit(1)
            .with_for_update()
        )
        if aside is None:
            return False
        # The refused chain may come before this one in the archive: its line is not to lead back to it.
        afterwards(session, partial(app.journal.forget, [grant.id]))
        _hand_over(session, app, aside, grant, grant.fingerprint or "")
        return True


def drop_aside(session: Session, app: Application) -> None:
    """Delete what was set aside beside a chain that has been refreshed since, or has gone, or that has lapsed."""
    settings, now, winner = app.settings, database_now(session), aliased(Grant)
    same = (
        winner.live,
        winner.environment == Grant.environment,
        winner.client_id == Grant.client_id,
        winner.exact_user_id == Grant.exact_user_id,
    )
    rows = session.execute(
        select(Grant, winner).outerjoin(winner, same[0] & same[1] & same[2] & same[3]).where(*_ASIDE)
    ).all()
    for aside, of_same in rows:
        lapsed = aside.rotated_at is None or aside.rotated_at + settings.consent_life <= now
        if of_same is None or lapsed or _proven(settings, of_same, aside):
            session.delete(aside)
            afterwards(session, partial(app.journal.forget, [aside.id]))


def forget_aside(session: Session, app: Application, grant: Grant) -> None:
    """Delete what was set aside for the user of ``grant``, whose own tokens are being deleted."""
    if grant.exact_user_id is None:
        return
    others = (Grant.id != grant.id, *_ASIDE, *_of_same_user(grant))
    gone = delete(Grant).where(*others).returning(Grant.id)
    if ids := session.scalars(gone).all():
        afterwards(session, partial(app.journal.forget, ids))


def _began(grant: Grant) -> datetime:
    # Exact refreshes only the younger of two: where nothing else is known the last refresh tells the same.
    return grant.chain_began_at or grant.rotated_at or grant.created_at


def _surely_after(younger: Grant, older: Grant) -> bool:
    return younger.chain_after is not None and _began(older) <= younger.chain_after


def _proven(settings: Settings, winner: Grant, aside: Grant) -> bool:
    """Whether Exact has refreshed the chain in force since both began; an answer may be under way for a while."""
    if winner.rotated_at is None:
        return False
    return winner.rotated_at > max(_began(winner), _began(aside)) + settings.lease


def _of_same_user(grant: Grant) -> tuple[ColumnElement[bool], ...]:
    return (
        Grant.environment == grant.environment,
        Grant.client_id == grant.client_id,
        Grant.exact_user_id == grant.exact_user_id,
    )


def _lose(session: Session, app: Application, candidate: Grant, known: Grant, *, certain: bool) -> None:
    if certain:
        session.delete(candidate)
        afterwards(session, partial(app.journal.forget, [candidate.id]))
    else:
        candidate.exact_user_id, candidate.keep_alive_at = known.exact_user_id, None
    session.flush()


def _set_aside(session: Session, app: Application, known: Grant) -> None:
    aside = Grant(
        id=new_uuid(),
        environment=known.environment,
        client_id=known.client_id,
        exact_user_id=known.exact_user_id,
        live=False,
        created_at=known.created_at,
        version=0,
    )
    session.add(aside)
    session.flush()
    move_pair(session, app.vault, known, aside)
    aside.keep_alive_at = None


def _hand_over(session: Session, app: Application, source: Grant, target: Grant, before: str) -> None:
    keep_alive_at = source.keep_alive_at or target.keep_alive_at
    move_pair(session, app.vault, source, target)
    target.keep_alive_at = keep_alive_at
    names = app.vault.fingerprints(read_refresh_token(app.vault, target))
    session.delete(source)
    session.flush()
    afterwards(
        session, partial(app.journal.follow, app.vault, source.id, target.id, before, names, clock.now())
    )
