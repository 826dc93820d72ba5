"""A grant's pair of tokens: kept as a candidate, written over an older pair, moved to another grant."""

from __future__ import annotations

from sqlalchemy.orm import Session

from core import clock
from core.application import Application
from core.exact.environments import exact_app
from core.exact.oauth import TokenPair
from core.storage.models import Grant, new_uuid
from core.tokens.vault import Vault


def save_candidate(app: Application, environment: str, pair: TokenPair) -> str:
    """Keep a fresh pair in a row of its own, committed at once; whose it is is not known yet. Returns its id."""
    client_id = exact_app(app.settings, environment).client_id
    with app.database.transaction() as session:
        grant = Grant(
            id=new_uuid(), environment=environment, client_id=client_id, live=False, version=0,
            failures=0, refusals=0, created_at=clock.now(),
        )  # fmt: skip
        session.add(grant)
        store_pair(session, app.vault, grant, pair)
        return grant.id


def store_pair(session: Session, vault: Vault, grant: Grant, pair: TokenPair) -> None:
    """Write a pair into a row and begin its facts anew. Flushes, never commits."""
    now = clock.now()
    grant.access_token = vault.encrypt(pair.access_token, table="grants", column="access_token", row=grant.id)
    grant.access_expires_at = pair.expires_at
    grant.refresh_token = vault.encrypt(
        pair.refresh_token, table="grants", column="refresh_token", row=grant.id
    )
    grant.fingerprint = vault.fingerprint(pair.refresh_token)
    grant.version += 1
    grant.rotated_at = grant.last_success_at = now
    grant.failures = grant.refusals = 0
    grant.refused_since = grant.next_try_at = None
    grant.lease_owner = grant.lease_until = grant.intent_fingerprint = grant.intent_at = None
    session.flush()


def read_pair(vault: Vault, grant: Grant) -> TokenPair:
    """The pair in the clear: for handing to Exact, nothing else."""
    return TokenPair(
        access_token=vault.decrypt(
            grant.access_token or b"", table="grants", column="access_token", row=grant.id
        ),
        refresh_token=vault.decrypt(
            grant.refresh_token or b"", table="grants", column="refresh_token", row=grant.id
        ),
        expires_at=grant.access_expires_at or clock.now(),
    )


def move_pair(session: Session, vault: Vault, source: Grant, target: Grant) -> None:
    """Let ``target`` hold the pair of ``source`` from now on: its own chain is dead at Exact."""
    received_at = source.rotated_at
    store_pair(session, vault, target, read_pair(vault, source))
    target.rotated_at = received_at
    session.flush()
