"""Which fields we ask of a resource, and what to do when Exact does not know one of them (any more).

A field that Exact drops or renames makes it refuse the whole question (400). None but the key is needed: so it is asked
again without the field that Exact names, or without any choice of fields.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from core.exact.diagnosis import diagnose
from core.exact.errors import ExactError, FailureKind

EVERYTHING = "*"
"""Stands for asking without a choice: Exact then gives all the fields that it has."""
ONLY_THE_KEY = "!"
"""Stands for asking for the key alone: where Exact wants a choice and does not say what is wrong with ours."""
_BAD_REQUEST = 400
_QUOTED = re.compile(r"[‘’'\"“”`«\[]([A-Za-z][A-Za-z0-9_]{1,60})[‘’'\"“”`»\]]")
_WORD = re.compile(r"\b[A-Za-z][A-Za-z0-9_]{1,60}\b(?!:?\s*\d)")
"""Not "HTTP Status 400", which speaks of no field."""
_SAYS_NOTHING = frozenset({"bad_request", "invalid_request", "unknown_field"})
"""Rules for messages that may well be about our choice of fields."""


@dataclass(frozen=True)
class Fields:
    """What is asked of one resource; without its ``key`` a row is of no use."""

    resource: str
    key: str
    others: tuple[str, ...] = ()

    def choice(self, left_out: Collection[str]) -> str:
        """What $select says; empty to ask for everything."""
        if ONLY_THE_KEY in left_out:
            return self.key
        if EVERYTHING in left_out:
            return ""
        return ",".join((self.key, *(name for name in self.others if name not in left_out)))


def to_leave_out(error: ExactError, fields: Fields, left_out: Collection[str]) -> frozenset[str]:
    """What to leave out, asking once more after this refusal; nothing when it is about something else."""
    if error.status != _BAD_REQUEST or error.kind is not FailureKind.BAD_REQUEST or not fields.others:
        return frozenset()
    meaning = diagnose(error.exact_message, FailureKind.BAD_REQUEST).rule.key
    if meaning == "select_or_top":
        return frozenset() if ONLY_THE_KEY in left_out else frozenset({ONLY_THE_KEY})
    if EVERYTHING in left_out or ONLY_THE_KEY in left_out:
        return frozenset()
    named = _named(error.exact_message, [name for name in fields.others if name not in left_out])
    if named:
        return named
    return frozenset({EVERYTHING}) if meaning in _SAYS_NOTHING else frozenset()


def _named(words: str, asked: Collection[str]) -> frozenset[str]:
    """The fields that a message speaks of: those in quotes, else any that it writes as we do ("see description" speaks
    of none), unless it repeats all that was asked."""
    quoted = {word.lower() for word in _QUOTED.findall(words)}
    bare = set(_WORD.findall(words))
    for found in (
        frozenset(name for name in asked if name.lower() in quoted),
        frozenset(name for name in asked if name in bare),
    ):
        if found and (len(found) < len(asked) or len(asked) == 1):
            return found
    return frozenset()
