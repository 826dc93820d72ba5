"""Which tests come by which lines, measured with coverage: a mutant runs those alone.

Each file of tests is measured by itself, and what was found is kept in ``var/mutants`` for as long as neither it, nor
what the tests share, nor the sources of its part change.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections import defaultdict
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path

import pytest
from coverage import Coverage

from tests.mutants import forks
from tests.mutants.making import ROOT, Mutant
from tests.mutants.table import Part

AT_IMPORT = ""
"""In place of a test's name: the line runs when the file is imported."""
_SQLITE = ("-k", "not postgresql")
_KEPT = ROOT / "var" / "mutants"


class Reach:
    """Of one part, on SQLite: lines of its sources to the tests that run them, and how long these take."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, int], set[str]] = defaultdict(set)
        self._seconds: dict[str, float] = {}

    def add(self, found: dict[str, dict[str, dict[str, list[str]]]], seconds: dict[str, float]) -> None:
        self._seconds.update(seconds)
        for file, lines in found["lines"].items():
            for line, names in lines.items():
                self._lines[file, int(line)].update(names)

    def tests_for(self, mutant: Mutant) -> list[str]:
        """Names as pytest gives them, none when nobody looks, all for what runs at import.

        Those that are called after the source come first, then the quickest.
        """
        span = range(mutant.first, mutant.last + 1)
        found: set[str] = set().union(*(self._lines.get((mutant.file, line), set()) for line in span))
        # Of those that were measured: what failed with nothing changed tells nothing.
        chosen = self._seconds.keys() if AT_IMPORT in found else found & self._seconds.keys()
        own = f"/test_{Path(mutant.file).name}"
        return sorted(chosen, key=lambda name: (own not in name, self._seconds[name]))

    def time_of(self, tests: Iterable[str]) -> float:
        """Seconds, as measured: twice what it takes unwatched."""
        return sum(self._seconds[name] for name in tests)


def measure(part: Part) -> Reach:
    """What the tests of ``part`` come by.

    One that fails with nothing changed, as those may that count what happens in a minute on a busy machine, is told
    of and left out. Raises ``SystemExit`` when a file cannot be run.
    """
    reach = Reach()
    shared = _hash([*part.files(), "tests/conftest.py", "tests/factories.py", *_support()])
    for tests in part.test_files():
        kept = _KEPT / f"{_hash([tests], shared, *_SQLITE)}.json"
        if not kept.exists():
            _measure(part, tests, kept)
        found = json.loads(kept.read_text(encoding="utf-8"))
        for name in found.get("failed", ()):
            sys.stderr.write(f"Left out, since it fails with nothing changed: {name}\n")
        reach.add(found, found["seconds"])
    return reach


def _measure(part: Part, tests: str, kept: Path) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    log = kept.with_suffix(".log")
    options = (*_SQLITE, "--maxfail=0")
    outcome = forks.run([tests], 1800, plugins=[_Watch(part.files(), kept)], options=options, log=log)
    ran = {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED}
    if outcome.exit_code not in {int(code) for code in ran} or not kept.exists():
        kept.unlink(missing_ok=True)
        raise SystemExit(f"{tests} cannot be run:\n{log.read_text(encoding='utf-8')[-3000:]}")
    log.unlink()


def _support() -> list[str]:
    return [path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "tests/support").glob("*.py"))]


def _hash(files: Iterable[str], *more: str) -> str:
    made = hashlib.sha256("\n".join(more).encode())
    for file in files:
        made.update(file.encode() + (ROOT / file).read_bytes())
    return made.hexdigest()[:24]


class _Watch:
    """A plugin of pytest: every test is a context of the measurement."""

    def __init__(self, files: Sequence[str], answer: Path) -> None:
        self._files = {str(ROOT / file): file for file in files}
        self._answer = answer
        self._coverage = Coverage(data_file=None, include=[*self._files], config_file=False)
        self._coverage.set_option("run:disable_warnings", ["no-data-collected"])
        self._seconds: dict[str, float] = {}
        self._failed: set[str] = set()

    @pytest.hookimpl(tryfirst=True)
    def pytest_load_initial_conftests(self) -> None:
        self._coverage.start()  # before the product is imported

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self._coverage.switch_context(item.nodeid)
        started = time.monotonic()
        try:
            return (yield)
        finally:
            self._seconds[item.nodeid] = time.monotonic() - started
            self._coverage.switch_context(AT_IMPORT)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._failed.add(report.nodeid)

    def pytest_unconfigure(self) -> None:
        self._coverage.stop()
        data = self._coverage.get_data()
        lines = {file: data.contexts_by_lineno(path) for path, file in self._files.items()}
        seconds = {name: spent for name, spent in self._seconds.items() if name not in self._failed}
        found = {"lines": lines, "seconds": seconds, "failed": sorted(self._failed)}
        self._answer.write_text(json.dumps(found), encoding="utf-8")
