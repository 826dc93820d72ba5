"""What in a text may be a name or the code of an administration."""

from __future__ import annotations

import re

from core.registrations.names import LEGAL_FORMS, name_key

MOST_NUMBERS = 8
_MOST_WORDS = 6
_SHORTEST = 3

_NUMBER = re.compile(r"(?<![\w.,:-])[1-9][0-9]{4,9}(?![\w:-])")
_WORD = re.compile(r"[\w&.'’-]+")
_JOINING = frozenset("en van der den de het te ter in & und of the et".split())  # noqa: SIM905 - reads better
# Words that stand with a capital at the beginning of a sentence, in the head of a mail, or in Exact's messages.
_NO_NAMES = frozenset(
    """exact online clickker beste geachte hallo hoi dag goedemorgen goedemiddag goedenavond goedendag met vriendelijke
    groet groeten mvg dear hello hi kind regards aan onderwerp subject from to sent verzonden datum date re fw fwd antw
    doorgestuurd wij ik we dit deze die dat er bij wat kunnen kunt kun is als maar op voor een onze ons uw jullie sinds
    vandaag gisteren helaas graag kan i you this that our your please today since error fout foutmelding melding reason
    forbidden token refresh http https json user division scope unknown administratie administraties code klant bedrijf
    company customer customers administration connection verbinding verbroken lost koppeling bv""".split()  # noqa: SIM905
)


def numbers_in(said: str) -> tuple[str, ...]:
    """Numbers that may be codes of administrations: five to ten digits that stand alone."""
    return tuple(dict.fromkeys(_NUMBER.findall(said)))[:MOST_NUMBERS]


def phrases_in(said: str) -> tuple[str, ...]:
    """What may be a name, without its legal form: words with capitals in a row and each part of such a row.

    The longest come first, so that "Bakkerij Jansen" is searched before "Jansen".
    """
    parts: dict[str, int] = {}
    for run in _runs(said):
        for first in range(len(run)):
            for last in range(first + 1, min(len(run), first + _MOST_WORDS) + 1):
                part = _trimmed(run[first:last])
                if len(part) >= _SHORTEST:
                    parts.setdefault(part, len(part))
    return tuple(sorted(parts, key=lambda part: -parts[part]))


def _runs(said: str) -> list[list[str]]:
    """Rows of words that begin with a capital or join two that do."""
    runs: list[list[str]] = [[]]
    end = 0
    for found in _WORD.finditer(said):
        word, apart = found[0], said[end : found.start()].strip() != ""
        end = found.end()
        if apart or _ends_a_sentence(runs[-1]):
            runs.append([])
        if _may_be_in_a_name(word, runs[-1]):
            runs[-1].append(word)
        else:
            runs.append([])
    return [run for run in runs if run]


def _may_be_in_a_name(word: str, before: list[str]) -> bool:
    bare = word.strip(".'’-").casefold()
    if bare in LEGAL_FORMS or bare.replace(".", "") in LEGAL_FORMS or bare in _JOINING or word == "&":
        return bool(before)
    return bare not in _NO_NAMES and (word[0].isupper() or word[0].isdigit())


def _ends_a_sentence(run: list[str]) -> bool:
    """Whether the last word ends in a full stop that is no part of it: "B.V." and "Gebr." go on."""
    return bool(run) and run[-1].endswith(".") and len(run[-1]) > _MOST_WORDS


def _trimmed(words: list[str]) -> str:
    """As it is searched: folded, without what only joins or only says the legal form at either end."""
    kept = list(words)
    while kept and kept[-1].casefold().replace(".", "") in LEGAL_FORMS | _JOINING:
        kept.pop()
    while kept and kept[0].casefold().replace(".", "") in LEGAL_FORMS | _JOINING:
        kept.pop(0)
    return name_key(" ".join(kept)).strip(" .'’-&")
