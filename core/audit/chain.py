"""The chain: each entry's hash covers all of it and the hash before it, so that no entry changes unseen."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime

GENESIS = "0" * 64
"""What the first entry follows on."""
_FORM = 1
"""Of the encoding below; a later one gets another number, and old entries keep theirs."""


@dataclass(frozen=True)
class Link:
    """Everything of an entry that its hash covers."""

    sequence: int
    at: datetime
    event: str
    actor_id: int | None
    actor_name: str
    actor_email: str
    subject: str
    subject_key: str
    outcome: str
    detail: str
    address: str
    previous_hash: str

    @property
    def digest(self) -> str:
        """SHA-256 over a list in JSON: every text is quoted, so no two entries read alike."""
        encoded = json.dumps(
            [
                _FORM,
                self.sequence,
                self.at.astimezone(UTC).isoformat(timespec="microseconds"),
                self.event,
                self.actor_id,
                self.actor_name,
                self.actor_email,
                self.subject,
                self.subject_key,
                self.outcome,
                self.detail,
                self.address,
                self.previous_hash,
            ],
            ensure_ascii=True,
            separators=(",", ":"),
        )
        return hashlib.sha256(encoded.encode()).hexdigest()
