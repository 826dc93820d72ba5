"""The simulator's own time: 570 s, 600 s and 30 days pass when somebody says so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from core import clock


class SimulatorClock:
    """The process's time, plus an offset of its own that only ever grows."""

    def __init__(self, source: Callable[[], datetime] = clock.now) -> None:
        self._source = source
        self.offset = timedelta(0)

    def now(self) -> datetime:
        """The present moment in the simulator, aware and in UTC."""
        return self._source() + self.offset

    def advance(self, by: timedelta | float) -> datetime:
        """Move on by ``by`` (seconds when a number). Raises ``ValueError`` on a step back."""
        step = by if isinstance(by, timedelta) else timedelta(seconds=by)
        if step < timedelta(0):
            raise ValueError("the simulator's clock only moves forward")
        self.offset += step
        return self.now()
