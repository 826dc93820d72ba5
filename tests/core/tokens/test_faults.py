"""Every fault in every phase, on both databases: what the protocol promises holds in each cell."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from shutil import copyfile

import pytest

from core.exact.errors import ExactError, FailureKind
from core.storage.models import Grant
from core.tokens import rotation
from core.tokens.facts import grant_is_dead
from core.tokens.replaying import replay
from core.tokens.rotation import access_token
from tests.support.fault_kinds import KINDS, USER, Kind
from tests.support.postgres import TEMPLATE, PostgresServer
from tests.support.worlds import World, world

LADDERS = {
    FailureKind.NOT_SENT: (5, 15, 60),
    FailureKind.UNKNOWN: (15, 600, 1200),
    FailureKind.OUTAGE: (15, 600, 1200),
    FailureKind.RATE_LIMITED: (600, 3600, 3600),
    FailureKind.REFUSED: (600, 7200, 14_400),
    FailureKind.BAD_REQUEST: (600, 1200, 3600),
}
"""Step 7 of the protocol: seconds to wait after the first, second and third failure in a row."""
HOUR = timedelta(hours=1)


def lives(world: World, _grant: str) -> None:
    world.advance(580)


def ended(world: World, _grant: str) -> None:
    world.advance(601)


def second(world: World, grant_id: str) -> None:
    """One failure comes before."""
    world.advance(601)
    _fail(world, grant_id)


def third(world: World, grant_id: str) -> None:
    second(world, grant_id)
    _fail(world, grant_id)


def after_success(world: World, grant_id: str) -> None:
    world.advance(601)
    access_token(world.app, grant_id)
    world.advance(601)


def rested(world: World, _grant: str) -> None:
    world.advance(29 * 86_400)


def held(world: World, grant_id: str) -> None:
    """Another process holds the lease, and never gives it back."""
    world.advance(601)
    world.change(grant_id, lease_owner="another", lease_until=world.now() + world.app.settings.lease)


Phase = Callable[[World, str], None]
PHASES: dict[Phase, int] = {lives: 1, ended: 1, second: 2, third: 3, after_success: 1, rested: 1, held: 1}
"""Phase to the number in a row that a failure has in it."""


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def one_world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("world")
    if request.param == "sqlite":
        copyfile(request.getfixturevalue("sqlite_template"), folder / "test.db")
        with world(folder, f"sqlite:///{folder / 'test.db'}") as made:
            yield made
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with server.new_database(TEMPLATE) as url, world(folder, url) as made:
        yield made


def _fail(world: World, grant_id: str) -> None:
    world.engine.add_fault("unavailable", endpoint="token")
    with pytest.raises(ExactError):
        access_token(world.app, grant_id)
    next_try_at = world.row(grant_id).next_try_at
    assert next_try_at
    world.advance((next_try_at - world.now()).total_seconds() + 1)


def _outcome(world: World, grant_id: str) -> FailureKind | None:
    """None for a token. Anything but ``ExactError`` is unhandled, and fails the test."""
    try:
        assert access_token(world.app, grant_id)
    except ExactError as error:
        return error.kind
    return None


def _calls_are_over() -> None:
    for thread in threading.enumerate():
        if thread.name == "exact-call":
            thread.join(20)


def test_there_are_enough_cells() -> None:
    assert len(KINDS) * len(PHASES) * 2 >= 150


@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.__name__)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_promises_hold(
    one_world: World, kind: Kind, phase: Phase, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, in_a_row = one_world, PHASES[phase]
    lease = world.app.settings.lease.total_seconds()
    monkeypatch.setattr(rotation, "sleep", lambda _seconds: world.advance(lease))
    world.wait_for(11)  # what is refused at night does not count
    grant_id = world.connect(USER)
    phase(world, grant_id)
    before = world.row(grant_id)
    kind.inject(world, grant_id)
    patient = world.app.exact._settings
    monkeypatch.setattr(
        world.app.exact, "_settings", patient.model_copy(update={"token_timeout_seconds": kind.timeout})
    )

    outcome = _outcome(world, grant_id)

    monkeypatch.setattr(world.app.exact, "_settings", patient)
    world.wire.release.set()
    _calls_are_over()
    after = world.row(grant_id)
    assert outcome == (None if phase is lives else kind.failure)
    _check_facts(kind, in_a_row, before, after)
    assert kind.lost or all(token in world.kept(grant_id) for token in world.live(USER))
    assert world.wire.most_in_flight == 1
    _check_way_out(world.later or world, kind, grant_id)
    world.forget(grant_id)


def _check_facts(kind: Kind, in_a_row: int, before: Grant, after: Grant) -> None:
    assert (after.lease_owner, after.lease_until, after.intent_at) == (None, None, None)
    assert after.last_success_at is not None
    assert before.last_success_at is not None
    assert after.last_success_at >= before.last_success_at
    assert not grant_is_dead(after)
    if kind.failure is None:
        assert (after.failures, after.next_try_at) == (0, None)
        return
    assert after.next_try_at is not None
    early = kind.failure is FailureKind.TOO_EARLY
    assert after.failures == in_a_row - early
    assert after.refusals == (kind.failure is FailureKind.REFUSED)
    if early:
        return
    assert after.last_failure_at is not None
    waits = (after.next_try_at - after.last_failure_at).total_seconds()
    if kind.wait is None:
        assert waits == LADDERS[kind.failure][in_a_row - 1]
    else:
        assert 0 < waits <= kind.wait + 1


def _check_way_out(world: World, kind: Kind, grant_id: str) -> None:
    """At its next try the same token works, or the successor does; where both are lost, a new consent does."""
    row = world.row(grant_id)
    assert row.rotated_at is not None
    moments = [row.rotated_at + timedelta(seconds=600), row.next_try_at or row.rotated_at]
    world.advance((max(moments) - world.now()).total_seconds() + 1)
    if kind.lost:
        assert _outcome(world, grant_id) is FailureKind.REFUSED
        assert not grant_is_dead(world.row(grant_id))
        world.consent_again(grant_id, USER)
    assert _outcome(world, grant_id) is None
    if not kind.lost:
        assert world.live(USER) == {world.held(grant_id)}
    assert replay(world.app) == 0


LASTING = {(kind.failure, kind.lost, kind.wait): kind for kind in KINDS if kind.failure and kind.timeout > 1}
"""One kind for each way in which a failure is treated."""


@pytest.mark.parametrize("kind", LASTING.values(), ids=lambda kind: kind.name)
def test_no_hour_sees_more_than_four_error_answers_however_often_it_is_asked(
    one_world: World, kind: Kind
) -> None:
    world = one_world
    grant_id = world.connect(USER)
    world.advance(601)
    for _minutes in range(0, 480, 4):
        if not world.wire.next and not world.engine.pending_faults():
            kind.inject(world, grant_id)
        _outcome(world, grant_id)
        world.advance(240)
    bad = [at for at, good in world.wire.spends if not good]
    assert max((sum(start <= at < start + HOUR for at in bad) for start in bad), default=0) <= 4
    world.forget(grant_id)
