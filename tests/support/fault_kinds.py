"""What can go wrong while a refresh token is spent, as a table of kinds."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from core.exact.errors import FailureKind
from core.simulator.token_endpoint import TokenRequest
from core.tokens.rotation import access_token
from core.tokens.vault import Vault
from tests.support.wire import Broken, answer_with
from tests.support.worlds import World

USER = "test@testbv.example"
Inject = Callable[[World, str], None]


@dataclass(frozen=True)
class Kind:
    """One kind of trouble. ``failure`` None: it must end well. ``lost``: Exact issued a successor whose refresh token
    never reached this side whole, so that only a new consent can help."""

    name: str
    inject: Inject
    failure: FailureKind | None = None
    lost: bool = False
    wait: float | None = None
    """The most seconds until the next try, where Exact and not our ladder tells them."""
    timeout: float = 120.0
    """The setting for the call, in seconds of real time: small where an answer must come too late."""


def exact(name: str, **details: Any) -> Inject:
    """A fault of the simulator."""
    return lambda world, _grant: world.engine.add_fault(name, endpoint="token", **details)


def wire(name: str) -> Inject:
    """A fault of the network."""
    return lambda world, _grant: world.wire.next.append(name)


def says(body: bytes, status: int = 200, **headers: str) -> Inject:
    """An answer in Exact's place; nothing was done there."""
    made = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda world, _grant: world.wire.next.append(lambda _request: answer_with(status, made, body))


def rotated(
    wrap: Callable[[bytes], bytes | httpx.SyncByteStream], status: int = 200, **headers: str
) -> Inject:
    """Exact's own answer after somebody has been at it on the way."""
    made = {name.replace("_", "-"): value for name, value in headers.items()}

    def inject(world: World, _grant: str) -> None:
        def answer(request: httpx.Request) -> httpx.Response:
            sent = TokenRequest("nl", request.content, request.headers["content-type"])
            wrapped = wrap(world.engine.token(sent).body)
            if isinstance(wrapped, bytes):
                return answer_with(status, made, wrapped)
            return httpx.Response(status, headers=made, stream=wrapped)

        world.wire.next.append(answer)

    return inject


def too_late(world: World, _grant: str) -> None:
    """Exact answers well, after we have given up."""
    world.engine.add_fault("delay", endpoint="token", seconds=20.0)


def restored_backup(world: World, grant_id: str) -> None:
    """The row is as it was before the last refresh."""
    names = (
        "refresh_token",
        "fingerprint",
        "access_token",
        "access_expires_at",
        "rotated_at",
        "last_success_at",
    )
    before = {name: getattr(world.row(grant_id), name) for name in names}
    failures = {name: getattr(world.row(grant_id), name) for name in ("failures", "error_moments")}
    world.change(grant_id, next_try_at=None)
    access_token(world.app, grant_id)
    world.change(grant_id, **before, **failures)


def new_consent_before(world: World, grant_id: str) -> None:
    world.wire.next.append(lambda _request: world.consent_again(grant_id, USER))


def new_consent_after(world: World, grant_id: str) -> None:
    world.wire.afterwards.append(lambda: world.consent_again(grant_id, USER))


def new_first_key(world: World, _grant: str) -> None:
    """While the call is under way the installation gets a new first key; from then on others use it."""
    old = world.app.settings.encryption_keys.get_secret_value()

    def restart() -> None:
        world.later = world.with_vault(Vault(f"{Vault.generate_key()},{old}"))

    world.wire.afterwards.append(restart)


def _twice(body: bytes) -> bytes:
    return body[:-1] + b"," + body[1:]


def _upper(body: bytes) -> bytes:
    return json.dumps({key.upper(): value for key, value in json.loads(body).items()}).encode()


_BAD = FailureKind.BAD_REQUEST
_UNKNOWN, _OUTAGE, _LIMITED = FailureKind.UNKNOWN, FailureKind.OUTAGE, FailureKind.RATE_LIMITED
_NOT_SENT, _REFUSED, _EARLY = FailureKind.NOT_SENT, FailureKind.REFUSED, FailureKind.TOO_EARLY

