"""Whether an environment of Exact Online can be reached from here at all: for ``clickker doctor``."""

from __future__ import annotations

import httpx

from core.exact.transport import new_client


def why_unreachable(url: str, seconds: float = 5.0) -> str:
    """Empty when anything answers at ``url``, whatever it says; else the network's own words. No secrets are sent."""
    try:
        with new_client() as client:
            client.head(url, timeout=seconds)
    except httpx.HTTPError as error:
        return str(error) or type(error).__name__
    return ""
