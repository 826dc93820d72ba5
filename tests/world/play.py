"""A life out of small numbers: each five say what is done, by whom, with what, how, and where it is held or ends."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from core.registrations.status import Status
from core.simulator import config
from tests.support.recount import differences
from tests.world.acts import TABLE
from tests.world.choice import Choice
from tests.world.ending import everybody_does_what_is_asked, everything_calms_down
from tests.world.figures import Figures
from tests.world.hub import Hold
from tests.world.life import Life, new_life
from tests.world.rest import Rest
from tests.world.stores import Store
from tests.world.trouble import nothing

Five = tuple[int, int, int, int, int]
LARGEST = (len(TABLE) - 1, 11, 7, 251, 255)
"""Of each of the five."""
_KINDS = ("statement", "exact", "answered", "committed", "commit", "disk", "")
_FREE = 150
"""Up to this number nothing is held."""
_SECONDS = (30.0, 100.0, 250.0, 700.0)
A_MOMENT = timedelta(seconds=7)
"""Between two acts."""
VARIANTS: tuple[dict[str, object], ...] = (
    {},
    {"superseded_access_dies": True},
    {"revoked_access_dies": False},
    {"all_divisions": "refused"},
    {"second_consent": "widens"},
    {"all_divisions": "permitted", "validate_url_division": True},
    {"all_divisions": "missing", "me_counts": True},
    {"grace": "ten_minutes", "revoked": "unauthorized_401"},
)
"""Points on which nobody knows how Exact does it: each life has one answer to them."""


def play(  # noqa: PLR0917 - a story is told in this order
    store: Store, folder: Path, lines: Sequence[Five], variant: int, seed: int, figures: Figures
) -> Life:
    """Live one life to its end. Raises ``Broken`` with its story when a promise is broken."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with new_life(store, folder, seed, figures, **_variant(variant)) as life:
        oracle = Rest(life)
        life.after_act = lambda: oracle.look(kept=True)
        for line in lines:
            step(life, line)
            oracle.look(kept=False)
        end(life, oracle)
    return life


def named(name: str, *rest: int) -> Five:
    """A line by the name of its act: what is kept as a test outlives a change of the table."""
    who, which, how, held = rest
    return next(n for n, act in enumerate(TABLE) if act.__name__ == name), who, which, how, held


def in_names(line: Five) -> tuple[str | int, ...]:
    """The other way round."""
    return TABLE[line[0] % len(TABLE)].__name__, *line[1:]


def step(life: Life, line: Five) -> None:
    what, who, which, how, held = line
    act = TABLE[what % len(TABLE)]
    if act is nothing:
        return
    life.hub.advance(life.hub.time + A_MOMENT)
    life.figures.steps += 1
    life.figures.acts[act.__name__] += 1
    act(life, Choice(who, which, how, hold_of(held)))


def hold_of(number: int) -> Hold | None:
    """Where an act is held, or its process ends; None for most."""
    if number <= _FREE:
        return None
    number -= _FREE + 1
    kind = _KINDS[number % len(_KINDS)]
    number //= len(_KINDS)
    ends = number % 3 == 2
    return Hold(kind, 1 + number // 3 % 5, _SECONDS[number % len(_SECONDS)], ends)


def end(life: Life, oracle: Rest) -> None:
    everything_calms_down(life)
    oracle.at_rest()
    _same(life)
    oracle.audit()
    status = {each.id: each.status for each in oracle.shown()}
    asked = everybody_does_what_is_asked(life, lambda number: _status(oracle, number))
    for each in oracle.shown():
        if each.id in asked and each.status not in {Status.CONNECTED}:
            raise life.broken(
                f"no end: registration {each.id} was {status.get(each.id)}, all was done that was asked, and it is "
                f"{each.status} ({each.reason})"
            )
    life.figures.told += len(life.made.post.arrived)
    life.figures.lost_in_window += len(life.wire.lost)


def _status(oracle: Rest, number: int) -> Status | None:
    return next((each.status for each in oracle.shown() if each.id == number), None)


def _same(life: Life) -> None:
    """What is copied is what an independent recomputation finds."""
    running = next(iter(life.made.running.values()))
    wrong = differences(running.app.database, running.app.settings, life.hub.time)
    if wrong:
        raise life.broken("copied wrongly: " + "; ".join(wrong[:3]))


def _variant(number: int) -> dict[str, object]:
    kinds: dict[str, Callable[[Any], object]] = {
        "all_divisions": config.AllDivisions,
        "second_consent": config.SecondConsent,
        "grace": config.Grace,
        "revoked": config.Revoked,
    }
    chosen = VARIANTS[number % len(VARIANTS)]
    return {name: kinds[name](value) if name in kinds else value for name, value in chosen.items()}
