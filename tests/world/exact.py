"""What lies between Clickker and Exact: the wire, what goes wrong on it, and what of a token got through it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import httpx

from core.exact.errors import FailureKind
from core.simulator.clock import SimulatorClock
from core.simulator.config import SimulatorConfig
from core.simulator.data import Directory, Division, User, vat_number
from core.simulator.engine import Engine
from core.simulator.server import apps_for
from tests.support.fault_kinds import KINDS, Kind
from tests.support.wire import ROOT, WIRE, Wire
from tests.world.hub import Hub, Task

CLIENT_ID, SECRET = "the-client", "the-secret"
_NOT_BY_CHANCE = {
    "restored backup",
    "new consent, then refused",
    "new consent after the answer",
    "new first key",
}
TOKEN_FAULTS = tuple(
    kind
    for kind in KINDS
    if kind.timeout > 1 and kind.name not in _NOT_BY_CHANCE and kind.failure is not FailureKind.REFUSED
)
"""Everything that can go wrong at the token address; good tokens refused have a place of their own."""
REFUSALS = tuple(
    kind for kind in KINDS if kind.failure is FailureKind.REFUSED and kind.name not in _NOT_BY_CHANCE
)
API_FAULTS = (
    "drop", "unavailable", "bad_gateway", "gateway_timeout", "server_error", "maintenance", "rate_limited",
    "rate_limited_daily", "rate_limited_bare", "false_400", "unauthorized", "scope_violated", "wrong_division",
    "outside_scope", "redirect", "cut", "truncated_json",
)  # fmt: skip
API_ENDPOINTS = ("me", "divisions", "all_divisions")
NETWORK = tuple(WIRE)
SLOW_SECONDS = (20.0, 55.0, 70.0, 130.0, 300.0)


def directory() -> Directory:
    """Four Dutch customers, one with a login in Belgium too, a Belgian one, and an accountant of six."""
    lines = (
        ("nl", "bakker@bakker.example", "Bram Bakker", 1_000, ("Bakker B.V.",)),
        ("nl", "smit@smit.example", "Saar Smit", 2_000, ("Smit B.V.", "Smit Holding B.V.")),
        ("nl", "visser@visser.example", "Klaas Visser", 3_000, ("Visser B.V.", "Visser Vis B.V.", "Visser Oud B.V.")),
        ("nl", "grens@grens.example", "Greet Grens", 4_000, ("Grens B.V.",)),
        ("be", "grens@grens.example", "Greet Grens", 5_000, ("Grens NV",)),
        ("be", "peeters@peeters.example", "Piet Peeters", 6_000, ("Peeters NV", "Peeters Horeca BV")),
    )  # fmt: skip
    divisions = [
        Division(
            env, code + place, name, names[0], code, "Delft", vat_number(env, code + place), main=place == 0
        )
        for env, _login, _full, code, names in lines
        for place, name in enumerate(names)
    ]
    users = [
        User(env, login, full, tuple(range(code, code + len(names))), code)
        for env, login, full, code, names in lines
    ]
    clients = [
        Division("nl", 7_000 + n, name, name, 7_000 + n, "Urk", vat_number("nl", 7_000 + n), main=True)
        for n, name in enumerate(("Van Dijk B.V.", "Aalbers B.V.", "Blom B.V.", "Coster B.V.", "Dekker B.V."))
    ]
    codes = (1_000, *(division.code for division in clients))
    users.append(User("nl", "kantoor@vandijk.example", "Anneke van Dijk", codes, 7_000))
    return Directory(tuple(users), (*divisions, *clients))


ACCOUNTANT = "kantoor@vandijk.example"


def new_engine(hub: Hub, redirect_uri: str, **variants: object) -> Engine:
    """``people``: whom Exact knows, instead of ``directory()``; every other name is a point of its configuration."""
    people = variants.pop("people", None) or directory()
    config = SimulatorConfig(apps_for(CLIENT_ID, SECRET, redirect_uri), base_url=ROOT, enabled=True)
    clock = SimulatorClock(source=lambda: hub.time)
    return Engine(replace(config, **variants), clock=clock, directory=people)  # type: ignore[arg-type]


@dataclass
class Slow:
    """The next answer of an address takes so long."""

    endpoint: str
    seconds: float


@dataclass
class Trouble:
    """What is going wrong now, beside the simulator's own faults."""

    slow: list[Slow] = field(default_factory=list)
    network: list[tuple[str, str]] = field(default_factory=list)
    """(endpoint, name of ``WIRE``): what the network does to the next call of an address."""
    down: bool = False
    """Nothing reaches Exact."""


