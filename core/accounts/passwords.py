"""What a password must be, and bcrypt."""

from __future__ import annotations

import secrets
import unicodedata
from functools import cache
from itertools import pairwise
from pathlib import Path

import bcrypt

from core.errors import InvalidInput
from core.i18n import _

SHORTEST = 12
"""In characters."""
LONGEST = 72
"""In UTF-8 bytes: bcrypt reads no further, so a longer one is refused instead of cut."""
ROUNDS = 12
_AROUND = "0123456789!?.,@#$%&*-_+ "
_MOST_AROUND = 8
_SHORT_UNIT = 4


@cache
def _common_passwords() -> frozenset[str]:
    text = (Path(__file__).parent / "common_passwords.txt").read_text(encoding="utf-8")
    return frozenset(line.strip().casefold() for line in text.splitlines() if not line.startswith("#"))


def check_password(password: str, *own_words: str) -> None:
    """Raise ``InvalidInput`` unless the password may be chosen (NIST SP 800-63B, section 5.1.1.2).

    Any composition goes; ``own_words`` are the person's own e-mail address and name, which do not.
    """
    password = normal(password)
    if password != password.strip():
        raise InvalidInput(_("A password cannot begin or end with a space."), "password")
    if len(password) < SHORTEST:
        raise InvalidInput(_("Choose a password of at least 12 characters."), "password")
    if len(password.encode()) > LONGEST:
        raise InvalidInput(
            _("This password is too long: at most 72 letters, digits and signs, fewer with accents."),
            "password",
        )
    if "\x00" in password:
        raise InvalidInput(_("This password holds a character that cannot be typed."), "password")
    if _is_common(password, own_words):
        raise InvalidInput(
            _("This password is on the list of passwords that are often guessed. Choose another."), "password"
        )


def _is_common(password: str, own_words: tuple[str, ...]) -> bool:
    folded = password.casefold()
    guessed = _common_passwords() | {word.casefold() for word in own_words if word} | {"clickker connections"}
    stem = folded.strip(_AROUND)
    unit = _unit(folded)
    return (
        folded in guessed
        # A common word with some digits and signs around it; more than that is a password of its own.
        or (stem in guessed and len(folded) - len(stem) <= _MOST_AROUND)
        or (unit != folded and (unit in guessed or len(unit) <= _SHORT_UNIT))
        or _is_walk(folded)
    )


def _unit(text: str) -> str:
    """What the text is a repetition of: "abcabc" of "abc"; itself when of nothing shorter."""
    return text[: (text + text).index(text, 1)]


def _is_walk(text: str) -> bool:
    """Whether each sign follows the one before at the same distance: 123456789012, abcdefghijkl."""
    steps = {(ord(after) - ord(before)) % 10 for before, after in pairwise(text)}
    return len(steps) == 1 and (text.isdigit() or text.isalpha())


def normal(password: str) -> str:
    """The password as it is kept and compared: a keyboard may send é as one sign or as two (NIST 5.1.1.2, NFKC)."""
    return unicodedata.normalize("NFKC", password)


def hash_password(password: str) -> str:
    """The bcrypt hash, as text."""
    return bcrypt.hashpw(normal(password).encode(), bcrypt.gensalt(ROUNDS)).decode()


@cache
def dummy_hash() -> str:
    """The hash of a password nobody knows: an unknown account costs the same time as a known one."""
    return hash_password(secrets.token_urlsafe(32))


def spellings(password: str) -> tuple[str, ...]:
    """What may have been hashed of it: normalised, and as it came, for one that was chosen before that was done.

    Empty for what can be nobody's: bcrypt 5 raises on longer ones and on NUL.
    """
    return tuple(dict.fromkeys(one for one in (normal(password), password) if _fits(one)))


def verify_password(password: str, stored: str | None) -> bool:
    """Whether the password is right; as slow for an account without one as for any other."""
    asked = spellings(password)
    hashed = (stored or dummy_hash()).encode()
    right = [bcrypt.checkpw(one.encode(), hashed) for one in asked or ("",)]
    return any(right) and stored is not None and bool(asked)


def _fits(password: str) -> bool:
    return len(password.encode()) <= LONGEST and "\x00" not in password and password == password.strip()
