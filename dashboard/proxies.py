"""From where a request really comes, when proxies stand before us.

Only a proxy that the settings name is believed, and only what it added itself: each appends the address it was called
from to X-Forwarded-For, so what counts is the last entry that is not one of our own proxies. Whatever a visitor wrote
there stands further to the left. X-Forwarded-Host and -Proto are not looked at: who we are stands in
CLICKKER_PUBLIC_URL.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

from starlette.datastructures import Headers
from starlette.types import Scope

from core.accounts.knocks import network_of
from core.application import application
from core.settings import Settings

Address = IPv4Address | IPv6Address
MOST_HOPS = 20


def from_where(scope: Scope, settings: Settings) -> Scope:
    """The scope with the visitor's own address as its client."""
    networks = settings.proxy_networks
    client = scope.get("client")
    peer = _read(client[0]) if client else None
    if peer is None or not any(peer in network for network in networks):
        return scope
    seen = peer
    for hop in reversed(_hops(scope)):
        address = _read(hop)
        if address is None:  # not an address: the proxy that passed it on is the last one we know
            break
        seen = address
        if not any(address in network for network in networks):
            break
    return {**scope, "client": (str(seen), 0)}


def caller_name(client: tuple[str, int] | None) -> str:
    """What one end of a connection counts as: its network. Of our own proxies each connection counts by itself, since
    who stands behind them is only known once a request has come."""
    if client is None:
        return ""
    peer = _read(client[0])
    if peer is not None and any(peer in network for network in application().settings.proxy_networks):
        return f"{client[0]} {client[1]}"
    return network_of(client[0])


def _hops(scope: Scope) -> list[str]:
    said = ",".join(Headers(scope=scope).getlist("x-forwarded-for"))
    return said.split(",")[-MOST_HOPS:] if said else []


def _read(text: str) -> Address | None:
    """An address, with or without a port, as proxies write it; IPv4 in IPv6 is IPv4."""
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ip_address(bare) if "%" not in bare else None
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
