"""What a message of Exact Online means: who must act, and whether connecting again helps."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache

from core.exact.kinds import FailureKind
from core.exact.pasted import fold, read_pasted, without_secrets
from core.exact.rules import DEFAULTS, RULES, UNKNOWN, Rule
from core.i18n import _
from core.text import neutral

SHOWN_LENGTH = 500
_GAP = " … "
_BETWEEN = " .{0,200}?"
_NOT_FOUND = next(rule for rule in RULES if rule.key == "not_found")
_STATUS = re.compile(
    r" (?:http|status|statuscode|error|fout|foutcode|code)(?: code| status| 1 1| 2)? ([45]\d\d) "
)
_KIND_OF_STATUS = {
    401: FailureKind.NOT_AUTHENTICATED,
    403: FailureKind.FORBIDDEN,
    429: FailureKind.RATE_LIMITED,
}
_SERVER_ERRORS = 500


@dataclass(frozen=True)
class Diagnosis:
    """A message and its meaning."""

    rule: Rule
    words: str
    """The message as it may be shown: one line, no control characters, nothing that looks like a secret."""
    also: tuple[Rule, ...] = ()
    """Other messages in the same text: a mail may quote older ones."""

    @property
    def known(self) -> bool:
        """Whether it is a message that we know."""
        return self.rule is not UNKNOWN


def diagnose(message: str, kind: FailureKind | None = None, status: int | None = None) -> Diagnosis:
    """What ``message`` means; it may be Exact's own words or a mail around them. Never raises.

    ``kind`` is what our own client made of the answer and rules out messages of other kinds; ``status`` the HTTP
    status, for messages that say too little. Of several messages the first in the text counts: mails grow at the top.
    """
    plain = read_pasted(message)
    folded = fold(plain)
    candidates = tuple(rule for rule in RULES if kind is None or rule.kind is kind)
    found = _strong(folded, candidates) or _weak(folded, candidates)
    rule = found[0] if found else _fallback(kind, _status_in(folded) if status is None else status)
    words = neutral(without_secrets(plain), SHOWN_LENGTH)
    return Diagnosis(rule, words, tuple(found[1:]))


def told_kind(words: str, among: Collection[FailureKind] | None = None) -> FailureKind | None:
    """The kind of the message that stands first in ``words``, of these kinds; None where none of them is known."""
    candidates = tuple(rule for rule in RULES if rule.kind and (among is None or rule.kind in among))
    found = _strong(fold(read_pasted(words)), candidates)
    return found[0].kind if found else None


def sentence_for(kind: str, exact_message: str = "") -> str:
    """The sentence for a failure of this ``kind`` (``FailureKind``), in the current language.

    An unknown kind, from an older or newer version, reads as "unknown".
    """
    known = FailureKind(kind) if kind in set(FailureKind) else FailureKind.UNKNOWN
    return _(diagnose(exact_message, known).rule.sentence)


def _strong(folded: str, candidates: tuple[Rule, ...]) -> list[Rule]:
    """Rules of which a phrase is in the text, in the order of the text."""
    places = {rule.key: _first_place(folded, rule.phrases) for rule in candidates}
    found = [rule for rule in candidates if places[rule.key] >= 0]
    return sorted(found, key=lambda rule: places[rule.key])


def _weak(folded: str, candidates: tuple[Rule, ...]) -> list[Rule]:
    """The first rule of which a weak phrase is in the text, if any."""
    found = (rule for rule in candidates if _first_place(folded, rule.weak) >= 0)
    return [rule for rule in (next(found, None),) if rule is not None]


def _fallback(kind: FailureKind | None, status: int | None) -> Rule:
    if kind is None and status == 404:  # noqa: PLR2004
        return _NOT_FOUND
    known = kind or _kind_of(status)
    return DEFAULTS[known] if known else UNKNOWN


def _kind_of(status: int | None) -> FailureKind | None:
    if status is None or status < 400:  # noqa: PLR2004
        return None
    return (
        FailureKind.OUTAGE
        if status >= _SERVER_ERRORS
        else _KIND_OF_STATUS.get(status, FailureKind.BAD_REQUEST)
    )


def _status_in(folded: str) -> int | None:
    found = _STATUS.search(folded)
    return int(found[1]) if found else None


def _first_place(folded: str, phrases: tuple[str, ...]) -> int:
    places = [place for place in (_place(folded, phrase) for phrase in phrases) if place >= 0]
    return min(places, default=-1)


def _place(folded: str, phrase: str) -> int:
    if _GAP not in phrase:
        return folded.find(f" {phrase} ")
    found = _with_gap(phrase).search(folded)
    return found.start() if found else -1


@cache
def _with_gap(phrase: str) -> re.Pattern[str]:
    return re.compile(" " + _BETWEEN.join(re.escape(part) for part in phrase.split(_GAP)) + " ")
