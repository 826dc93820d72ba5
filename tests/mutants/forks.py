"""Runs of tests in processes that fork from one that has every library in already, and nothing of the product.

So each run imports the product afresh, in a second: constants and class bodies can be changed as well as functions.
The changed source never lies on the disk, and what is imported is this folder's, whatever is installed.
"""

from __future__ import annotations

import gc
import importlib.abc
import importlib.machinery
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import CodeType, ModuleType

import pytest

from tests.mutants.making import ROOT, Mutant

PRODUCT = ("core", "dashboard", "pages", "tests")
_OPTIONS = ("-x", "-q", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")
"""The warning: pytest's own plugins were imported before it was started."""
KILLED, SURVIVED, TIMED_OUT = "killed", "survived", "timed out"


def warm_up() -> None:
    """Import here what the tests import, the product and the tests left out.

    A child finds out what that is: a library may not be imported in an order of our own.
    """
    for name in json.loads(_answer(_libraries)):
        try:
            import_module(name)
        except Exception:  # noqa: S112 - what cannot be imported alone is imported by who needs it
            continue
    gc.freeze()  # a child would copy all memory only to look through it


def _libraries() -> str:
    _be_quiet()
    pytest.main(
        ["--collect-only", *_OPTIONS, "tests/core/registrations/test_names.py", "tests/pages/test_lists.py"]
    )
    import_module("hypothesis.strategies")
    for folder in ("core", "dashboard"):
        for path in sorted((ROOT / folder).glob("*/*.py" if folder == "core" else "*.py")):
            if path.stem not in {"asgi", "main"}:
                import_module(path.relative_to(ROOT).as_posix().removesuffix(".py").replace("/", "."))
    return json.dumps([name for name in sys.modules if name.split(".")[0] not in {*PRODUCT, "__main__"}])


def _answer(work: Callable[[], str]) -> str:
    """What ``work`` gives in a process of its own."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, work().encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        said = answer.read()
    os.waitpid(child, 0)
    return said


@dataclass(frozen=True)
class Outcome:
    """How a run ended: ``exit_code`` of pytest, None when it took too long."""

    exit_code: int | None
    seconds: float

    @property
    def result(self) -> str:
        if self.exit_code is None:
            return TIMED_OUT
        fine = self.exit_code in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}
        return SURVIVED if fine else KILLED


def run(
    tests: Sequence[str],
    limit: float,
    mutant: Mutant | None = None,
    *,
    plugins: Sequence[object] = (),
    options: Sequence[str] = (),
    log: Path | None = None,
) -> Outcome:
    """Run whole files of tests, or tests by their names, stopping at the first that fails; ``limit`` in seconds."""
    if not tests:
        raise ValueError("without names pytest would run everything")
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.setsid()
        _be_quiet(log)
        ended = _run_here(tests, mutant, plugins, options)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(ended)
    return Outcome(_wait(child, limit), time.monotonic() - started)


class _Chosen:
    """A plugin of pytest: of the files' tests only these, in this order. One that is not there is none."""

    def __init__(self, names: Sequence[str]) -> None:
        self._places = {name: place for place, name in enumerate(names)}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self._places),
            key=lambda item: self._places[item.nodeid],
        )


def _run_here(
    tests: Sequence[str], mutant: Mutant | None, plugins: Sequence[object], options: Sequence[str]
) -> int:
    try:
        if mutant is not None:
            sys.meta_path.insert(0, _Changed(mutant))
        os.chdir(ROOT)
        files = dict.fromkeys(name.split("::")[0] for name in tests)
        only = [_Chosen(tests)] if any("::" in name for name in tests) else []
        code = int(pytest.main([*_OPTIONS, *options, *files], plugins=[*plugins, *only]))
    except BaseException:
        traceback.print_exc()
        return 1
    # Of the product nothing may come from elsewhere, as from an installed copy.
    strange = [
        name for name in ("core", "dashboard") if name in sys.modules and not _is_here(sys.modules[name])
    ]
    return 70 if strange else code


def _is_here(module: ModuleType) -> bool:
    return any(Path(place).is_relative_to(ROOT) for place in module.__path__)


def _be_quiet(log: Path | None = None) -> None:
    output = os.open(log or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(output, 1)
    os.dup2(output, 2)


def _wait(child: int, limit: float) -> int | None:
    """Its exit code; after ``limit`` seconds it and all that it started are killed."""
    ends, pause = time.monotonic() + limit, 0.01
    try:
        while time.monotonic() < ends:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            time.sleep(pause)
            pause = min(pause * 1.5, 0.2)
    finally:
        _kill_group(child)  # with what a test left behind, and also when we are asked to end
    os.waitpid(child, 0)
    return None


def _kill_group(child: int) -> None:
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:
        return


class _Changed(importlib.abc.MetaPathFinder):
    """Gives one module its changed source."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._mutant.module:
            return None
        place = str(ROOT / self._mutant.file)
        spec = importlib.machinery.ModuleSpec(
            fullname, _Source(fullname, place, self._mutant.source), origin=place
        )
        spec.has_location = True
        return spec


class _Source(importlib.machinery.SourceFileLoader):
    def __init__(self, fullname: str, path: str, source: str) -> None:
        super().__init__(fullname, path)
        self._source = source

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._source, self.path, "exec", dont_inherit=True)


@contextmanager
def postgres(name: str) -> Iterator[None]:
    """The PostgreSQL server that all runs with ``--testrunuid name`` share, in a process that waits for our end."""
    reading, writing = os.pipe()
    ready, tell = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writing)
        _serve(name, reading, tell)
    os.close(reading)
    os.close(tell)
    os.read(ready, 1)
    try:
        yield
    finally:
        os.close(writing)
        os.waitpid(child, 0)


def _serve(name: str, until: int, tell: int) -> None:
    _be_quiet()
    try:
        from tests.conftest import _migrate
        from tests.support.postgres import running_postgres

        with running_postgres(name[:12], _migrate):
            os.write(tell, b"1")
            os.read(until, 1)
    finally:
        os._exit(0)
