"""CLICKKER_DATABASE_URL: what it names, and why it cannot be read; no sentence holds a piece of its password."""

from __future__ import annotations

import re

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from core.errors import SettingsError
from core.i18n import _

KINDS = frozenset({"sqlite", "postgresql"})
_HOST = re.compile(r"[A-Za-z0-9._-]*|[0-9A-Fa-f:.]+|/[^@]*")
_PIECE = 4
"""Characters of a password that nobody may read."""


def read_address(text: str) -> URL:
    """The address in its parts. Raises ``SettingsError`` when it is none of a database that we know."""
    try:
        url = make_url(text.strip())
    except (ArgumentError, ValueError):
        raise _unreadable() from None
    if url.get_backend_name() not in KINDS:
        raise _unreadable()
    # A password with @ or / in it has been cut in two: what follows would be taken for the host, and told.
    if "@" in (url.database or "") or _HOST.fullmatch(url.host or "") is None:
        raise _unreadable()
    return url


def shown(text: str) -> str:
    """What it names, as anybody may read it; in other words than the setting, which is a secret that the log hides."""
    url = read_address(text)
    if url.get_backend_name() == "sqlite":
        return f"SQLite file {url.database or 'in memory'}"
    where = f"{url.host or 'this machine'}{f':{url.port}' if url.port else ''}"
    return f"PostgreSQL database {url.database or ''} on {where}"


def reason(error: Exception, text: str) -> str:
    """Why a database cannot be reached, in the driver's first line; its kind alone where that holds a piece of the
    password."""
    kind = type(getattr(error, "orig", None) or error).__name__
    lines = str(getattr(error, "orig", None) or "").splitlines()
    if not lines:
        return kind
    try:
        password = str(make_url(text).password or "")
    except (ArgumentError, ValueError):
        return kind
    return kind if _holds_a_piece(lines[0], password) else lines[0]


def unreachable(error: Exception, text: str) -> str:
    """The same as a sentence that says what to look at."""
    sentence = _("Cannot be reached ({reason}). Check CLICKKER_DATABASE_URL and that the server runs.")
    return sentence.format(reason=reason(error, text))


def _holds_a_piece(line: str, password: str) -> bool:
    pieces = {password[at : at + _PIECE] for at in range(max(1, len(password) - _PIECE + 1))}
    return any(piece in line for piece in pieces if piece)


def _unreadable() -> SettingsError:
    return SettingsError(
        _(
            "CLICKKER_DATABASE_URL cannot be read. It looks like sqlite:///var/clickker.db or "
            "postgresql://user:password@host/name; in the password, signs such as @ : / ? # % are written as %40 %3A "
            "%2F %3F %23 %25."
        )
    )
