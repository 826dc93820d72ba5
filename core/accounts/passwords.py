"""What a password must be, and bcrypt."""

from __future__ import annotations

import secrets
from functools import cache
from pathlib import Path

import bcrypt

from core.errors import InvalidInput
from core.i18n import _

SHORTEST = 12
"""In characters."""
LONGEST = 72
"""In UTF-8 bytes: bcrypt reads no further, so a longer one is refused instead of cut."""
ROUNDS = 12


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
    words = {word.casefold() for word in own_words if word} | {"clickker", "clickker connections"}
    stem = folded.rstrip("0123456789!?.@#$ ")
    repeated = len(set(folded)) <= 2  # noqa: PLR2004 - "aaaaaaaaaaaa", "ababababab"
    return repeated or folded in _common_passwords() or stem in _common_passwords() or stem in words


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
