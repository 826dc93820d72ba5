"""The headers of every answer, and what a browser may run on our pages."""

from __future__ import annotations

import base64
import hashlib
import re

from core.settings import Settings
from dashboard.going import GO_SCRIPT
from dashboard.origin import own_origins

_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_YEAR = 365 * 24 * 3600
NOTHING = "default-src 'none'; frame-ancestors 'none'"
"""The Content-Security-Policy of what is no page."""

# https://cheatsheetseries.owasp.org/cheatsheets/HTTP_Headers_Cheat_Sheet.html
_ALWAYS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",  # for browsers that do not know frame-ancestors
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def inline_scripts(page: str) -> tuple[str, ...]:
    """The inline scripts of a page, as the browser hashes them."""
    return tuple(_INLINE_SCRIPT.findall(page))


def script_hash(script: str) -> str:
    """How a Content-Security-Policy names one inline script."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def security_headers(settings: Settings) -> dict[str, str]:
    """What every answer carries, whatever it is."""
    headers = dict(_ALWAYS)
    if settings.secure:
        headers["strict-transport-security"] = f"max-age={_YEAR}"
    return headers


def frame_policy(settings: Settings, frame: str) -> str:
    """The Content-Security-Policy of Streamlit's page ``frame``.

    Scripts are files of our own, and the inline ones that are known by hash: nothing that reaches a page as text
    can run. Styles may be inline: Streamlit writes them from script.
    """
    hashes = " ".join(script_hash(script) for script in (*inline_scripts(frame), GO_SCRIPT))
    # A source list cannot name an address in brackets; 'self' covers it where it is the page's own.
    origins = (origin for origin in own_origins(settings) if "[" not in origin)
    sockets = " ".join(sorted(origin.replace("http", "ws", 1) for origin in origins))
    directives = (
        "default-src 'self'",
        f"script-src 'self' {hashes}",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        f"connect-src 'self' {sockets}",
        "worker-src 'self' blob:",
        "frame-src 'none'",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
    return "; ".join(directives)


def plain_policy(*form_targets: str) -> str:
    """The Content-Security-Policy of a page without script; ``form_targets`` are origins a form may lead to.

    A browser holds the redirect after a form against form-action too: https://www.w3.org/TR/CSP3/#directive-form-action.
    """
    return "; ".join(
        (
            "default-src 'none'",
            "style-src 'self'",
            "font-src 'self'",
            "img-src 'self'",
            "base-uri 'none'",
            " ".join(("form-action 'self'", *form_targets)),
            "frame-ancestors 'none'",
        )
    )
