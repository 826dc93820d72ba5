"""The demo's weeks are lived through: people act in the order of time, the keeper works in between, one clock for all.

So what the demo shows is what its Exact Online says, and what the keeper will find again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select

from core import clock
from core.application import Application
from core.keeping.keeper import Keeper
from core.registrations.schedule import after_quiet_hour
from core.storage.models import Grant, Registration

Event = tuple[float, Callable[[], object]]
"""How many days ago, and what somebody did then."""
LATELY = timedelta(days=3)
"""From then on the keeper works as it does in a real installation. Before, days pass between its turns: what it found
then nobody can see any more, and the first start would take minutes."""
_PAUSE = timedelta(days=6)
_LATER = timedelta(minutes=15)
"""When to look again at what was due and had to wait."""


def live(app: Application, events: Sequence[Event]) -> None:
    """Let the events happen at their times, and the keeper work from the first of them until now."""
    present, keeper = clock.now(), Keeper(app)
    lately = present - LATELY
    turned = present - timedelta(days=max(days for days, _act in events))
    for days, act in sorted(events, key=lambda event: -event[0]):
        at = present - timedelta(days=days)
        turned = _work(app, keeper, turned, min(at, lately), _PAUSE)
        if at > lately:
            turned = _work(app, keeper, turned, at, _LATER)
        with clock.shifted(at - clock.now()):
            act()
    _work(app, keeper, turned, present, _LATER)
    go_on(app)


def go_on(app: Application) -> None:
    """Do everything that is due by now."""
    Keeper(app).turn()


def _work(app: Application, keeper: Keeper, turned: datetime, until: datetime, pause: timedelta) -> datetime:
    """Everything that falls due before ``until``, with a pause after each turn; when the last turn was."""
    while (due := _next_due(app)) is not None:
        at = after_quiet_hour(app.settings, max(due, turned + pause))
        if at >= until:
            break
        with clock.shifted(at - clock.now()):
            keeper.turn()
        turned = at
    return turned


def _next_due(app: Application) -> datetime | None:
    with app.database.read() as session:
        moments = (
            session.scalar(select(func.min(Registration.next_check_at))),
            session.scalar(select(func.min(Grant.keep_alive_at)).where(Grant.fingerprint.is_not(None))),
        )
    return min((moment for moment in moments if moment is not None), default=None)
