"""What a password must be, and bcrypt."""

from __future__ import annotations

import secrets
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


def hash_password(password: str) -> str:
    """The bcrypt hash, as text."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(ROUNDS)).decode()


@cache
def dummy_hash() -> str:
    """The hash of a password nobody knows: an unknown account costs the same time as a known one."""
    return hash_password(secrets.token_urlsafe(32))


def fits(password: str) -> bool:
    """Whether the password can be anybody's: bcrypt 5 raises on longer ones and on NUL."""
    return len(password.encode()) <= LONGEST and "\x00" not in password and password == password.strip()


def verify_password(password: str, stored: str | None) -> bool:
    """Whether the password is right; as slow for an account without one as for any other."""
    asked = password if fits(password) else ""
    right = bcrypt.checkpw(asked.encode(), (stored or dummy_hash()).encode())
    return right and stored is not None and fits(password)
