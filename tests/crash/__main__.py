"""``make crash``: many kills at points and moments drawn by lot, on both databases, and the width of the window.

``python -m tests.crash --rounds 200 --seed 7``; a round that loses something names its seed.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from core.storage import schema
from core.storage.database import Database
from tests.crash import rekeying
from tests.crash.points import EXCHANGE, POINTS, REFRESH, WINDOW
from tests.crash.rekeying import OFTEN
from tests.crash.rounds import Round, killed_at_random, killed_consenting, killed_refreshing
from tests.crash.scene import Scene, open_scene
from tests.crash.window import measure
from tests.crash.workers import ready_workers
from tests.support.postgres import TEMPLATE, running_postgres


def main() -> int:
    """Print what came of it; 1 when a token is lost that must not be."""
    parser = argparse.ArgumentParser(prog="make crash", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200, help="kills on each database")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args()
    logging.disable(logging.ERROR)  # a killed worker leaves much to be said
    os.environ["CLICKKER_SECRETS_FILE"] = os.devnull
    with ready_workers() as workers, tempfile.TemporaryDirectory(dir=_disk()) as folder:
        lost = 0
        for name, url in _databases(Path(folder)):
            with open_scene(url, Path(folder) / name, workers) as scene:
                _say(f"{name}, {options.rounds} kills, seed {options.seed}")
                lost += _play(scene, options.rounds, options.seed)
        for name, url in _databases(Path(folder) / "keys"):
            with open_scene(url, Path(folder) / "keys" / name, workers, **OFTEN) as scene:
                change = rekeying.play(scene, options.seed, max(1, options.rounds // 10))
                _say(
                    f"{name}, the key changed under load: {change.kills} kills, {change.mended} amid it, all whole"
                )
    return 1 if lost else 0


def _play(scene: Scene, rounds: int, seed: int) -> int:
    started = time.monotonic()
    played = [_round(scene, seed + number) for number in range(rounds)]
    lost = [(seed + number, one) for number, one in enumerate(played) if one.lost]
    _say(_table(played) + f"\n  {time.monotonic() - started:.0f} s")
    for at, one in lost:
        _say(f"  LOST: seed {at}, {one.kind}, after point {one.point} ({POINTS.get(one.point, 'start')})")
    _say(f"  lost outside the window: {len(lost)}")
    _say(f"  {measure(scene.app)}")
    return len(lost)


def _round(scene: Scene, seed: int) -> Round:
    dice = random.Random(seed)
    chosen = dice.random()
    if chosen < 0.4:
        return killed_refreshing(scene, dice.choice(REFRESH))
    if chosen < 0.8:
        return killed_consenting(scene, dice.choice(EXCHANGE))
    return killed_at_random(scene, seed)


def _table(played: list[Round]) -> str:
    kills = Counter(one.point for one in played)
    whole = Counter(one.point for one in played if one.whole)
    lines = [
        f"  {point:>2} {POINTS.get(point, 'before the first')}: {whole[point]} of {kills[point]} whole"
        f"{' (the window)' if point in WINDOW else ''}"
        for point in sorted(kills)
    ]
    return "\n".join(lines)


@contextmanager
def _postgres() -> Iterator[str]:
    with running_postgres(uuid4().hex[:12], _migrate) as server, server.new_database(TEMPLATE) as url:
        yield url


def _databases(folder: Path) -> Iterator[tuple[str, str]]:
    url = f"sqlite:///{folder / 'crash.db'}"
    _migrate(url)
    yield "sqlite", url
    with _postgres() as other:
        yield "postgresql", other


def _migrate(url: str) -> None:
    opened = Database(url)
    schema.upgrade(opened)
    opened.dispose()


def _disk() -> Path:
    """A folder on the disk of the project, since the one for temporary files may be memory, which syncs in no time."""
    folder = Path(__file__).parent.parent.parent / "var"
    folder.mkdir(exist_ok=True)
    return folder


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