class WorldWire(Wire):
    """Every call to Exact is two points: before Exact has heard of it, and when it has done its part."""

    def __init__(self, hub: Hub, engine: Engine) -> None:
        super().__init__(engine)
        self._hub = hub
        self.trouble = Trouble()
        self.struck: Counter[str] = Counter()
        self.arrived: dict[Task, str] = {}
        """Tokens that have reached a process and are not in its journal yet, by the thread that received them."""
        self.lost: set[str] = set()
        """Tokens that never got from Exact into a journal: the window that no protocol can close."""
        self.failed_at: dict[str, datetime] = {}
        """When Exact, or the way to it, last failed us, by environment."""
        self.harmless = False
        """What strikes the token address next may not cost a token."""
        self.exchanged: Callable[[Any, str, str, str], None] = lambda _about, _environment, _user, _token: (
            None
        )
        """Told of every code that Exact turned into tokens: for which browser, where, whose, and the token."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        endpoint = _endpoint(request)
        self._hub.point("exact")
        try:
            return self._carry(request, endpoint)
        except httpx.HTTPError:
            self._has_failed(request)
            raise

    def _has_failed(self, request: httpx.Request) -> None:
        self.failed_at[request.url.path.split("/")[1]] = self._hub.time

    def _carry(self, request: httpx.Request, endpoint: str) -> httpx.Response:
        self._network(request, endpoint)
        issued = self.engine._context.state.issued
        planned = bool(self.next) and endpoint == "token"
        try:
            response = super().handle_request(request)
        finally:
            self._count(planned, endpoint)
            if endpoint == "token" and self.engine._context.state.issued != issued:
                self._issued()
        slow = next((each for each in self.trouble.slow if each.endpoint == endpoint), None)
        if slow is not None:
            self.trouble.slow.remove(slow)
            self.struck[f"{endpoint} slow"] += 1
            self._has_failed(request)
            self._hub.sleep(slow.seconds)
        calls = self.engine._context.calls
        if planned or response.status_code >= 429 or (calls and calls[-1].fault):
            self._has_failed(request)
        self._hub.point("answered")
        return response

    def _network(self, request: httpx.Request, endpoint: str) -> None:
        found = next((each for each in self.trouble.network if each[0] == endpoint), None)
        if found is not None:
            self.trouble.network.remove(found)
            self.struck[f"{endpoint} {found[1]}"] += 1
            raise WIRE[found[1]]()
        if self.trouble.down:
            self.struck["network down"] += 1
            raise WIRE["refused"]()
        if endpoint != "token":
            request.extensions["trace"]("http11.send_request_headers.started", {})

    def _count(self, planned: bool, endpoint: str) -> None:
        if planned:
            self.struck["token address"] += 1
        if self.engine._context.calls and (fault := self.engine._context.calls[-1].fault):
            self.struck[f"{endpoint} {fault}"] += 1

    def _issued(self) -> None:
        """Exact has issued a pair: it is lost unless its refresh token was delivered whole, and then kept."""
        newest = next(reversed(self.engine._context.state.pairs))
        pair, task = self.engine._context.state.pairs[newest], self._hub.current
        if task is not None and not pair.parent:
            chain = self.engine._context.state.chains[pair.chain]
            self.exchanged(task.act.about, chain.environment, chain.user, newest)
        if newest not in self.delivered and not self.harmless:
            self.lost.add(newest)
        elif task is not None:
            self.arrived[task] = newest

    def kept(self, task: Task | None) -> None:
        """A journal has it."""
        if task is not None:
            self.arrived.pop(task, None)

    def not_kept(self, task: Task) -> None:
        """Its journal cannot be written, though it could when the call began: the database alone may still get it."""
        if task in self.arrived:
            self.lost.add(self.arrived.pop(task))

    def ended(self) -> None:
        """Whoever received a token and ended before the journal had it has lost it."""
        for task in [task for task in self.arrived if task.done]:
            token = self.arrived.pop(task)
            if not task.process.alive:
                self.lost.add(token)


def _endpoint(request: httpx.Request) -> str:
    path = request.url.path
    if path.endswith("/token"):
        return "token"
    if path.endswith("/Me"):
        return "me"
    return "all_divisions" if path.endswith("AllDivisions") else "divisions"


def inject(kind: Kind, wire: WorldWire) -> None:
    """Let this happen to the next call of the token address."""
    wire.harmless = not kind.lost
    kind.inject(_World(wire.engine, wire), "")  # type: ignore[arg-type]


@dataclass
class _World:
    """As much of ``tests.support.worlds.World`` as a kind of fault asks for."""

    engine: Engine
    wire: WorldWire
