"""E-mail addresses as names to sign in with."""

from __future__ import annotations

import re
import unicodedata

from core.errors import InvalidInput
from core.i18n import _

LONGEST = 254
"""RFC 5321, section 4.5.3.1.3 (a path of 256 with its angle brackets)."""

# A colon too: what begins with "mailto:" was copied from a link, and nobody is reached there.
_SHAPE = re.compile(r"[^@\s<>\"',;:()\[\]\\]+@[^@\s<>\"',;:()\[\]\\?/]+\.[^@\s<>\"',;:()\[\]\\?/.]{2,}")


def fold_email(typed: str) -> str:
    """The address as it is stored and compared: trimmed, normalised (NFKC) and case-folded.

    Without NUL, which PostgreSQL refuses.
    """
    return unicodedata.normalize("NFKC", typed.replace("\x00", "")).strip().casefold()


def check_email(typed: str) -> str:
    """The folded address.

    Raises ``InvalidInput`` for what cannot be an e-mail address.
    """
    email = fold_email(typed)
    if len(email) > LONGEST or not email.isprintable() or not _SHAPE.fullmatch(email):
        raise InvalidInput(_("This is not an e-mail address. An example: anna@clickker.nl"), "email")
    return email
