"""How wide the window is: from the arrival of an answer to the end of the slot's sync, beside a bare write and sync."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import quantiles

from core import clock
from core.application import Application
from core.exact import transport
from core.exact.transport import Answer
from core.tokens import slots, spending
from core.tokens.records import Spend

_BODY = b'{"access_token": "%s", "token_type": "bearer", "expires_in": "600", "refresh_token": "%s"}' % (
    b"a" * 540,
    b"r" * 560,
)


@dataclass(frozen=True)
class Window:
    """Milliseconds."""

    ours: list[float]
    bare: list[float]

    def __str__(self) -> str:
        def line(name: str, times: list[float]) -> str:
            return f"{name} p50 {_percentile(times, 50):.3f} ms, p99 {_percentile(times, 99):.3f} ms"

        ratio = _percentile(self.ours, 99) / _percentile(self.bare, 99)
        middle = _percentile(self.ours, 50) / _percentile(self.bare, 50)
        return (
            f"{line('window', self.ours)}; {line('bare write and sync', self.bare)}; "
            f"ratio p99 {ratio:.2f}, p50 {middle:.2f} ({len(self.ours)} writes each)"
        )


def measure(app: Application, rounds: int = 2000) -> Window:
    """Through the call's own thread, as a refresh does it; the bare write in turn with it, so that both meet the same
    disk. Nothing is committed."""
    slot = app.journal.slots.reserve()
    size = _size(app, slot)
    path = app.journal.folder / "bare"
    path.write_bytes(bytes(slots.SLOT_BYTES))
    descriptor = os.open(path, os.O_RDWR)
    os.fsync(descriptor)
    ours: list[float] = []
    bare: list[float] = []
    try:
        for _round in range(rounds):
            ours.append(_in_a_thread(lambda: _kept(app, slot)))
            bare.append(_in_a_thread(lambda: _written(descriptor, size)))
    finally:
        os.close(descriptor)
        path.unlink()
        slot.clear()
        slot.release()
    return Window(ours, bare)


def _kept(app: Application, slot: slots.Slot) -> float:
    """As ``transport._exchange`` does it once the last byte is there."""
    flight = spending.InFlight(app.vault, slot, Spend("nl", "0" * 36, "f" * 64))
    headers = {"content-type": "application/json; charset=utf-8", "date": "now"}
    call = transport._Call(keeper=flight)
    started = time.perf_counter()
    body, complete = transport._read([_BODY], call, time.monotonic() + 60, 65536)
    flight.keep(Answer(200, headers, body or b"", clock.now(), complete))
    taken = time.perf_counter() - started
    flight.end()
    return taken * 1000


def _written(descriptor: int, size: int) -> float:
    content = os.urandom(size)
    started = time.perf_counter()
    os.pwrite(descriptor, content, 0)
    slots._sync(descriptor)
    return (time.perf_counter() - started) * 1000


def _size(app: Application, slot: slots.Slot) -> int:
    _kept(app, slot)
    return len(slot.read() or b"") + 8


def _in_a_thread(work: Callable[[], float]) -> float:
    taken: list[float] = []
    thread = threading.Thread(target=lambda: taken.append(work()))
    thread.start()
    thread.join()
    return taken[0]


def _percentile(times: list[float], percent: int) -> float:
    return quantiles(times, n=100, method="inclusive")[percent - 1]
