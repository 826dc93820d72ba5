"""The parent's side: starting workers, waiting for what they tell, killing them."""

from __future__ import annotations

import itertools
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from tests.support.live import ROOT

PATIENCE_SECONDS = 60.0
"""A worker that says nothing for this long has broken; a busy machine is slow, not silent."""


class Worker:
    """One process at its job."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.pid = 0
        self.passed: list[int] = []
        """The points it came by, when it leaves a trail."""
        self.events: queue.Queue[dict[str, Any]] = queue.Queue()

    def wait_for(self, event: str) -> dict[str, Any]:
        """What it tells with ``event``; what it told before is skipped. Raises ``AssertionError`` when it failed."""
        while True:
            told = self.events.get(timeout=PATIENCE_SECONDS)
            self.pid = told["pid"]
            if told["event"] == event:
                return told
            assert told["event"] not in {"failed", "done"}, told
            if told["event"] == "passed":
                self.passed.append(int(told["point"]))

    def result(self) -> Any:
        return self.wait_for("done")["result"]

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal that ends it, and return when it is gone with all its locks; it may have ended by itself."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)
        self.wait_until_gone()

    def wait_until_gone(self) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                os.kill(self.pid, 0)
            except ProcessLookupError:
                return
            time.sleep(0.002)
        raise AssertionError("the worker does not die")

    def drain(self) -> None:
        """Read what is left of the trail of a dead worker."""
        time.sleep(0.01)
        with suppress(queue.Empty):
            while True:
                told = self.events.get_nowait()
                self.pid = told["pid"]
                if told["event"] == "passed":
                    self.passed.append(int(told["point"]))

    def stop(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def proceed(self) -> None:
        os.kill(self.pid, signal.SIGCONT)


class Workers:
    """Forks a worker for each job out of one process that has the product loaded."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._numbers = itertools.count(1)
        self._known: dict[int, Worker] = {}
        threading.Thread(target=self._listen, daemon=True).start()

    def start(self, name: str, settings: dict[str, Any], offset: float, **job: Any) -> Worker:
        """A worker at work; ``job`` as ``tests.crash.worker`` reads it."""
        worker = Worker(next(self._numbers))
        self._known[worker.number] = worker
        line = json.dumps({"id": worker.number, "name": name, "settings": settings, "offset": offset, **job})
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()
        return worker

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = json.loads(line)
            self._known[told["job"]].events.put(told)


@contextmanager
def ready_workers() -> Iterator[Workers]:
    """Workers for as long as the block runs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CLICKKER_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.crash.worker"],
        cwd=ROOT,
        env=kept | {"CLICKKER_SECRETS_FILE": os.devnull},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        yield Workers(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()
