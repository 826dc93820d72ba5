"""``make security``: every attempt to get in that we could think of, ten thousand bad inputs, and a siege."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path

from tests.security import siege
from tests.security.attempts.round import whole_round
from tests.security.attempts.world import new_world
from tests.support.live import Live, live_dashboard
from tests.support.sockets import loopback_only

INPUTS = 10_000


def say(line: str) -> None:
    """Print at once: a round takes minutes."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def besieged_house(folder: Path) -> AbstractContextManager[Live]:
    """A dashboard of its own: what the siege takes must not be missing in the round."""
    return live_dashboard(f"sqlite:///{folder / 'live.db'}", folder, KEEPER="off")


def main() -> int:
    """Print the figures; 1 when anything got in, broke, or was not foreseen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=INPUTS)
    parser.add_argument("--seed", type=int, default=20_261_126)
    parser.add_argument(
        "--times", type=int, default=10, help="of the size that once stopped the house; 0: no siege"
    )
    given = parser.parse_args()
    os.environ["CLICKKER_SECRETS_FILE"] = os.devnull
    if given.times:
        say(f"one anonymous address, {given.times} times what once stopped the house:")
        with tempfile.TemporaryDirectory() as folder, loopback_only(), besieged_house(Path(folder)) as live:
            siege.siege(live, say, given.times)
    with tempfile.TemporaryDirectory() as folder, loopback_only(), new_world(Path(folder)) as world:
        result = whole_round(world, given.inputs, given.seed, say)
    say("\n".join([f"seed {given.seed}", *result.lines()]))
    return 1 if result.bad else 0


if __name__ == "__main__":
    sys.exit(main())
