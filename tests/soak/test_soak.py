"""Ninety simulated days and a thousand sequences of faults: nothing lapses, nothing is called dead that lives.

``make soak`` runs them at full length; ``make test`` a short round. They print their figures (pytest -s). Nothing is
synced to disk here, which no simulated day can tell; tests/core/tokens does that.
"""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from shutil import copyfile

import pytest
from sqlalchemy import event

from core.exact.errors import ExactError, FailureKind
from core.tokens import rotation, slots
from core.tokens.facts import grant_is_dead, in_quiet_hour
from core.tokens.rotation import access_token
from tests.support.crowds import many_users
from tests.support.fault_kinds import KINDS
from tests.support.worlds import World, world
from tests.world.figures import Figures
from tests.world.places import on_sqlite
from tests.world.soak import live_long

LONG = bool(os.environ.get("SOAK"))
CONNECTIONS, DAYS, SEQUENCES = (500, 90, 1000) if LONG else (20, 6, 20)
BY_NAME = {kind.name: kind for kind in KINDS}
NIGHT = [BY_NAME[name] for name in ("invalid grant", "old token", "35 s", "502")]
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


@pytest.fixture
def soaked(sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    copyfile(sqlite_template, tmp_path / "test.db")
    monkeypatch.setattr(slots, "_sync", lambda _fd: None)
    with world(tmp_path, f"sqlite:///{tmp_path / 'test.db'}", many_users(1)) as made:
        lease = made.app.settings.lease.total_seconds()
        monkeypatch.setattr(rotation, "sleep", lambda _seconds: made.advance(lease))
        for database in (made.app.database, made.app.journal.archive._database()):
            event.listen(database.engine, "connect", _without_sync)
            database.dispose()
        made.wait_for(11)
        yield made


def _without_sync(connection: object, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")  # type: ignore[attr-defined]


def test_no_promise_is_broken_in_a_season_of_many_customers() -> None:
    """Through the same world as ``make world``: its operators, customers, keeper, incidents and shared logins."""
    figures = Figures()
    logging.disable(logging.CRITICAL)  # what goes wrong is logged as it would be; nobody reads it here
    try:
        with on_sqlite() as (new, folder):
            live_long(new(), folder, CONNECTIONS, DAYS, 20261130, figures)
    finally:
        logging.disable(logging.NOTSET)
    print(f"\n{CONNECTIONS} registrations, {DAYS} days: {figures.told_in_words()}")  # noqa: T201
    assert figures.registrations >= CONNECTIONS
    assert figures.days >= DAYS


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
