"""The real product on the hub: its clock, its threads, its locks, its disk and its databases ask who may go on.

Nothing of the product is replaced by something that does less: a thread becomes a greenlet, a wait a wait in simulated
time, a random number one that comes from the seed. What the product would do, it does.
"""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import psycopg
import tenacity

from core import clock
from core.exact import transport
from core.keeping import jobs, keeper
from core.tokens import archive, rekeying, rotation, slots
from core.tokens.slots import JournalFull, Slot, Slots
from tests.world.databases import Monitor, PostgresWaits, archive_of
from tests.world.hub import Hub, Task


class Event:
    """A ``threading.Event`` whose wait lets others run."""

    def __init__(self, hub: Hub) -> None:
        self._hub, self._is_set = hub, False

    def set(self) -> None:
        self._is_set = True

    def is_set(self) -> bool:
        return self._is_set

    def wait(self, timeout: float | None = None) -> bool:
        return self._is_set or self._hub.wait(self.is_set, timeout)


class Pool:
    """A ``ThreadPoolExecutor`` of tasks."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._jobs: list[Job] = []

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        if kind is None:
            wait_for(self._hub, self._jobs)

    def submit(self, do: Callable[..., Any], *arguments: Any) -> Job:
        job = Job(self._hub.spawn(lambda: do(*arguments)))
        self._jobs.append(job)
        return job


class Job:
    """A ``Future`` of a task."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def done(self) -> bool:
        return self._task.done


def wait_for(hub: Hub, jobs: Iterable[Job], *_rest: object) -> None:
    """As ``concurrent.futures.wait``."""
    waited = list(jobs)
    hub.wait(lambda: all(job.done() for job in waited))


class Locks:
    """One flight a grant within a process, as ``core.tokens.flights.alone``."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    @contextmanager
    def alone(self, grant_id: str) -> Iterator[None]:
        task = self._hub.current
        held = task.process.locks if task else {}
        while grant_id in held:
            self._hub.wait(lambda: grant_id not in held)
        held[grant_id] = task
        try:
            yield
        finally:
            held.pop(grant_id, None)


class Disk:
    """The journal's disk: a point before and after each write, and processes whose disk cannot be written."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.broken: set[str] = set()
        """Names of processes whose journal cannot be written."""
        self.written: Callable[[Task | None], None] = lambda _task: None
        self.failed: Callable[[Task], None] = lambda _task: None

    def reserve(self, real: Callable[[Slots], Slot]) -> Callable[[Slots], Slot]:
        def reserving(slots: Slots) -> Slot:
            task = self._hub.current
            if task is not None and task.process.name in self.broken:
                raise JournalFull
            self._hub.point("disk")
            return real(slots)

        return reserving

    def write(self, real: Callable[[Slot, bytes], None]) -> Callable[[Slot, bytes], None]:
        def writing(slot: Slot, sealed: bytes) -> None:
            self._hub.point("disk")
            task = self._hub.current
            if task is not None and task.process.name in self.broken:
                self.failed(task)
                raise OSError(28, "No space left on device")
            real(slot, sealed)
            self.written(task)
            self._hub.point("disk")

        return writing

    def clear(self, real: Callable[[Slot], None]) -> Callable[[Slot], None]:
        def clearing(slot: Slot) -> None:
            self._hub.point("disk")
            real(slot)

        return clearing


class Urandom:
    """Random bytes out of the seed, for ids and secrets: the same life has the same ones."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    def __call__(self, size: int) -> bytes:
        return self._chance.randbytes(size)


@contextmanager
def staged(hub: Hub, disk: Disk, seed: int, monitor: Monitor | None = None) -> Iterator[None]:
    """Put the product on the hub for the length of the block."""
    time = SimpleNamespace(
        monotonic=hub.monotonic,
        sleep=hub.sleep,
        time=lambda: hub.time.timestamp(),  # noqa: PLW0108 - the time of then
        perf_counter=hub.monotonic,
    )
    random_bytes = Urandom(seed)
    threads = SimpleNamespace(
        Thread=lambda target, args=(), **_named: SimpleNamespace(
            start=lambda: hub.spawn(lambda: target(*args))
        ),
        Event=lambda: Event(hub),
        Lock=threading.Lock,
    )
    real_call = transport._Call
    swaps: list[tuple[Any, str, Any]] = [
        (clock, "datetime", SimpleNamespace(now=lambda _zone: hub.time)),
        (clock, "_offset", timedelta(0)),
        (transport, "threading", threads),
        (transport, "time", time),
        (transport, "_Call", lambda keeper=None: real_call(done=Event(hub), keeper=keeper)),  # type: ignore[arg-type]
        (keeper, "ThreadPoolExecutor", lambda *_a, **_n: Pool(hub)),
        (keeper, "wait", lambda jobs, *rest: wait_for(hub, jobs, *rest)),
        (keeper, "monotonic", hub.monotonic),
        (jobs, "monotonic", hub.monotonic),
        (rekeying, "monotonic", hub.monotonic),
        (rekeying, "sleep", hub.sleep),
        (rotation, "sleep", hub.sleep),
        (rotation, "monotonic", hub.monotonic),
        (rotation, "_POLL_SECONDS", 7.0),
        (rotation, "alone", Locks(hub).alone),
        (slots, "time", time),
        (archive, "Database", archive_of),
        (slots, "_sync", lambda _fd: None),
        (tenacity.nap, "time", time),
        (tenacity, "time", time),
        (Slots, "reserve", disk.reserve(Slots.reserve)),
        (Slot, "write", disk.write(Slot.write)),
        (Slot, "clear", disk.clear(Slot.clear)),
        (os, "urandom", random_bytes),
        (random, "_urandom", random_bytes),
        (os, "fsync", lambda _fd: None),
    ]
    if monitor is not None:
        waits = PostgresWaits(hub, monitor)
        swaps.append((psycopg.Connection, "wait", lambda c, *a, **n: waits.wait(c, *a, **n)))  # noqa: PLW0108 - a method
    before = random.getstate()
    random.seed(seed)
    with ExitStack() as stack:
        for place, name, instead in swaps:
            stack.enter_context(patch.object(place, name, instead))
        try:
            yield
        finally:
            random.setstate(before)
