"""What a log line may not say: secrets go, and nothing in it can forge a line or mislead a reader.

Two nets behind each other. The secrets of the settings are known by value, wherever they turn up; everything else is
known by its surroundings (a field's name, a scheme, a path) or by its shape (what ``core.tokens.secrets`` draws, a JSON
Web Token). Each rule reads a text of any length once: a megabyte that somebody types must not stop the log. The nets
take rather too much than too little: of a field named "code" only bare numbers are left.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, SecretStr

from core.settings import Settings

GONE = "***"
SHORTEST = 6
"""Characters; a shorter "secret" of the settings would star ordinary words out."""

_NAMES = (
    r"(?:access|refresh|id|sign_in|form|bearer)[_-]?token|token|client[_-]?secret|secret|ticket|code_verifier|verifier"
    r"|passwords?|passwd|again|current_password|csrf|_?xsrf|api[_-]?key|encryption_keys?|otp|totp|recovery_?codes?"
    r"|authorization_code"
)
_PLAIN = r"""[^\s&;,"'(){}\[\]<>]"""
_VALUE = rf"""(?:"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|{_PLAIN}+)"""
# Whether the value goes on with a sign that says it is none: looked for once, from the left, and no further.
_NO_VALUE = (
    r"""(?:"(?:[^"\\:=(]|\\.)*+"?[:=(]|'(?:[^'\\:=(]|\\.)*+'?[:=(]"""
    r"""|[^\s&;,"'(){}\[\]<>][^\s&;,"'(){}\[\]<>:=]*+[:=(])"""
)
_QUOTED = r"""(?:"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?)"""
_IS = r"""(?:=|%3D|%253D|["']?\s*[:=]\s*)"""
_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), instead)
    for pattern, instead in (
        (r"((?:proxy-)?authorization[\"']?\s*[:=]\s*[\"']?)[^\r\n\"']+", rf"\1{GONE}"),
        (r"((?:set-)?cookies?[\"']?\s*[:=]\s*)[^\r\n]+", rf"\1{GONE}"),
        (r"\b(bearer|basic)\s+[\w.~+/=-]{6,}", rf"\1 {GONE}"),
        (rf"((?:^|(?<![a-z])){_NAMES})({_IS})(?!{_NO_VALUE}){_VALUE}", rf"\1\2{GONE}"),
        # "code" and "state" are ordinary words as well: in an address or a form, or as a name in JSON.
        (r"((?:^|[?&\s\"']|%3F|%26)(?:code|state)(?:=|%3D|%253D))(?!\d{1,4}\b)[^\s&;,\"']+", rf"\1{GONE}"),
        (rf"([\"'](?:code|state)[\"']\s*:\s*){_QUOTED}", rf"\1{GONE}"),
        (r"(clickker_(?:session|browser|form)=)[^\s;,\"']+", rf"\1{GONE}"),
        (r"(_streamlit_\w{1,40}=)[^\s;,\"']+", rf"\1{GONE}"),
        (r"(/(?:invitation|customer)/)(?!thanks\b)[\w%~.-]{8,}", rf"\1{GONE}"),
        (r"(://[^\s/:@]*:)[^\s/@]+@", rf"\1{GONE}@"),
        (r"(?<![\w-])eyJ[\w-]{6,}+\.[\w-]++\.[\w-]*+", GONE),
    )
)
_OURS = re.compile(
    r"(?<![\w-])(?=[\w-]*\d)(?=[\w-]*[A-Z])(?=[\w-]*[a-z])[\w-]{43}(?![\w-])|(?<![\w+/])[\w+/-]{43}="
)
"""43 URL-safe characters: what ``new_token`` draws; and 32 bytes in base64: an encryption key."""
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


class Redaction:
    """Takes the secrets out of a text; ``secrets`` are known by value."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = {
            form for secret in secrets if len(secret) >= SHORTEST for form in (secret, quote(secret, ""))
        }
        longest_first = sorted(known, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if known else None

    def __call__(self, text: str) -> str:
        """``text`` without its secrets."""
        if self._known is not None:
            text = self._known.sub(GONE, text)
        for pattern, instead in _RULES:
            text = pattern.sub(instead, text)
        return _OURS.sub(GONE, text)


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """Every secret that the settings hold, one by one: whatever is declared as one, and the password of an address."""
    found: list[str] = []
    for whole in _declared(settings):
        parts = [part for part in re.split(r"[,\s]+", whole) if part]
        found += [whole, *parts, *(_password(part) for part in parts)]
    return tuple(secret for secret in found if secret)


def _declared(value: object) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _declared(getattr(value, name))
    elif isinstance(value, dict):
        for one in value.values():
            yield from _declared(one)


def _password(address: str) -> str:
    try:
        return urlsplit(address).password or ""
    except ValueError:
        return ""


def visible(text: str, keep: str = "") -> str:
    """``text`` with every character that steers a terminal or hides itself written out, as ``\\x1b``.

    Line ends, escape sequences, bidirectional marks and zero widths: an attacker's name must not look like a line of
    its own, nor read backwards. ``keep`` are characters that stay.
    """
    return "".join(
        character
        if character in keep or unicodedata.category(character) not in _HIDDEN
        else _escaped(character)
        for character in text
    )


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
