"""What a keeper does every now and then beside checks: the one place where other parts hook in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core import clock
from core.alarms.delivery import deliver_due
from core.application import Application
from core.keeping.housekeeping import tidy
from core.registrations import incident_views, incidents
from core.registrations.abandoned import end_abandoned
from core.registrations.heartbeat import beat
from core.registrations.incidents import canaries_are_due, due_canaries, sweep
from core.registrations.recovery import identify_strays, recover_chains, replay_journal
from core.registrations.settle import settle_due

BATCH = 500


@dataclass(frozen=True)
class Chore:
    """Something to do every so many seconds; what it raises is logged, and it is tried again the next time."""

    name: str
    seconds: float
    do: Callable[[Application], object]


def settle_all(app: Application) -> None:
    """Re-derive the statuses whose time has come, a batch at a time."""
    while settle_due(app, BATCH) == BATCH:
        pass


def show_life(app: Application) -> None:
    """Write down that a keeper is at work."""
    with app.database.transaction() as session:
        beat(session, clock.now())


def sweep_all(app: Application) -> None:
    """Let every registration follow its environment's incident, a batch at a time."""
    while sweep(app) == incidents.BATCH:
        pass


def take_up_answers(app: Application) -> None:
    """Put in force what killed processes left in the journal; an attempt that left nothing there has ended."""
    replay_journal(app)
    end_abandoned(app)


def held_environments(app: Application) -> frozenset[str]:
    """Environments in which checks wait until an incident is over."""
    with app.database.read() as session:
        return incident_views.held_environments(session)


def canaries(app: Application) -> list[int]:
    """Registrations to check now, before their time, to see whether an incident is over."""
    with app.database.read() as session:
        if not canaries_are_due(session, clock.now()):
            return []
    with app.database.transaction() as session:
        return due_canaries(session, clock.now())


CHORES = (
    Chore("heartbeat", 60, show_life),
    Chore("statuses", 15, settle_all),
    Chore("incidents", 15, sweep_all),
    Chore("journal", 60, take_up_answers),
    Chore("chains", 86_400, recover_chains),
    Chore("owners of tokens", 300, identify_strays),
    Chore("alarms", 15, deliver_due),
    Chore("housekeeping", 86_400, tidy),
)
