"""Text from outside, made harmless before it is stored, logged or shown."""

from __future__ import annotations

import re
import unicodedata

# Escape sequences of terminals: CSI (colours, cursor), OSC (titles, links) and the two-character ones.
_ANSI = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-Z\\-_]?")
_SPACES = re.compile(r"\s+")


def neutral(text: str, limit: int = 500) -> str:
    """``text`` as one line of at most ``limit`` characters that can neither forge log lines nor mislead a reader.

    Control characters, terminal escape sequences, bidirectional marks and other invisible characters go; runs of
    white space become one space. A text that is too long ends in an ellipsis.
    """
    # What is far beyond the limit is cut first: cleaning a megabyte to keep a line of it is wasted work.
    shown = _ANSI.sub("", text[: limit * 4 + 1000])
    kept = "".join(_visible(character) for character in shown)
    line = _SPACES.sub(" ", kept).strip()
    return line if len(line) <= limit else line[: max(limit - 1, 0)].rstrip() + "…"


# What NFKD leaves as letters of their own: https://www.unicode.org/charts/collation/chart_Latin.html
_LETTERS = str.maketrans(
    {
        "ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "ı": "i", "ĸ": "k", "ŋ": "n",
        "æ": "ae", "œ": "oe", "þ": "th", "ĳ": "ij", "ƒ": "f", "ẞ": "ss",
    }
    | {"⁄": "/", "∕": "/"}
    | dict.fromkeys("‘’‚‛′‵ʹʻʼʽˈ`´＇‹›", "'")
    | dict.fromkeys("“”„‟″‶«»＂", '"')
    | dict.fromkeys("‐‑‒–—―−⁃﹘﹣－", "-")
)  # fmt: skip


def fold(text: str) -> str:
    """Folded for comparing, sorting and searching, the same for what is stored and what is asked.

    Case, accents, blanks, the kind of quotes and hyphens and the width of a character make no difference, and letters
    with a stroke or joined ones are as people without such a keyboard type them.
    """
    # Quotes first: to NFKD an acute accent that stands alone is a blank with an accent.
    decomposed = unicodedata.normalize("NFKD", neutral(text, 10_000).translate(_LETTERS)).casefold()
    # Again: capitals have become small letters, and small letters may have come apart.
    plain = unicodedata.normalize("NFKD", decomposed.translate(_LETTERS))
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).translate(_LETTERS).split())


def fold_of_before(text: str) -> str:
    """As entries of the audit log were folded until version 15 of the tables: they are sealed as they were written."""
    decomposed = unicodedata.normalize("NFKD", neutral(text, 10_000))
    plain = "".join(c for c in decomposed if not unicodedata.combining(c))
    return " ".join(plain.casefold().split())


def squeezed(text: str) -> str:
    """Only the folded letters and digits: a VAT number or a code as it is written on paper, with dots and blanks."""
    return "".join(character for character in fold(text) if character.isalnum())


def _visible(character: str) -> str:
    if character.isspace():
        return " "
    # Cc control, Cf format (bidi, zero width), Cs half a surrogate pair: PostgreSQL refuses some, people see none.
    return "" if unicodedata.category(character) in {"Cc", "Cf", "Cs"} else character
