"""What somebody who looks at an installation comes to say of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    GOOD = "good"
    NOTE = "note"
    """Works, but somebody may want to know."""
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """One thing looked at, and what was found in one sentence that also says how to mend it."""

    verdict: Verdict
    subject: str
    sentence: str
