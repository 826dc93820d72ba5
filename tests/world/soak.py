"""One long life of many customers: every day a few of them do something, and something goes wrong."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from core.simulator.data import Directory, Division, User, vat_number
from tests.world.acts import ACTS
from tests.world.choice import DAY, Choice
from tests.world.crossings import presses_while_the_keeper_settles
from tests.world.customers import onboards
from tests.world.figures import Figures
from tests.world.life import Life, new_life
from tests.world.people import Customer
from tests.world.play import LARGEST, end, hold_of
from tests.world.rest import Rest
from tests.world.stores import Store
from tests.world.trouble import (
    a_backup_is_made,
    days_pass,
    hours_pass,
    minutes_pass,
    nobody_works,
    the_backup_is_restored,
)

SHARED = 5
"""Registrations on one accountant's login; every fifth customer has one."""
_PARTS = 4
"""Of a day, in which people act."""
_OWN_TIME = {minutes_pass, hours_pass, days_pass, nobody_works, onboards, presses_while_the_keeper_settles}
_RESTORES = {a_backup_is_made, the_backup_is_restored}
_DAILY = [act for weight, act in ACTS if act not in _OWN_TIME | _RESTORES for _time in range(weight)]
_AN_HOUR = timedelta(hours=1)


def many(count: int) -> tuple[tuple[Customer, ...], Directory]:
    """So many customers with an administration each; every fifth shares an accountant's login with four others."""
    customers: list[Customer] = []
    users: dict[str, list[int]] = {}
    divisions: list[Division] = []
    for number in range(count):
        code, name = 20_000 + number, f"Klant {number} B.V."
        shared = number // (SHARED * SHARED) if number % SHARED == 0 else None
        login = f"klant{number}@soak.example" if shared is None else f"kantoor{shared}@soak.example"
        customers.append(Customer(name, "nl", login))
        divisions.append(Division("nl", code, name, name, code, "Urk", vat_number("nl", code), main=True))
        users.setdefault(login, []).append(code)
    people = [
        User("nl", login, f"Person of {login}", tuple(codes), codes[0]) for login, codes in users.items()
    ]
    return tuple(customers), Directory(tuple(people), tuple(divisions))


def live_long(  # noqa: PLR0917 - a story is told in this order
    store: Store, folder: Path, count: int, days: int, seed: int, figures: Figures
) -> Life:
    """``count`` customers are connected, and live for so many days. Raises ``Broken`` when a promise is broken."""
    customers, directory = many(count)
    chance = random.Random(seed)
    folder.mkdir(parents=True)
    with new_life(store, folder, seed, figures, people=directory) as life:
        life.customers, oracle = customers, Rest(life)
        for _customer in customers:
            onboards(life, Choice(which=0, how=1))
        life.after_act = _now_and_then(life, oracle)
        for _part in range(days * _PARTS):
            for _act in range(chance.randint(0, max(2, count // 100))):
                _acts(life, chance)
            oracle.look(kept=False)
            life.wait(DAY / _PARTS)
        end(life, oracle)
    return life


def _acts(life: Life, chance: random.Random) -> None:
    who, which, how, held = (chance.randint(0, largest) for largest in LARGEST[1:])
    choice = Choice(who, which, how, hold_of(held))
    act = chance.choice(_DAILY)
    life.hub.advance(life.hub.time + timedelta(seconds=7))
    life.figures.steps += 1
    life.figures.acts[act.__name__] += 1
    act(life, replace(choice, which=chance.randrange(1000)))


def _now_and_then(life: Life, oracle: Rest) -> Callable[[], None]:
    looked = life.hub.time

    def look() -> None:
        nonlocal looked
        if life.hub.time - looked >= _AN_HOUR:
            looked = life.hub.time
            oracle.look(kept=True)

    return look
