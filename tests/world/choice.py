"""Who does it, where and to what: what the small numbers of an act say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select

from core.accounts.roles import CurrentOperator
from core.registrations.registration import registration
from core.registrations.views import RegistrationView
from core.storage.models import Registration
from tests.world.hub import Hold
from tests.world.installation import Running
from tests.world.life import Life
from tests.world.people import Case

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0


@dataclass(frozen=True)
class Choice:
    """The small numbers that say who, what and how in one act."""

    who: int = 0
    which: int = 0
    how: int = 0
    hold: Hold | None = None


Act = Callable[[Life, Choice], None]


def where(life: Life, choice: Choice) -> Running:
    return life.running(choice.who // 4)


def operator(life: Life, choice: Choice) -> CurrentOperator:
    return life.people[choice.who % len(life.people)]


def supporter(life: Life, choice: Choice) -> CurrentOperator:
    """Mostly somebody who may."""
    return life.people[(0, 1, 3, 0, 1, 2)[choice.who % 6]]


def case_of(life: Life, choice: Choice) -> Case | None:
    cases = [case for case in life.cases.values() if not case.deleted]
    return cases[choice.which % len(cases)] if cases else None


def look(life: Life, number: int) -> RegistrationView | None:
    """What the page shows; None when it is not there."""
    app = next(iter(life.made.running.values())).app
    with app.database.read() as session:
        if session.scalar(select(Registration.id).where(Registration.id == number)) is None:
            return None
    return registration(app, life.people[3], number)
