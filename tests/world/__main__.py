"""``make world``: lives on each kind of database, for as many steps as one likes, and what they came to."""

from __future__ import annotations

import argparse
import gc
import logging
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from tests.support.postgres import TEMPLATE
from tests.world.breakages import BREAKAGES, broken_again
from tests.world.figures import Figures
from tests.world.places import NewStore, a_server, on_postgres, on_sqlite
from tests.world.search import explore

LIVES = 25
"""Between two lines of figures."""


def main() -> int:
    wanted = _arguments()
    logging.disable(logging.CRITICAL)
    gc.freeze()
    gc.disable()  # what a life leaves is collected at its end
    wrong = 0
    for database in ("sqlite", "postgresql") if wanted.database == "both" else (wanted.database,):
        with ExitStack() as stack:
            place = stack.enter_context(on_sqlite()) if database == "sqlite" else _postgres(stack)
            if wanted.breakage:
                stack.enter_context(broken_again(wanted.breakage))
            wrong += _run(database, *place, seed=wanted.seed, steps=wanted.steps)
    return 1 if wrong else 0


def _postgres(stack: ExitStack) -> tuple[NewStore, Path]:
    server = stack.enter_context(a_server())
    return stack.enter_context(on_postgres(server, TEMPLATE))


def _run(database: str, new: NewStore, folder: Path, *, seed: int, steps: int) -> bool:
    figures, began, part = Figures(), time.monotonic(), seed * 1_000_000
    while figures.steps < steps:
        found = explore(new, folder, part, LIVES, figures)
        if found is not None:
            say(f"{database}, seed {seed}, after {figures.steps} steps: {found}")
            return True
        part += 1
        seconds = time.monotonic() - began
        say(f"{database} {seconds:.0f} s: {figures.steps} steps in {figures.lives} lives")
    say(f"{database}, seed {seed}: {figures.told_in_words()}")
    return False


def say(words: str) -> None:
    print(words, flush=True)  # noqa: T201 - a command


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.world", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=20_000, help="on each kind of database")
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument(
        "--break", dest="breakage", choices=sorted(BREAKAGES), help="undo a mend: it must be found"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
