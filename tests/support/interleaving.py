"""Two processes over one database, in an order that the test chooses: a use case stands still at a statement."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event, text

from core.application import Application
from core.storage.database import Database

MANY = 1_000
PATIENCE = 20.0
"""Seconds after which a test gives up; nothing here takes a second."""


@contextmanager
def another_process(app: Application) -> Iterator[Application]:
    """The same installation as a second process has it: connections and a journal of its own."""
    settings = app.settings.model_copy(update={"journal_dir": str(app.journal.folder) + "-2"})
    database = Database(settings.database_url.get_secret_value())
    other = Application(settings, database, app.vault, app.exact)
    try:
        yield other
    finally:
        other.journal.close()
        database.dispose()


class Running:
    """A use case in a thread of its own; ``outcome`` is what it returned or raised."""

    def __init__(self, do: Callable[[], object]) -> None:
        self.outcome: object = None
        self._thread = threading.Thread(target=self._run, args=(do,))
        self._thread.start()

    def _run(self, do: Callable[[], object]) -> None:
        try:
            self.outcome = do()
        except BaseException as error:
            self.outcome = error

    def ended(self, seconds: float = PATIENCE) -> bool:
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def result(self) -> object:
        """What it returned; raises what it raised."""
        assert self.ended(), "it never ended"
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome


class Held:
    """Runs ``do`` until it is about to send a statement that ``before`` is found in, and waits there for ``go``."""

    def __init__(self, app: Application, before: str, do: Callable[[], object]) -> None:
        self._pattern, self._engine = re.compile(before, re.DOTALL), app.database.engine
        self._reached, self._go = threading.Event(), threading.Event()
        event.listen(self._engine, "before_cursor_execute", self._look)
        self._run = Running(do)
        assert self._reached.wait(PATIENCE), f"it never came to {before!r}: {self._run.outcome!r}"

    def _look(self, _c: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if not self._reached.is_set() and self._pattern.search(statement):
            self._reached.set()
            self._go.wait(PATIENCE)

    def go(self) -> object:
        """Let it end; what it returned. Raises what it raised."""
        self._go.set()
        try:
            return self._run.result()
        finally:
            event.remove(self._engine, "before_cursor_execute", self._look)


def meanwhile(held: Held, app: Application, do: Callable[[], object]) -> None:
    """Do something while another is held: until it has ended, or waits for a lock that the held one has."""
    second = Running(do)
    until_it_ends_or_waits(second, app)
    try:
        held.go()
    finally:
        second.result()


def until_it_ends_or_waits(one: Running, app: Application, waiting: int = 1) -> None:
    """Until it has ended, or so many wait for a lock of the database."""
    while not one.ended(0.05) and _waiting(app) < waiting:
        pass


def _waiting(app: Application) -> int:
    if app.database.is_sqlite:  # the whole database is the lock
        return MANY
    asked = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with app.database.engine.connect() as connection:
        return connection.execute(asked).scalar() or 0
