"""Random tokens for links, states and cookies; only their hash is ever stored."""

from __future__ import annotations

import hashlib
import secrets


def new_token() -> str:
    """256 random bits in 43 URL-safe characters; fit for a state, a PKCE verifier, a link or a cookie."""
    return secrets.token_urlsafe(32)


def hash_token(plain: str) -> str:
    """SHA-256 in hex. Enough for random tokens: 256 random bits cannot be guessed, so no slow hash is needed."""
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()
