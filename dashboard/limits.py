"""How often one address may knock at an open door; the count is the database's, shared by all processes."""

from __future__ import annotations

from core.accounts import knocks
from core.application import application


def allow(key: str, per_minute: int) -> bool:
    """Whether ``key`` may knock once more: ``per_minute`` times at once, and then as time goes by."""
    return knocks.allow(application(), key, per_minute)


def allow_address(door: str, address: str, per_minute: int) -> bool:
    """Whether this address may knock at ``door`` once more."""
    return allow(f"{door}:{knocks.network_of(address)}", per_minute)
