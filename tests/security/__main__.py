"""``make security``: every attempt to get in that we could think of, and ten thousand bad inputs, on a live server."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from tests.security.attempts.round import whole_round
from tests.security.attempts.world import new_world
from tests.support.sockets import loopback_only

INPUTS = 10_000


def say(line: str) -> None:
    """Print at once: a round takes minutes."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Print the figures; 1 when anything got in, broke, or was not foreseen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=INPUTS)
    parser.add_argument("--seed", type=int, default=20_261_126)
    given = parser.parse_args()
    os.environ["CLICKKER_SECRETS_FILE"] = os.devnull
    with tempfile.TemporaryDirectory() as folder, loopback_only(), new_world(Path(folder)) as world:
        result = whole_round(world, given.inputs, given.seed, say)
    say("\n".join([f"seed {given.seed}", *result.lines()]))
    return 1 if result.bad else 0


if __name__ == "__main__":
    sys.exit(main())
