"""Names as they are kept, and folded as they are compared."""

from __future__ import annotations

from difflib import SequenceMatcher
from enum import StrEnum

from core.i18n import _
from core.text import fold, neutral

NAME_LENGTH = 100
LEGAL_FORMS = frozenset("bv nv vof cv bvba srl gmbh ag kg ug ltd inc sa de het".split())  # noqa: SIM905
_SIMILAR = 0.75


class NameMatch(StrEnum):
    """How a typed name compares with the administrations found at Exact."""

    SAME = "same"
    SIMILAR = "similar"
    DIFFERENT = "different"


def clean_name(text: str) -> str:
    """Trimmed, inner blanks joined, control and direction characters removed. Not cut: length is checked apart."""
    return " ".join(neutral(text, 10_000).split())


def known_as(name: str | None) -> str:
    """The name of an Exact user, or the words for one whom Exact does not name; in the current language."""
    return name or _("name not given")


def name_key(text: str) -> str:
    """Folded for comparing, sorting and searching, see ``core.text.fold``."""
    return fold(text)


def core_words(text: str) -> str:
    """The words that tell one name from another: folded, without points, commas and legal forms."""
    words = name_key(text).replace(".", "").replace(",", " ").split()
    kept = [word for word in words if word not in LEGAL_FORMS]
    return " ".join(kept or words)


def compare_names(typed: str, found: str) -> NameMatch:
    """Compare without regard to legal form, case, accents and points: "Test B.V." is "test bv"."""
    one, other = core_words(typed), core_words(found)
    if one == other:
        return NameMatch.SAME
    if one and other and (one in other or other in one):
        return NameMatch.SIMILAR
    return NameMatch.SIMILAR if SequenceMatcher(None, one, other).ratio() >= _SIMILAR else NameMatch.DIFFERENT
