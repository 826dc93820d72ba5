"""Text that somebody pasted, out of a mail, a screen or a log, read as the message that it holds.

A message of Exact Online seldom arrives as it was sent: mail programs quote and wrap it, web pages write entities,
addresses write percent signs, JSON writes backslashes. Everything here takes time in proportion to the text.
"""

from __future__ import annotations

import html
import re
import unicodedata
from urllib.parse import unquote

from core.text import neutral

LONGEST = 100_000
"""Characters that are read of a pasted text; a mail with its whole history is shorter."""

_SOFT_BREAK = re.compile(r"=\r?\n")
_JSON_CODE = re.compile(r"\\u([0-9a-fA-F]{4})")
_JSON_BLANK = re.compile(r"\\[rnt]")
_JSON_SIGN = re.compile(r"\\([/\"\\])")
_PERCENT = re.compile(r"%[0-9a-fA-F]{2}")
_TAG = re.compile(r"</?[A-Za-z!][^<>]{0,2000}>")
_QUOTING = re.compile(r"^[ \t]*(?:[>|][ \t]*)+", re.MULTILINE)
_NO_LETTER = re.compile(r"[\W_]+")

_NAMED_SECRET = re.compile(
    r"(?i)((?:access|refresh)_token|client_secret|(?<=[?&])code|password|wachtwoord)"
    r"(\"? {0,3}[=:] {0,3}\"?)[^\s\"&]{6,}"
)
_TOKEN = re.compile(r"\bstamp[A-Z]{2}\d{3}\.\S+|[\w.!~+/=%-]{48,}")
_OMITTED = "…"


def read_pasted(text: str) -> str:
    """``text`` as one line without quoting, markup and encodings; capitals and punctuation are kept."""
    plain = _SOFT_BREAK.sub("", text[:LONGEST])
    # Twice: a mail that quotes a web page escapes what was escaped, and so does an address within an address.
    plain = html.unescape(html.unescape(plain))
    plain = _JSON_CODE.sub(lambda found: chr(int(found[1], 16)), plain)
    plain = _JSON_SIGN.sub(r"\1", _JSON_BLANK.sub(" ", plain))
    for _twice in range(2):
        if _PERCENT.search(plain):
            plain = unquote(plain, errors="replace")
    return neutral(_QUOTING.sub("", _TAG.sub(" ", plain)), LONGEST)


def fold(text: str) -> str:
    """Only the words, in small letters, a blank between two and at both ends: so ``" word "`` is found as a word."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return f" {_NO_LETTER.sub(' ', folded).strip()} "


def without_secrets(text: str) -> str:
    """``text`` without what looks like a token, a code or a password: people paste whole addresses and log lines."""
    return _TOKEN.sub(_OMITTED, _NAMED_SECRET.sub(rf"\1\2{_OMITTED}", text))
