"""Codes of authenticator apps (TOTP, RFC 6238: SHA-1, six digits, thirty seconds) and recovery codes."""

from __future__ import annotations

import base64
import hmac
import secrets
from datetime import datetime

from pyotp import TOTP, random_base32

ISSUER = "Clickker Connections"
STEP_SECONDS = 30
WINDOW = 1
"""Steps before and after now that count too: clocks differ, and people type slowly (RFC 6238, section 5.2)."""
RECOVERY_CODES = 10
_DIGITS = 6
_RECOVERY_BYTES = 10
_GROUP = 4
_BASE32 = frozenset("abcdefghijklmnopqrstuvwxyz234567")


def new_secret() -> str:
    """160 random bits in base32, as RFC 4226, section 4, recommends."""
    return random_base32()


def app_address(secret: str, email: str) -> str:
    """What a QR code tells the authenticator app."""
    return TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)


def in_groups(text: str, between: str = " ") -> str:
    """Four characters at a time: to be read aloud and typed."""
    return between.join(text[start : start + _GROUP] for start in range(0, len(text), _GROUP))


def matching_step(secret: str, typed: str, moment: datetime) -> int | None:
    """The thirty seconds that a code belongs to; None when it is not a code of about now."""
    code = "".join(typed.split())
    if len(code) != _DIGITS or not (code.isascii() and code.isdigit()):
        return None
    now = int(moment.timestamp()) // STEP_SECONDS
    app = TOTP(secret)
    # Every step is compared, whichever fits: how long it takes tells nothing.
    fitting = [
        step
        for step in range(now - WINDOW, now + WINDOW + 1)
        if hmac.compare_digest(app.generate_otp(step), code)
    ]
    return fitting[-1] if fitting else None


def new_recovery_codes() -> tuple[str, ...]:
    """Ten codes of 80 random bits each, as they are written down."""
    made = (
        base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode().lower() for _ in range(RECOVERY_CODES)
    )
    return tuple(in_groups(code, "-") for code in made)


def fold_recovery_code(typed: str) -> str:
    """The code without what people put between its letters, so that it can be compared."""
    return "".join(sign for sign in typed[:100].lower() if sign in _BASE32)
