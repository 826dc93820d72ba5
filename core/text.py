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


def _visible(character: str) -> str:
    if character.isspace():
        return " "
    # Cc control, Cf format (bidi, zero width), Cs half a surrogate pair: PostgreSQL refuses some, people see none.
    return "" if unicodedata.category(character) in {"Cc", "Cf", "Cs"} else character
