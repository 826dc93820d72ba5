"""Many customers, really connected, whose keeper works on and on while time passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlalchemy import select

from core.accounts.roles import CurrentOperator, Role
from core.exact.errors import ExactError
from core.keeping.keeper import Keeper
from core.registrations.checks import check_now
from core.registrations.registration import registration
from core.registrations.views import RegistrationView
from core.simulator.data import Directory, demo_directory
from core.storage.models import Alarm, Grant, Incident, Registration
from tests.factories import make_operator
from tests.support.connecting import connect
from tests.support.receivers import addressed
from tests.support.worlds import World, world

HOUR, MINUTE = 3600, 60


@dataclass
class Crowd:
    """Customers of one environment, each with a login and an administration of their own."""

    world: World
    alice: CurrentOperator
    users: dict[int, str] = field(default_factory=dict)
    """Registration to the Exact user who gave consent for it."""

    @property
    def numbers(self) -> list[int]:
        return list(self.users)

    def withdraw(self, *numbers: int) -> None:
        """These customers take their consent back, at Exact."""
        for number in numbers:
            self.world.engine.revoke("nl", self.users[number])

    def check(self, *numbers: int) -> None:
        """Somebody presses Check now on each of them."""
        for number in numbers:
            with suppress(ExactError):
                check_now(self.world.app, self.alice, number)

    def live(self, hours: float, look: Callable[[], None] = lambda: None, minutes: float = 15) -> None:
        """The keeper has its turn every so many minutes; ``look`` is called after each."""
        for _turn in range(round(hours * 60 / minutes)):
            Keeper(self.world.app).turn()
            look()
            self.world.advance(minutes * MINUTE)

    def view(self, number: int) -> RegistrationView:
        return registration(self.world.app, self.alice, number)

    def status(self, number: int) -> str:
        with self.world.app.database.read() as session:
            return session.get_one(Registration, number).status

    def statuses(self, *numbers: int) -> set[str]:
        return {self.status(number) for number in numbers}

    def grant(self, number: int) -> Grant:
        with self.world.app.database.read() as session:
            return session.get_one(Grant, session.get_one(Registration, number).grant_id)

    def incidents(self) -> list[Incident]:
        with self.world.app.database.read() as session:
            return list(session.scalars(select(Incident).order_by(Incident.id)))

    def alarms(self) -> list[str]:
        with self.world.app.database.read() as session:
            return list(session.scalars(select(Alarm.kind).order_by(Alarm.id)))


def many_users(count: int) -> Directory:
    """That many users, each with a division of their own."""
    demo = demo_directory()
    user = next(user for user in demo.users if user.environment == "nl")
    division = next(division for division in demo.divisions if division.code == user.divisions[0])
    codes = range(2_000_000, 2_000_000 + count)
    users = (replace(user, name=f"klant{c}@soak.example", divisions=(c,), current=c) for c in codes)
    return Directory(tuple(users), tuple(replace(division, code=code) for code in codes))


@contextmanager
def crowd(folder: Path, url: str, count: int, support: str = "") -> Iterator[Crowd]:
    """``count`` connected customers, on a working day at noon, their consents half an hour old."""
    with world(folder, url, many_users(count)) as made:
        made.app = addressed(made.app, support)
        made.wait_for(10)
        people = Crowd(made, make_operator(made.app.database, "Alice", Role.ADMIN))
        for user in made.engine.users("nl"):
            people.users[connect(made.app, people.alice, made, f"Klant {user.current}", user=user.name)] = (
                user.name
            )
        made.advance(30 * MINUTE)
        yield people
