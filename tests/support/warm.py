"""The dashboard's server in a process that has its libraries in already.

Importing them takes 5 s of processor, and tests start some thirty servers: each forks from one process a test run that
has imported them and done nothing else. `tests/browser/test_serving.py` and the demo's tests start it as people do.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

_ROOT = Path(__file__).parent.parent.parent


class WarmServer:
    """A server that was forked, with what the tests need of ``subprocess.Popen``."""

    def __init__(self, environment: dict[str, str], port: int, log: Path) -> None:
        log.touch()  # there to be read also when it never gets that far
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.support.warm_imports"])
        self._process = context.Process(target=_serve, args=(environment, port, log), daemon=True)
        with _no_main():
            self._process.start()

    def poll(self) -> int | None:
        return self._process.exitcode

    def end(self, seconds: float = 10.0) -> None:
        """Ask it to end, insist after ``seconds``."""
        self._process.terminate()
        self._process.join(seconds)
        if self._process.exitcode is None:
            self._process.kill()
            self._process.join(seconds)


@contextmanager
def _no_main() -> Iterator[None]:
    """Whatever is the main module now is nothing to be run again in the process; AppTest leaves scripts there."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _serve(environment: dict[str, str], port: int, log: Path) -> None:
    """What ``clickker serve`` comes to."""
    from dashboard import server

    output = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(_ROOT)
    server.serve("localhost", port, "json")
