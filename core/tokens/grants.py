"""Rows that hold a chain of tokens: making one, and putting a pair in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypedDict

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core import clock
from core.application import Application
from core.exact.environments import exact_app
from core.exact.oauth import TokenPair
from core.storage.models import Grant, new_uuid
from core.storage.moments import database_now
from core.tokens.facts import next_keep_alive
from core.tokens.vault import Vault

_TABLE = Grant.__tablename__


class PairColumns(TypedDict):
    """A pair as it lies in a row."""

    access_token: bytes | None
    access_expires_at: datetime
    refresh_token: bytes
    fingerprint: str


def pair_columns(vault: Vault, grant_id: str, pair: TokenPair) -> PairColumns:
    """The encrypted pair, bound to the row of ``grant_id``."""
    access = pair.access_token
    return PairColumns(
        access_token=vault.encrypt(access, table=_TABLE, column="access_token", row=grant_id)
        if access
        else None,
        access_expires_at=pair.expires_at,
        refresh_token=vault.encrypt(pair.refresh_token, table=_TABLE, column="refresh_token", row=grant_id),
        fingerprint=vault.fingerprint(pair.refresh_token),
    )


def read_access_token(vault: Vault, grant: Grant) -> str:
    """The access token of a row, whether it still lives or not; empty when there is none."""
    if grant.access_token is None:
        return ""
    return vault.decrypt(grant.access_token, table=_TABLE, column="access_token", row=grant.id)


def read_refresh_token(vault: Vault, grant: Grant) -> str:
    """The refresh token of a row; empty when there is none."""
    if grant.refresh_token is None:
        return ""
    return vault.decrypt(grant.refresh_token, table=_TABLE, column="refresh_token", row=grant.id)


def save_candidate(app: Application, environment: str, pair: TokenPair) -> str:
    """A new row, not live yet, that holds what a consent has just given; committed at once. Returns its id."""
    grant_id = new_uuid()
    with app.database.transaction() as session:
        add_candidate(session, app, grant_id, environment, pair)
    return grant_id


def add_candidate(
    session: Session,
    app: Application,
    grant_id: str,
    environment: str,
    pair: TokenPair,
    *,
    received_at: datetime | None = None,
    began_at: datetime | None = None,
) -> Grant:
    """The same in the caller's transaction, with an id chosen before. ``received_at``: now, unless given; so is the
    pair's consent (``began_at``), unless the pair is a later one of its chain."""
    grant = Grant(
        id=grant_id,
        environment=environment,
        client_id=exact_app(app.settings, environment).client_id,
        live=False,
        created_at=clock.now(),
        version=0,
        failures=0,
        refusals=0,
    )
    store_pair(session, app.vault, grant, pair, received_at, began_at=began_at)
    grant.keep_alive_at = next_keep_alive(app.settings, grant.rotated_at or clock.now())
    session.add(grant)
    session.flush()
    return grant


def store_pair(
    session: Session,
    vault: Vault,
    grant: Grant,
    pair: TokenPair,
    received_at: datetime | None = None,
    *,
    began_at: datetime | None = None,
) -> None:
    """Put a pair received just now (or at ``received_at``) into a row, over whatever it held; the row's failures are
    forgotten. Its chain begins with it, unless it is told when that was (``began_at``).

    For pairs from a consent. A refresh goes by lineage instead (``core.tokens.lineage``). Flushes, never commits.
    """
    shifted, moment = in_database_time(session, pair, received_at or clock.now())
    for column, value in pair_columns(vault, grant.id, shifted).items():
        setattr(grant, column, value)
    grant.version += 1
    grant.rotated_at = moment
    grant.chain_began_at, grant.chain_after = _beginning(session, moment, received_at, began_at), None
    grant.last_success_at = moment
    _start_afresh(grant)
    if grant in session:
        session.flush()


def in_database_time(session: Session, pair: TokenPair, received_at: datetime) -> tuple[TokenPair, datetime]:
    """A pair and the moment of its arrival, told by the clock that all share instead of this machine's."""
    now = database_now(session)
    apart = now - clock.now()
    return replace(pair, expires_at=pair.expires_at + apart), min(received_at + apart, now)


def moment_in_database_time(session: Session, moment: datetime) -> datetime:
    """A moment that this machine's clock told, by the clock that all share."""
    now = database_now(session)
    return min(moment + (now - clock.now()), now)


def newest_beginning(session: Session) -> datetime | None:
    """When the youngest chain that is known began; None where there is none."""
    return session.scalar(select(func.max(Grant.chain_began_at)))


def move_pair(session: Session, vault: Vault, source: Grant, target: Grant) -> None:
    """Move the tokens of ``source`` to ``target``, whose own are lost, and leave ``source`` empty.

    A refresh of the target's old chain that is still under way finds another fingerprint and writes nothing.
    Flushes, never commits. Raises ``ValueError`` when the source is empty.
    """
    refresh_token = read_refresh_token(vault, source)
    if not refresh_token or source.access_expires_at is None:
        raise ValueError("there is no pair to move")
    pair = TokenPair(read_access_token(vault, source), refresh_token, source.access_expires_at)
    for column, value in pair_columns(vault, target.id, pair).items():
        setattr(target, column, value)
    target.version += 1
    target.rotated_at = source.rotated_at
    target.chain_began_at, target.chain_after = source.chain_began_at, source.chain_after
    target.keep_alive_at = source.keep_alive_at
    target.last_success_at = source.last_success_at
    _start_afresh(target)
    wipe_pair(source)
    session.flush()


def wipe_pair(grant: Grant) -> None:
    """Take the tokens out of a row."""
    grant.access_token = grant.access_expires_at = None
    grant.refresh_token = grant.fingerprint = None
    grant.version += 1
    grant.lease_owner = grant.lease_until = None
    grant.intent_fingerprint = grant.intent_at = None


def _beginning(
    session: Session, moment: datetime, received_at: datetime | None, began_at: datetime | None
) -> datetime:
    """When a chain began; one that is received now is the youngest, even if a clock was set back meanwhile."""
    if received_at is not None:
        return moment_in_database_time(session, began_at or received_at)
    newest = newest_beginning(session)
    return moment if newest is None else max(moment, newest + timedelta(microseconds=1))


def _start_afresh(grant: Grant) -> None:
    grant.failures = grant.refusals = 0
    grant.refused_since = grant.next_try_at = None
    grant.lease_owner = grant.lease_until = None
    grant.intent_fingerprint = grant.intent_at = None
