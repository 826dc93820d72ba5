"""The keeper: finds what is due, claims it, and does it, a few at a time, until it is told to stop."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from time import monotonic
from typing import TypeVar

from sqlalchemy import Select

from core import clock
from core.application import Application
from core.keeping import chores
from core.keeping.claims import claim_check, claim_keep_alive, due_checks, due_keep_alives
from core.keeping.jobs import check_registration, keep_grant_alive, told
from core.tokens.facts import in_quiet_hour

T = TypeVar("T")

log = logging.getLogger("clickker.keeper")
LOOK_AGAIN_SECONDS = 0.5
"""How long a keeper with its hands full waits before it looks whether it shall stop."""
AHEAD = 8
"""Due rows read for each free hand: other keepers take some of them."""


class Keeper:
    """Any number may be at work on one PostgreSQL database, in as many processes; see ``core.keeping.lock``."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._stop = threading.Event()
        self._stop_until: float | None = None
        self._busy: dict[Hashable, Future[None]] = {}
        self._chore_at: dict[str, float] = {}

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set, then finish what is in flight."""
        self._stop = stop
        with self._pool() as pool:
            while not stop.is_set():
                self._look(pool)
                self._pause()

    def turn(self) -> None:
        """Do everything that is due now, and nothing more."""
        with self._pool() as pool:
            while self._look(pool) or self._busy:
                wait(self._busy.values())
                self._tidy()

    def _pool(self) -> ThreadPoolExecutor:
        # A chore never has to wait for a check, nor a check for a chore.
        hands = self._app.settings.keeper_threads + len(chores.CHORES)
        return ThreadPoolExecutor(hands, thread_name_prefix="keeper")

    def _look(self, pool: ThreadPoolExecutor) -> int:
        """Begin what is due, as far as there are free hands; how many jobs were begun."""
        self._tidy()
        try:
            self._begin_chores(pool)
            return self._begin_keep_alives(pool) + self._begin_checks(pool)
        except Exception as error:  # the database may be away for a while
            log.error("The keeper could not look what is due: %s", told(error))  # noqa: TRY400
            return 0

    def _begin_chores(self, pool: ThreadPoolExecutor) -> None:
        for chore in chores.CHORES:
            key = ("chore", chore.name)
            if key not in self._busy and monotonic() >= self._chore_at.get(chore.name, 0.0):
                self._chore_at[chore.name] = monotonic() + chore.seconds
                self._begin(pool, key, lambda chore=chore: chore.do(self._app))  # type: ignore[misc]

    def _begin_keep_alives(self, pool: ThreadPoolExecutor) -> int:
        app, begun = self._app, 0
        query = due_keep_alives(app.settings, clock.now(), AHEAD * self._free())
        for grant_id in self._shuffled(query) if self._free() else ():
            if self._free() and claim_keep_alive(app.database, app.settings, grant_id, clock.now()):
                self._begin(pool, ("grant", grant_id), lambda one=grant_id: keep_grant_alive(app, one))  # type: ignore[misc]
                begun += 1
        return begun

    def _begin_checks(self, pool: ThreadPoolExecutor) -> int:
        app, begun = self._app, 0
        if not self._free() or in_quiet_hour(app.settings, clock.now()):
            return 0
        early = chores.canaries(app)
        query = due_checks(clock.now(), AHEAD * self._free(), chores.held_environments(app))
        for number in [*early, *self._shuffled(query)]:
            if self._free() and claim_check(
                app.database, app.settings, number, clock.now(), canary=number in early
            ):
                self._begin(
                    pool,
                    number,
                    lambda one=number: check_registration(app, one, self._in_a_hurry),  # type: ignore[misc]
                )
                begun += 1
        return begun

    def _shuffled(self, query: Select[T]) -> list[T]:
        """Rows that are due, in an order of our own: other keepers reach for the same ones."""
        with self._app.database.read() as session:
            found = list(session.scalars(query))
        random.shuffle(found)
        return found

    def _begin(self, pool: ThreadPoolExecutor, key: Hashable, do: Callable[[], object]) -> None:
        self._busy[key] = pool.submit(_guarded, str(key), do)

    def _free(self) -> int:
        jobs = sum(1 for key in self._busy if not (isinstance(key, tuple) and key[0] == "chore"))
        return self._app.settings.keeper_threads - jobs

    def _tidy(self) -> None:
        for key in [key for key, job in self._busy.items() if job.done()]:
            del self._busy[key]

    def _pause(self) -> None:
        if not self._busy:
            self._stop.wait(self._app.settings.keeper_seconds)
            return
        wait(self._busy.values(), LOOK_AGAIN_SECONDS, FIRST_COMPLETED)

    def _in_a_hurry(self) -> bool:
        """Whether a check has to end: some time after the keeper was asked to stop."""
        if not self._stop.is_set():
            return False
        if self._stop_until is None:
            self._stop_until = monotonic() + self._app.settings.keeper_stop_seconds
        return monotonic() >= self._stop_until


def _guarded(name: str, do: Callable[[], object]) -> None:
    try:
        do()
    except Exception as error:
        log.error("The keeper failed at %s: %s", name, told(error))  # noqa: TRY400
