"""Where a request comes from: believed of our own proxies only, and of them only what they added."""

from __future__ import annotations

import pytest
from starlette.types import Scope

from core.settings import Settings
from core.starting import reasons_not_to_serve
from dashboard.proxies import from_where

OURS = "10.0.0.0/8, 2001:db8::5"


def seen(peer: str | None, *forwarded: str, trusted: str = OURS, **headers: str) -> str:
    named = [("x-forwarded-for", value) for value in forwarded] + [
        (k.replace("_", "-"), v) for k, v in headers.items()
    ]
    scope: Scope = {
        "type": "http",
        "client": (peer, 1) if peer else None,
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in named],
    }
    client = from_where(scope, Settings(trusted_proxies=trusted))["client"]
    return str(client[0]) if client else ""


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["203.0.113.9, 198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["127.0.0.1, 198.51.100.7, 10.2.3.4"], "198.51.100.7"),
        ("10.0.0.1", ["203.0.113.9", "198.51.100.7"], "198.51.100.7"),
        ("2001:db8::5", ["2001:db8:9::1"], "2001:db8:9::1"),
        ("10.0.0.1", ["[2001:db8:9::1]:443"], "2001:db8:9::1"),
        ("10.0.0.1", ["198.51.100.7:5000"], "198.51.100.7"),
        ("::ffff:10.0.0.1", ["::ffff:198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.7, unknown"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.7, <script>, 10.9.9.9"], "10.9.9.9"),
        ("10.0.0.1", ["fe80::1%<script>"], "10.0.0.1"),
        ("10.0.0.1", ["10.3.3.3, 10.4.4.4"], "10.3.3.3"),
        ("10.0.0.1", ["198.51.100.7," + "10.1.1.1," * 5_000], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.7" + ", 10.1.1.1" * 19], "198.51.100.7"),
        ("10.0.0.1", ["198.51.100.7" + ", 10.1.1.1" * 20], "10.1.1.1"),
        ("10.0.0.1", ["203.0.113.9, 198.51.100.7:5000:6000"], "10.0.0.1"),
    ],
)
def test_the_last_hop_that_is_not_ours_counts(peer: str, forwarded: list[str], address: str) -> None:
    assert seen(peer, *forwarded) == address


@pytest.mark.parametrize("peer", ["198.51.100.7", "127.0.0.1", "::1", "testclient", None])
def test_a_stranger_may_say_what_it_likes(peer: str | None) -> None:
    said = {"forwarded": "for=203.0.113.9", "x_real_ip": "203.0.113.9", "x_client_ip": "203.0.113.9"}
    assert seen(peer, "203.0.113.9", **said) == (peer or "")
    assert seen(peer, "203.0.113.9", trusted="", **said) == (peer or "")


def test_other_headers_are_not_looked_at_even_of_our_own() -> None:
    assert seen("10.0.0.1", forwarded="for=203.0.113.9", x_real_ip="203.0.113.9") == "10.0.0.1"


@pytest.mark.parametrize(
    "wrong", ["10.0.0.300", "proxy.example", "10.0.0.1/8", "0.0.0.0/0", "::/0, 10.0.0.1"]
)
def test_it_does_not_serve_when_nobody_knows_whom_to_believe(settings: Settings, wrong: str) -> None:
    reasons = reasons_not_to_serve(settings.model_copy(update={"trusted_proxies": wrong}))
    assert ["CLICKKER_TRUSTED_PROXIES" in reason for reason in reasons] == [True]
    assert reasons_not_to_serve(settings.model_copy(update={"trusted_proxies": OURS})) == ()
