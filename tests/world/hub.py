"""Who runs when. Every use case runs in a greenlet of its own and stops only where the world says so.

A use case passes points: a statement that it is about to send to the database, a commit before and after, a call to
Exact before and after, a write to the journal. At a point of the world's choice it can be held, while others run, or
its process can be ended for good. Nothing runs at the same time as anything else, so the same choices give the same
life.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from greenlet import getcurrent, greenlet

START = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
AT_ONCE = timedelta(seconds=10)
"""Somebody who sleeps for so short a time is waited for."""
MOST_WAITS = 400


class Killed(BaseException):
    """The process has ended: nothing of the product catches this."""


class Stuck(AssertionError):
    """Everybody waits for somebody, and time does not help."""


@dataclass
class Hold:
    """At the ``number``-th point of ``kind`` ('' for any): held for ``seconds``, or the process ``ends``."""

    kind: str
    number: int
    seconds: float = 0.0
    ends: bool = False
    used: bool = False


@dataclass
class Process:
    """One of Clickker's processes, as far as the hub knows it."""

    name: str
    alive: bool = True
    skew: timedelta = timedelta(0)
    """How far its clock is off."""
    locks: dict[str, Any] = field(default_factory=dict)


@dataclass
class Act:
    """What one person or one keeper does in one go, with all the threads that it starts."""

    name: str
    process: Process
    hold: Hold | None = None
    about: Any = None
    """The browser that comes back, when it is a consent."""
    passed: Counter[str] = field(default_factory=Counter)


class Task:
    """A thread of the product, as a greenlet."""

    def __init__(self, act: Act, do: Callable[[], Any], main: greenlet) -> None:
        self.act = act
        self.process = act.process
        self.result: Any = None
        self.error: BaseException | None = None
        self.done = False
        self.ready: Callable[[], bool] | None = None
        """What it waits for; None when it can go on."""
        self.until: datetime | None = None
        """When it goes on all the same."""
        self.held = False
        self._do = do
        self.greenlet = greenlet(self._run, parent=main)
        self.greenlet.gr_context = copy_context()

    def _run(self) -> None:
        try:
            self.result = self._do()
        except BaseException as error:
            self.error = error
        finally:
            self.done = True


class Hub:
    """All tasks that are under way, and the time."""

    def __init__(self) -> None:
        self.time = START
        self.tasks: list[Task] = []
        self.moved: Callable[[datetime], None] = lambda _now: None
        """Told whenever time has moved."""
        self.switched: Callable[[timedelta], None] = lambda _skew: None
        """Told how far the clock is off that whoever runs next looks at."""
        self.at_point: Callable[[Task, str], None] = lambda _task, _kind: None
        self.switches = 0
        self._main = getcurrent()
        self._current: Task | None = None

    # --- Whoever runs now -----------------------------------------------------------------------------------

    @property
    def current(self) -> Task | None:
        """The task that runs now; None when the world itself does."""
        return self._current if getcurrent() is not self._main else None

    def monotonic(self) -> float:
        return (self.time - START).total_seconds() + 1_000_000.0

    def point(self, kind: str) -> None:
        """The task that runs now has come to a point. Raises ``Killed`` when its process ends here."""
        task = self.current
        if task is None:
            return
        if not task.process.alive:
            raise Killed
        act = task.act
        act.passed[kind] += 1
        act.passed[""] += 1
        hold = act.hold
        if hold is None or hold.used or hold.kind not in ("", kind) or act.passed[hold.kind] != hold.number:
            return
        hold.used = True
        self.at_point(task, kind)
        if hold.ends:
            task.process.alive = False
            raise Killed
        task.held = True
        self.wait(lambda: not task.held, hold.seconds)

    def wait(self, ready: Callable[[], bool], seconds: float | None = None) -> bool:
        """Let others run until ``ready`` or so many seconds have passed; whether it is ready."""
        task = self.current
        if task is None:
            raise AssertionError("the world itself never waits")
        if seconds is None and ready():
            return True
        task.ready, task.until = ready, None if seconds is None else self.time + timedelta(seconds=seconds)
        self._main.switch()
        task.ready = task.until = None
        task.held = False
        if not task.process.alive:
            raise Killed
        return ready()

    def sleep(self, seconds: float) -> None:
        if self.current is not None:
            self.wait(lambda: False, max(seconds, 0.001))

    def spawn(self, do: Callable[[], Any]) -> Task:
        """A thread of whoever runs now."""
        task = self.current
        if task is None:
            raise AssertionError("only a task has threads")
        return self._add(Task(task.act, do, self._main))

    # --- The world --------------------------------------------------------------------------------------------

    def start(self, act: Act, do: Callable[[], Any]) -> Task:
        """Begin an act and run until nobody can go on without time passing, or something held."""
        task = self._add(Task(act, do, self._main))
        self.run()
        return task

    def run(self) -> None:
        """Let everybody go on who can. Time passes only for those who sleep for a moment."""
        for _each in range(MOST_WAITS):
            while (task := self._next()) is not None:
                self._switch(task)
            soon = self._soonest()
            if soon is None or soon > self.time + AT_ONCE or self.time >= self.limit:
                return
            self._move(max(soon, self.time))
        raise Stuck("a task sleeps again and again: " + ", ".join(t.act.name for t in self.tasks))

    limit = datetime.max.replace(tzinfo=UTC)
    """Time does not pass by itself beyond this."""

    def advance(self, to: datetime) -> None:
        """Let time pass; whoever wakes on the way goes on at that moment."""
        while (soon := self._soonest()) is not None and soon <= to:
            self._move(max(soon, self.time))
            self.run()
        if to > self.time:
            self._move(to)
        self.run()

    def release(self) -> None:
        """Let everybody go on who is held."""
        for task in self.tasks:
            task.held = False
        self.run()

    def end(self, process: Process) -> None:
        """End a process: its tasks are told at the point where they stand, and may do nothing more."""
        process.alive = False
        for task in [task for task in self.tasks if task.process is process]:
            while not task.done:
                self._switch(task)
        self._forget_done()

    @property
    def quiet(self) -> bool:
        """Nobody is in the middle of anything."""
        return not self.tasks

    def _move(self, to: datetime) -> None:
        if to != self.time:
            self.time = to
            self.moved(to)

    def _add(self, task: Task) -> Task:
        self.tasks.append(task)
        return task

    def _next(self) -> Task | None:
        self._forget_done()
        for task in self.tasks:
            if task.ready is None or not task.process.alive:
                return task
            if (task.until is not None and task.until <= self.time) or task.ready():
                return task
        return None

    def _soonest(self) -> datetime | None:
        return min((task.until for task in self.tasks if task.until is not None), default=None)

    def _switch(self, task: Task) -> None:
        self.switches += 1
        self._current = task
        self.switched(task.process.skew)
        try:
            task.greenlet.switch()
        finally:
            self._current = None
            self.switched(timedelta(0))

    def _forget_done(self) -> None:
        if any(task.done for task in self.tasks):
            self.tasks = [task for task in self.tasks if not task.done]
