"""Ninety simulated days and a thousand sequences of faults: nothing lapses, nothing is called dead that lives.

``make soak`` runs them at full length; ``make test`` a short round. They print their figures (pytest -s). Nothing is
synced to disk here, which no simulated day can tell; tests/core/tokens does that.
"""

from __future__ import annotations

import heapq
import os
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from shutil import copyfile

import httpx
import pytest
from sqlalchemy import event

from core.exact.errors import ExactError, FailureKind
from core.simulator.data import Directory, demo_directory
from core.tokens import rotation, slots
from core.tokens.facts import grant_is_dead, has_lapsed, in_quiet_hour
from core.tokens.rotation import access_token, keep_alive
from tests.support.fault_kinds import KINDS, Kind
from tests.support.worlds import World, world

LONG = bool(os.environ.get("SOAK"))
CONNECTIONS, DAYS, SEQUENCES = (500, 90, 1000) if LONG else (12, 35, 20)
HOUR = timedelta(hours=1)
BY_NAME = {kind.name: kind for kind in KINDS}
NIGHT = [BY_NAME[name] for name in ("invalid grant", "old token", "35 s", "502")]
OUTAGE = [BY_NAME[name] for name in ("503", "refused connection", "a page with 200", "dropped", "tls")]
NOT_BY_CHANCE = {
    "restored backup",
    "new consent, then refused",
    "new consent after the answer",
    "new first key",
}
# What only an instant of real time makes late is slow to wait for; a too-early answer is to be ours alone; good tokens
# are refused for as long as a wave lasts, which has its own place below.
USUAL = [
    kind
    for kind in KINDS
    if kind.timeout > 1
    and kind.name not in NOT_BY_CHANCE
    and kind.failure not in {FailureKind.TOO_EARLY, FailureKind.REFUSED}
]
HARMLESS = [kind for kind in USUAL if not kind.lost]
LOST = [kind for kind in USUAL if kind.lost]


def customers(count: int) -> Directory:
    """That many users, each with a division of their own."""
    demo = demo_directory()
    user = next(user for user in demo.users if user.environment == "nl")
    division = next(division for division in demo.divisions if division.code == user.divisions[0])
    codes = range(2_000_000, 2_000_000 + count)
    users = (replace(user, name=f"klant{c}@soak.example", divisions=(c,), current=c) for c in codes)
    return Directory(tuple(users), tuple(replace(division, code=code) for code in codes))


