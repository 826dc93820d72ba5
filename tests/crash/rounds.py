"""One round: a worker is killed at a point, another starts and recovers, and what Exact issued is looked for."""

from __future__ import annotations

import random
import signal
import time
from dataclasses import dataclass
from typing import Any

from tests.crash.points import WINDOW
from tests.crash.scene import REFRESHING, Scene
from tests.crash.workers import Worker


@dataclass(frozen=True)
class Round:
    """What came of it."""

    kind: str
    point: int
    whole: bool
    """The living token is in force. What follows has been tried too: it works, and is refreshed once more."""

    @property
    def lost(self) -> bool:
        """Something is lost that must not be."""
        return not self.whole and self.point not in WINDOW


def killed_refreshing(scene: Scene, point: int, number: int = signal.SIGKILL) -> Round:
    """A refresh dies at ``point``."""
    grant_id = scene.connected()
    _kill_at(scene, scene.start("rotate", grant=grant_id, points=[point]), point, number)
    return _recovered_refresh(scene, grant_id, point)


def killed_consenting(scene: Scene, point: int, number: int = signal.SIGKILL) -> Round:
    """The exchange of a code dies at ``point``."""
    job = scene.consenting()
    issued = len(scene.simulator.engine.journal())
    _kill_at(scene, scene.start("exchange", **job, points=[point]), point, number)
    return _recovered_consent(scene, job, point, issued)


def killed_at_random(scene: Scene, seed: int) -> Round:
    """Either dies at a random moment; the trail tells after which point."""
    dice = random.Random(seed)
    delay = dice.uniform(0, 0.2)
    if dice.random() < 0.5:
        grant_id = scene.connected()
        point = _kill_after(scene.start("rotate", grant=grant_id, trail=True), delay)
        return _recovered_refresh(scene, grant_id, point)
    job = scene.consenting()
    issued = len(scene.simulator.engine.journal())
    point = _kill_after(scene.start("exchange", **job, trail=True), delay)
    return _recovered_consent(scene, job, point, issued)


def _kill_at(scene: Scene, worker: Worker, point: int, number: int) -> None:
    issued = len(scene.simulator.engine.journal())
    if point == 8:
        scene.simulator.engine.add_fault("slow_drip", endpoint="token", seconds=0.5)
    worker.wait_for("at")
    if point == 7:
        wait_until(lambda: len(scene.simulator.engine.journal()) > issued)
    worker.kill(number)


def _kill_after(worker: Worker, seconds: float) -> int:
    worker.wait_for("started")
    time.sleep(seconds)
    worker.kill()
    worker.drain()
    # From 5 on Exact may have rotated without the worker having heard of it: that is the window as well.
    last = max(worker.passed, default=0)
    return 7 if last in {5, 6} else last


def wait_until(true: Any) -> None:
    """Wait for what another thread does. Raises ``AssertionError`` after a while."""
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.005)


def _recovered_refresh(scene: Scene, grant_id: str, point: int) -> Round:
    scene.later(scene.app.settings.lease.total_seconds() + 1)
    *_counts, again, _token = scene.start("restart", grant=grant_id).result()
    assert again == 0, "recovering twice is not as good as once"
    whole = scene.refresh_is_whole(grant_id)
    if not whole:  # honest about it: the token is kept, the refusal is noted, nothing is green
        assert scene.held(grant_id)
        assert scene.grant(grant_id).last_failure_kind == "refused"
        assert scene.live(REFRESHING)
    return Round("refresh", point, whole)


def _recovered_consent(scene: Scene, job: dict[str, Any], point: int, issued: int) -> Round:
    *_counts, again = scene.start("recover").result()
    assert again == 0, "recovering twice is not as good as once"
    whole = scene.consent_is_whole(job["registration"])
    if not whole and len(scene.simulator.engine.journal()) == issued:
        whole = True  # no token was issued: the customer says yes once more
        scene.connect()
    return Round("consent", point, whole)
