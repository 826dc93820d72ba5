"""``make mutants``: a change of the source, and does a test see it? For each file of the table, or for some.

``python -m tests.mutants --files core/tokens/facts.py --sample 25 --seed 7``; without ``--sample`` every mutant is
tried, which takes a night for all files. What survives is told with its place and its change; what may survive, and
why, stands in docs/mutants.md.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import time
from collections import Counter
from contextlib import ExitStack
from fnmatch import fnmatch

from tests.mutants import forks
from tests.mutants.forks import KILLED, SURVIVED, TIMED_OUT
from tests.mutants.making import Mutant, mutants_of
from tests.mutants.reach import Reach, measure
from tests.mutants.table import PARTS, Part

ENOUGH = 85
"""Percent of a file's mutants that a test must see."""
_LEAST = 30.0
"""Seconds that a mutant always has, beside five times what its tests take."""


def main() -> int:
    """Print the score of each file; 1 when one is too low."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--files", nargs="*", default=[], help="paths, or patterns such as core/tokens/*")
    parser.add_argument(
        "--sample", type=int, default=0, help="so many mutants of each file, drawn by lot; 0: all"
    )
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    os.environ["CLICKKER_SECRETS_FILE"] = os.devnull
    signal.signal(signal.SIGTERM, lambda *_received: sys.exit(143))
    forks.warm_up()
    _say(f"{'':42} mutants tried killed survived timed out score")
    scores: list[float] = []
    with ExitStack() as stack:
        server = f"mut{os.getpid()}"
        if any(_is_chosen(file, options.files) for part in PARTS for file in part.postgresql):
            stack.enter_context(forks.postgres(server))
        for part in PARTS:
            files = [one for one in part.files() if _is_chosen(one, options.files)]
            scores.extend(_try_file(part, file, options.sample, options.seed, server) for file in files)
    return 1 if any(score < ENOUGH for score in scores) else 0


def _is_chosen(file: str, patterns: list[str]) -> bool:
    return not patterns or any(fnmatch(file, pattern) for pattern in patterns)


def _try_file(part: Part, file: str, sample: int, seed: int, server: str) -> float:
    """Try a file's mutants, and print; its score in percent."""
    reach = measure(part)
    started = time.monotonic()
    every = mutants_of(file)
    drawn = _drawn(every, sample, f"{seed} {file}")
    results = [_try(mutant, reach, server if file in part.postgresql else "") for mutant in drawn]
    counts = Counter(results)
    score = 100 - 100 * counts[SURVIVED] / max(1, len(drawn))
    _say(
        f"{file:42} {len(every):7} {len(drawn):5} {counts[KILLED]:6} {counts[SURVIVED]:8} {counts[TIMED_OUT]:9}"
        f" {score:4.0f}%  {time.monotonic() - started:.0f} s"
    )
    for mutant, result in zip(drawn, results, strict=True):
        if result == SURVIVED:
            _say(f"  {mutant.file}:{mutant.first}\n    " + mutant.change.replace("\n", "\n    "))
    return score


def _drawn(every: list[Mutant], sample: int, seed: str) -> list[Mutant]:
    chosen = random.Random(seed).sample(every, min(sample or len(every), len(every)))
    return sorted(chosen, key=lambda one: one.first)


def _try(mutant: Mutant, reach: Reach, server: str) -> str:
    """On SQLite first, where most of them end; on PostgreSQL when ``server`` names one, for a rule about that."""
    tests = reach.tests_for(mutant)
    if not tests:
        return SURVIVED
    limit = _LEAST + 5 * reach.time_of(tests)
    result = forks.run(tests, limit, mutant).result
    if result == SURVIVED and server:
        there = [name.replace("sqlite", "postgresql") for name in tests]
        result = forks.run(there, 2 * limit, mutant, options=("--testrunuid", server)).result
    return result


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