@pytest.fixture
def soaked(sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    copyfile(sqlite_template, tmp_path / "test.db")
    monkeypatch.setattr(slots, "_sync", lambda _fd: None)
    with world(tmp_path, f"sqlite:///{tmp_path / 'test.db'}", customers(CONNECTIONS)) as made:
        lease = made.app.settings.lease.total_seconds()
        monkeypatch.setattr(rotation, "sleep", lambda _seconds: made.advance(lease))
        for database in (made.app.database, made.app.journal.archive._database()):
            event.listen(database.engine, "connect", _without_sync)
            database.dispose()
        made.wait_for(11)
        yield made


def _without_sync(connection: object, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")  # type: ignore[attr-defined]


class Soak:
    """Drives what the product keeps alive: a daily check of the active, keep-alives of the paused.

    One event at a time, each when it is due; ``work`` is what a keeper does with one connection.
    """

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.chance = world, random.Random(seed)
        self.users = [user.name for user in world.engine.users("nl")]
        self.grants = {user: world.connect(user) for user in self.users}
        self.paused = set(self.users[::10])
        self.gone: dict[str, str] = {}
        """Users whose consent is truly at its end, and why."""
        self.count: Counter[str] = Counter()
        self.bad: dict[str, list[datetime]] = {user: [] for user in self.users}
        self.issued = {user: world.now() for user in self.users}
        self.user = self.users[0]
        world.wire.before_sending = self._not_early
        self.began = world.now()

    def run(self, days: int) -> None:
        ends = self.began + timedelta(days=days)
        due = [(self.began + HOUR * self.chance.uniform(0.2, 24), user) for user in self.users]
        heapq.heapify(due)
        while due[0][0] < ends:
            at, self.user = heapq.heappop(due)
            self.world.advance(max((at - self.world.now()).total_seconds(), 0))
            again = self._event()
            heapq.heappush(due, (max(again, self.world.now() + timedelta(seconds=1)), self.user))

    def work(self) -> datetime:
        """What the product does with one connection that is due; when it is due again."""
        grant_id, now = self.grants[self.user], self.world.now()
        try:
            if self.user in self.paused:
                keep_alive(self.world.app, grant_id)
                moment = self.world.row(grant_id).keep_alive_at
                return moment or now + HOUR
            access_token(self.world.app, grant_id)
        except ExactError as error:
            retry_at = error.retry_at or now + HOUR
            return min(retry_at + timedelta(seconds=self.chance.uniform(1, 60)), now + 24 * HOUR)
        return now + 24 * HOUR * self.chance.uniform(0.9, 1.1)

    def _event(self) -> datetime:
        self._customer()
        kind = self._trouble()
        if kind:
            kind.inject(self.world, self.grants[self.user])
        again = self.work()
        struck = not (self.world.wire.next or self.world.engine.pending_faults())
        self.world.wire.next.clear()
        self.world.engine.clear_faults()
        self._account(kind if struck else None)
        return again

    def _customer(self) -> None:
        if self.user in self.gone:
            if grant_is_dead(self.world.row(self.grants[self.user])):
                self.count["told dead, rightly"] += 1
                self.world.consent_again(self.grants[self.user], self.user)
                self.issued[self.user] = self.world.now()
                del self.gone[self.user]
        elif self.chance.random() < 0.0005:
            self.world.engine.revoke("nl", self.user)
            self.gone[self.user] = "withdrawn"
            self.count["withdrawn by the customer"] += 1

    def _trouble(self) -> Kind | None:
        now, chance = self.world.now(), self.chance.random()
        into_fortnight = (now - self.began) % timedelta(days=14)
        if timedelta(days=6) < into_fortnight < timedelta(days=6, hours=5):
            return self.chance.choice(OUTAGE)
        if in_quiet_hour(self.world.app.settings, now) and chance < 0.6:
            return self.chance.choice(NIGHT)
        if chance < 0.0002:
            return self.chance.choice(LOST)
        return self.chance.choice(HARMLESS) if chance < 0.03 else None

    def _not_early(self, request: httpx.Request) -> None:
        if b"refresh_token" in request.content:
            assert self.world.now() - self.issued[self.user] >= timedelta(seconds=570), self.user

    def _account(self, struck: Kind | None) -> None:
        wire, user, now = self.world.wire, self.user, self.world.now()
        for at, good in wire.spends:
            self.count["spends"] += 1
            self.count["error answers"] += not good
            self.bad[user] += [] if good else [at]
        if any(good for _at, good in wire.spends) or wire.delivered:
            self.issued[user] = now
        wire.spends.clear()
        wire.delivered.clear()
        wire.refused.clear()
        self.count["faults struck"] += struck is not None
        if struck is not None and struck.lost and user not in self.gone:
            self.gone[user] = "lost"
            self.count["answers lost on the wire"] += 1
        self.bad[user] = [at for at in self.bad[user] if at > now - HOUR]
        assert len(self.bad[user]) <= 4, f"{user}: {self.bad[user]}"
        row = self.world.row(self.grants[user])
        if user not in self.gone:
            assert not grant_is_dead(row), f"{user} is called dead"
            assert not has_lapsed(row.rotated_at, self.world.app.settings, now), f"{user} lapsed"


def test_no_connection_lapses_or_is_called_dead(soaked: World) -> None:
    soak = Soak(soaked, seed=20261126)
    soak.run(DAYS)
    held = {user: soaked.held(grant_id) for user, grant_id in soak.grants.items()}
    alive = {issued.refresh_token for issued in soaked.engine.journal() if issued.condition == "live"}
    dropped = [user for user, token in held.items() if user not in soak.gone and token not in alive]
    print(f"\n{CONNECTIONS} connections, {DAYS} days: {dict(soak.count)}, lapsed 0, dropped {len(dropped)}")  # noqa: T201
    assert dropped == []
    assert soak.count["spends"] > CONNECTIONS * DAYS / 2


def _sequence(world: World, user: str, seed: int) -> tuple[int, int]:
    """A fortnight of one connection under heavy fire: how often it was called dead, and how often wrongly."""
    chance = random.Random(seed)
    grant_id = world.connect(user)
    wave_at = world.now() + timedelta(days=chance.uniform(0, 12))
    ends, dead, wrongly = world.now() + timedelta(days=14), 0, 0
    while world.now() < ends:
        _one_call(world, grant_id, chance, wave_at)
        if grant_is_dead(world.row(grant_id)):
            dead += 1
            wrongly += world.held(grant_id) in world.live(user)
            world.consent_again(grant_id, user)
    world.forget(grant_id)
    return dead, wrongly


def _one_call(world: World, grant_id: str, chance: random.Random, wave_at: datetime) -> None:
    """False refusals come at night, and once in a wave of not quite two hours by day."""
    now = world.now()
    refuses = in_quiet_hour(world.app.settings, now) or wave_at <= now < wave_at + timedelta(minutes=115)
    if refuses:
        chance.choice(NIGHT[:2]).inject(world, grant_id)
    elif chance.random() < 0.6:
        chance.choice(HARMLESS + LOST[:1]).inject(world, grant_id)
    soon: float = chance.choice([60, 601, 3600, 21_600, 43_200])
    try:
        access_token(world.app, grant_id)
    except ExactError as error:
        if error.retry_at is not None and chance.random() < 0.8:
            soon = (error.retry_at - world.now()).total_seconds() + 1
    world.wire.next.clear()
    world.engine.clear_faults()
    world.advance(max(soon, 1))


def test_no_sequence_of_faults_makes_a_live_consent_dead(soaked: World) -> None:
    user = soaked.engine.users("nl")[0].name
    results = [_sequence(soaked, user, seed) for seed in range(SEQUENCES)]
    dead, wrongly = (sum(numbers) for numbers in zip(*results, strict=True))
    print(f"\n{SEQUENCES} sequences: called dead {dead} times, {wrongly} of them wrongly")  # noqa: T201
    assert wrongly == 0
    assert dead > 0
