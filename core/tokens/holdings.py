"""Which refresh token a row holds, whatever key its fingerprint was made with.

A fingerprint is an HMAC whose key comes from the first encryption key: while keys change, the same token has one name
in the journal and another in its row. So the token itself is asked what it is called under every key.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.storage.models import Grant
from core.tokens.grants import read_refresh_token
from core.tokens.vault import DamagedSecret, Vault

_BATCH = 500


@dataclass(frozen=True)
class Held:
    """The refresh token in a row: what the row calls it, and every name it has."""

    grant_id: str
    fingerprint: str
    names: frozenset[str]

    def is_one_of(self, fingerprints: Collection[str]) -> bool:
        return not self.names.isdisjoint(fingerprints)


def held_in(session: Session, vault: Vault, grant_id: str) -> Held | None:
    """What lies in one row, which stays as it is until this transaction ends; None when nothing does.

    Raises ``SettingsError`` when the key that opens it is missing: nobody may guess then.
    """
    query = select(Grant).where(Grant.id == grant_id, Grant.fingerprint.is_not(None))
    row = session.scalar(query.with_for_update().execution_options(populate_existing=True))
    return _held(vault, row) if row is not None else None


def who_holds(session: Session, vault: Vault, fingerprint: str) -> Held | None:
    """The row that holds the token with this fingerprint; where several keys are in use, all are looked through."""
    row = session.scalar(select(Grant).where(Grant.fingerprint == fingerprint).with_for_update().limit(1))
    if row is not None:
        return _held(vault, row)
    if len(vault.heads) == 1:
        return None
    found = next((held for held in _all_held(session, vault) if fingerprint in held.names), None)
    return held_in(session, vault, found.grant_id) if found is not None else None


def _all_held(session: Session, vault: Vault) -> Iterator[Held]:
    """What lies in every row that holds anything, a few hundred rows in memory at once."""
    query = select(Grant.id, Grant.fingerprint, Grant.refresh_token).where(Grant.fingerprint.is_not(None))
    last = ""
    while rows := session.execute(query.where(Grant.id > last).order_by(Grant.id).limit(_BATCH)).all():
        last = rows[-1].id
        yield from (
            _held(vault, Grant(id=each[0], fingerprint=each[1], refresh_token=each[2])) for each in rows
        )


def _held(vault: Vault, row: Grant) -> Held:
    fingerprint, sealed = row.fingerprint or "", row.refresh_token or b""
    if len(vault.heads) == 1 and vault.is_current(sealed):  # one key, one name, and nothing to open
        return Held(row.id, fingerprint, frozenset({fingerprint}))
    try:
        names = vault.fingerprints(read_refresh_token(vault, row))
    except DamagedSecret:
        names = ()
    return Held(row.id, fingerprint, frozenset({fingerprint, *names}))
