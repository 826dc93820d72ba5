"""One life: an installation, its people, and what they and the world do, one act after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core.accounts.roles import CurrentOperator
from core.errors import ClickkerError
from tests.world.figures import Figures
from tests.world.hub import START, Act, Hold, Killed, Task
from tests.world.installation import Installation, Running, installed
from tests.world.people import CUSTOMERS, Case, Customer, Tab
from tests.world.stores import Store

A_LITTLE = timedelta(seconds=20)
NOW_AND_THEN = timedelta(minutes=40)
TURNS, MOST_TURNS = 6, 400
"""Of a keeper in one act of waiting: close together while something is due that waits, and in all."""


STORY = 14
"""Lines of a story that are told at its end."""


class Broken(AssertionError):
    """A promise is broken."""


class Life:
    """What has happened so far, and the means to let more happen."""

    def __init__(self, made: Installation, people: list[CurrentOperator], figures: Figures) -> None:
        self.made, self.people, self.figures = made, people, figures
        self.hub, self.engine, self.wire = made.hub, made.engine, made.wire
        self.customers: tuple[Customer, ...] = CUSTOMERS
        self.cases: dict[int, Case] = {}
        self.tabs: list[Tab] = []
        self.links: list[tuple[int, str]] = []
        self.story: list[str] = []
        self.backup: dict[int, Case] = {}
        self.wire.exchanged = self.exchanged
        self.last_refusal: datetime | None = None
        self.ending: list[tuple[datetime, str, Callable[[], object]]] = []
        self.backed_up_at = self.hub.time
        self.calm_since = self.hub.time
        """Since when nothing has gone wrong by the world's doing."""
        self.kept_since = self.hub.time
        """Since when a keeper has been at work without a break."""
        self.after_act: Callable[[], None] = lambda: None

    # --- What the world remembers -------------------------------------------------------------------------------

    def exchanged(self, tab: Any, environment: str, login: str, token: str) -> None:
        """Exact has turned a code into tokens."""
        if tab is not None and tab.number in self.cases:
            self.cases[tab.number].given.append((tab.began, environment, login, token))

    def client_id(self, environment: str) -> str:
        return self.engine.config.first_app(environment).client_id

    def trouble(self, words: str) -> None:
        self.tell(words)
        self.calm_since = self.hub.time

    def later(self, hours: float, words: str, do: Callable[[], object]) -> None:
        """What goes wrong for a while ends by itself."""
        self.ending.append((self.hub.time + timedelta(hours=hours), words, do))

    def end_troubles(self, all_of_them: bool = False) -> None:
        for each in list(self.ending):
            if all_of_them or each[0] <= self.hub.time:
                self.ending.remove(each)
                each[2]()
                self.trouble(each[1])

    def refused_lately(self) -> bool:
        """Good tokens were refused not long ago: Exact does not do it for hours."""
        recent = self.last_refusal is not None and self.hub.time < self.last_refusal + timedelta(hours=30)
        if not recent:
            self.last_refusal = self.hub.time
        return recent

    def remember_backup(self) -> None:
        self.backup = {number: replace(case, given=list(case.given)) for number, case in self.cases.items()}
        self.backed_up_at = self.hub.time

    def backup_is_old(self) -> bool:
        """Older than what the journal remembers: nobody promises anything then."""
        return self.hub.time > self.backed_up_at + timedelta(days=6)

    def forget_since_backup(self) -> None:
        """What was registered since is gone; what was consented since is not."""
        now = self.cases
        self.cases = {}
        for number, case in self.backup.items():
            since = now[number].given[len(case.given) :] if number in now else []
            self.cases[number] = replace(case, given=[*case.given, *since], unsure=True)
        self.tabs.clear()
        self.links.clear()
        self.calm_since = self.hub.time

    # --- Telling ------------------------------------------------------------------------------------------------

    def tell(self, words: str) -> None:
        self.story.append(f"{self.hub.time:%d %b %H:%M:%S} {words}")

    def broken(self, words: str) -> Broken:
        lines = "\n  ".join(self.story[-STORY:])
        return Broken(f"{words}\n  {lines}\n  {self.hub.time:%d %b %H:%M:%S} now")

    # --- Acting -------------------------------------------------------------------------------------------------

    def running(self, which: int) -> Running:
        names = sorted(self.made.running)
        return self.made.running[names[which % len(names)]]

    def act(
        self,
        words: str,
        running: Running,
        do: Callable[[], Any],
        hold: Hold | None = None,
        about: Any = None,
    ) -> Task:
        """Somebody does something in one process; what the product answers is a result or a sentence."""
        self.tell(f"{words} [{running.process.name}]")
        task = self.hub.start(Act(words, running.process, hold, about), do)
        task.words = words  # type: ignore[attr-defined]
        if not task.done:
            self.figures.held += 1
            self.story[-1] += " … held"
        self.close(task)
        return task

    def close(self, task: Task) -> None:
        """Look how an act ended, and take away what has died."""
        self.wire.ended()
        if not task.process.alive:
            self.story[-1] += " … the process ended"
            self.calm_since = self.hub.time
        self.made.reap()
        error = task.error
        if error is None or isinstance(error, Killed | ClickkerError):
            if isinstance(error, ClickkerError):
                self.story[-1] += f" → {error.message}"
            return
        if isinstance(error, DBAPIError) and self.may_be_locked():
            self.story[-1] += " → the database is locked"
            return
        raise self.broken(f"a traceback on a screen: {type(error).__name__}: {error}") from error

    def may_be_locked(self) -> bool:
        """Whether the world has kept somebody from writing for long."""
        return self.made.writers["locked"] is not None or self.figures.held > 0

    # --- Time ---------------------------------------------------------------------------------------------------

    def wait(self, seconds: float) -> None:
        """Time passes; keepers have their turns whenever something is due."""
        until = self.hub.time + timedelta(seconds=seconds)
        for turn in range(MOST_TURNS):
            moments = [self._next_due(), *(each[0] for each in self.ending)]
            due = min((at for at in moments if at is not None), default=until)
            # What is due already waits for something: it is looked at now and then.
            often = turn < TURNS and due <= self.hub.time + A_LITTLE
            soonest = self.hub.time + (A_LITTLE if due > self.hub.time or often else NOW_AND_THEN)
            self.hub.advance(min(max(due, soonest), until))
            self.end_troubles()
            self.turn_all()
            if self.hub.time >= until:
                return
        self.hub.advance(until)
        self.turn_all()

    def turn_all(self) -> None:
        for name in sorted(self.made.running):
            self.turn(self.made.running[name])

    def turn(self, running: Running, hold: Hold | None = None) -> None:
        """A keeper does what is due, unless it is still at it."""
        if running.keeper is None or (running.turning is not None and not running.turning.done):
            return
        act = Act(f"the keeper of {running.process.name} looks what is due", running.process, hold)
        running.turning = task = self.hub.start(act, running.keeper.turn)
        self.figures.steps += 1
        if hold is not None and (hold.used or not task.done):
            self.tell(act.name + (" … held" if task.process.alive else " …"))
        elif not task.process.alive:
            self.tell(act.name)
        if task.done and (task.error is not None or not task.process.alive):
            self.tell(act.name)
            self.close(task)
        self.after_act()

    def _next_due(self) -> datetime | None:
        running = next(iter(self.made.running.values()), None)
        if running is None:
            return None
        with running.app.database.read() as session:
            row = session.execute(_DUE).first()
        moments = [_moment(value) for value in row or () if value is not None]
        return min(moments, default=None)


_DUE = text(
    "SELECT (SELECT min(next_check_at) FROM registrations WHERE next_check_at IS NOT NULL),"
    " (SELECT min(status_until) FROM registrations WHERE status_until IS NOT NULL),"
    " (SELECT min(keep_alive_at) FROM grants WHERE fingerprint IS NOT NULL AND keep_alive_at IS NOT NULL),"
    " (SELECT min(next_check_at) FROM incidents WHERE closed_at IS NULL),"
    " (SELECT min(next_try_at) FROM deliveries WHERE outcome = '')"
)


def _moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


@contextmanager
def new_life(store: Store, folder: Path, seed: int, figures: Figures, **variants: object) -> Iterator[Life]:
    """A life from its first morning on; the figures are added up as it goes."""
    with installed(store, folder, seed, **variants) as (made, people):
        life = Life(made, people, figures)
        yield life
        figures.lives += 1
        figures.days += (life.hub.time - START).total_seconds() / 86_400
        figures.kills += made.kills
        figures.restored += made.restored
        figures.faults += made.wire.struck