KINDS = (
    Kind("dns", wire("dns"), _NOT_SENT),
    Kind("dns of 130 s", wire("dns_without_end"), _NOT_SENT, timeout=0.05),
    Kind("refused connection", wire("refused"), _NOT_SENT),
    Kind("tls", wire("tls"), _NOT_SENT),
    Kind("connect time-out", wire("connect_timeout"), _NOT_SENT),
    Kind("reset while sending", wire("reset_while_sending"), _UNKNOWN),
    Kind("reset before the answer", wire("reset_before"), _UNKNOWN),
    Kind("read time-out", wire("read_timeout"), _UNKNOWN),
    Kind("dropped", exact("drop"), _UNKNOWN),
    Kind("500", exact("server_error"), _OUTAGE),
    Kind("502", exact("bad_gateway"), _OUTAGE),
    Kind("503", exact("unavailable"), _OUTAGE),
    Kind("504", exact("gateway_timeout"), _OUTAGE),
    Kind("a page with 200", exact("maintenance"), _OUTAGE),
    Kind("429, minutely", exact("rate_limited"), _LIMITED, wait=60),
    Kind("429, daily", exact("rate_limited_daily"), _LIMITED, wait=86_400),
    Kind("429, bare", exact("rate_limited_bare"), _LIMITED),
    Kind("429, Retry-After", says(b"", 429, retry_after="90"), _LIMITED, wait=90),
    Kind("too early", exact("too_early"), _EARLY, wait=570),
    Kind("too early, 401", says(b"", 401, reason="Access Token not expired"), _EARLY, wait=570),
    Kind("false 400", exact("false_400"), _BAD),
    Kind("invalid grant", exact("invalid_grant"), _REFUSED),
    Kind("old token", exact("old_token"), _REFUSED),
    Kind("401, empty", exact("unauthorized"), _UNKNOWN),
    Kind("302", exact("redirect"), _UNKNOWN),
    Kind("null", says(b"null"), _UNKNOWN),
    Kind("a list", says(b"[1,2]"), _UNKNOWN),
    Kind("deep JSON", says(b"[" * 60_000), _UNKNOWN),
    Kind("1 MB of nothing", says(b" " * 1_000_000), _UNKNOWN),
    Kind("a bomb", says(gzip.compress(b" " * 9_000_000), content_encoding="gzip"), _UNKNOWN),
    Kind("35 s", exact("delay", seconds=0.02)),
    Kind("slow drip", exact("slow_drip", seconds=0.02)),
    Kind("130 s", too_late, _UNKNOWN, timeout=0.05),
    Kind("cut", exact("cut"), _UNKNOWN, lost=True),
    Kind("truncated", exact("truncated_json"), _UNKNOWN, lost=True),
    Kind("rotated, then dropped", exact("rotate_then_drop"), _UNKNOWN, lost=True),
    Kind("rotated, then cut", exact("rotate_then_cut"), _UNKNOWN, lost=True),
    Kind("rotated, then 500", exact("rotate_then_500"), _OUTAGE, lost=True),
    Kind("rotated, then a page", exact("rotate_then_maintenance"), _OUTAGE, lost=True),
    Kind("no refresh token", exact("without_refresh_token"), _UNKNOWN, lost=True),
    Kind("cut after the token", rotated(lambda body: Broken(body[:-1]))),
    Kind("expires_in 600", exact("odd_expires_in", body="600")),
    Kind("expires_in soon", exact("odd_expires_in", body='"soon"')),
    Kind("expires_in null", exact("odd_expires_in", body="null")),
    Kind("expires_in -1", exact("odd_expires_in", body="-1")),
    Kind("doubled keys", rotated(_twice)),
    Kind("upper-case keys", rotated(_upper)),
    Kind("byte order mark", rotated(lambda body: b"\xef\xbb\xbf" + body)),
    Kind("in a list", rotated(lambda body: b"[" + body + b"]")),
    Kind("garbage after it", rotated(lambda body: body + b"<!-- 7 -->")),
    Kind("1 MB after it", rotated(lambda body: body[:-1] + b',"x":"' + b"x" * 1_000_000 + b'"}')),
    Kind("gzip", rotated(gzip.compress, content_encoding="gzip")),
    Kind("a pair with 500", rotated(lambda body: body, 500)),
    Kind("restored backup", restored_backup),
    Kind("new consent, then refused", new_consent_before),
    Kind("new consent after the answer", new_consent_after),
    Kind("new first key", new_first_key),
)
