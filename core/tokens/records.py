"""An answer of Exact's token address as it is kept before it is parsed: raw, and sealed by the vault."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from core.errors import ClickkerError
from core.exact.oauth import TokenPair, parse_token_answer
from core.exact.transport import Answer
from core.tokens.vault import Vault

_KEPT_HEADERS = ("content-type", "reason", "retry-after")
_PLACE = {"table": "journal", "column": "answer", "row": "record"}


class OtherForm(ClickkerError):
    """A record that another version of the product wrote: that one can read it."""


@dataclass(frozen=True)
class Spend:
    """What was handed in at Exact, and where its successor belongs."""

    environment: str
    grant_id: str
    """The row that the answer belongs to; for a code it is chosen before it is handed in."""
    parent: str = ""
    """Fingerprint of the refresh token that was spent; empty when it was a code."""
    registration_id: int = 0
    """Who asked, when it was a code."""
    consent_id: str = ""

    @property
    def exchanging(self) -> bool:
        return not self.parent


@dataclass(frozen=True)
class Record:
    """A spend and the raw answer to it."""

    spend: Spend
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    received_at: datetime
    complete: bool = True
    """False when the end of the body is missing."""

    @classmethod
    def of(cls, spend: Spend, answer: Answer) -> Record:
        """The answer, less the headers that say nothing about tokens."""
        kept = {name: answer.headers[name] for name in _KEPT_HEADERS if name in answer.headers}
        return cls(spend, answer.status, kept, answer.body, answer.received_at, answer.complete)

    def pair(self) -> TokenPair:
        """The tokens in it. Raises ``ExactError`` when it holds none."""
        return parse_token_answer(
            self.status,
            self.headers,
            self.body,
            self.received_at,
            exchanging=self.spend.exchanging,
            complete=self.complete,
        )


def seal(vault: Vault, record: Record) -> bytes:
    """The record, encrypted for the journal and the archive."""
    document = {
        "spend": vars(record.spend),
        "status": record.status,
        "headers": dict(record.headers),
        # Bytes as they are, one a character: JSON knows no bytes, and half an answer may be half a character.
        "body": record.body.decode("latin-1"),
        "received_at": record.received_at.isoformat(),
        "complete": record.complete,
    }
    return vault.encrypt(json.dumps(document), **_PLACE)


def unseal(vault: Vault, sealed: bytes) -> Record:
    """What ``seal`` made.

    Raises ``DamagedSecret`` for half a record, ``SettingsError`` when the key is not ours, ``OtherForm``.
    """
    plain = vault.decrypt(sealed, **_PLACE)
    try:
        document = json.loads(plain)
        return Record(
            spend=Spend(**document["spend"]),
            status=document["status"],
            headers=document["headers"],
            body=document["body"].encode("latin-1"),
            received_at=datetime.fromisoformat(document["received_at"]),
            complete=document.get("complete", True),
        )
    except (KeyError, TypeError, ValueError):
        raise OtherForm("A record of the journal has another form than this version writes.") from None


def rebind(vault: Vault, sealed: bytes, grant_id: str) -> bytes:
    """The same answer, which belongs to another grant from now on. Raises as ``unseal``."""
    record = unseal(vault, sealed)
    return seal(vault, replace(record, spend=replace(record.spend, grant_id=grant_id)))


def reseal(vault: Vault, sealed: bytes) -> bytes:
    """The same record under the first key, whichever version wrote it. Raises as ``Vault.decrypt``."""
    return vault.encrypt(vault.decrypt(sealed, **_PLACE), **_PLACE)
