"""Short rounds of ``make world``, lives that found something once, and whether lives can find anything at all."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.postgres import TEMPLATE, PostgresServer
from tests.world.figures import Figures
from tests.world.life import Broken
from tests.world.places import NewStore, on_postgres, on_sqlite
from tests.world.play import Five, play
from tests.world.search import explore

LIVES = {"sqlite": 16, "postgresql": 8}
"""About a minute each."""


@dataclass(frozen=True)
class Place:
    """Where a test's lives are lived."""

    database: str
    new: NewStore
    folder: Path


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    if request.param == "sqlite":
        with on_sqlite() as (new, folder):
            yield Place(request.param, new, folder)
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with on_postgres(server, TEMPLATE) as (new, folder):
        yield Place(request.param, new, folder)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """What goes wrong in a life is logged as it would be; nobody reads it here."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_no_promise_is_broken_in_a_minute_of_lives(place: Place) -> None:
    figures = Figures()
    found = explore(place.new, place.folder, 20261130, LIVES[place.database], figures)
    print(f"\n{place.database}: {figures.told_in_words()}")  # noqa: T201 - for pytest -s
    assert found is None, found
    assert figures.steps > 50 * LIVES[place.database]


def test_the_same_numbers_are_the_same_life(place: Place) -> None:
    lines: tuple[Five, ...] = tuple(
        (n * 37 % 180, n * 7 % 12, n % 8, n * 53 % 252, n * 91 % 256) for n in range(30)
    )
    first, second = (_story(place, lines) for _time in range(2))
    assert first == second
    assert len(first) > 20


def _story(place: Place, lines: tuple[Five, ...]) -> list[str]:
    try:
        return play(place.new(), place.folder, lines, 0, 7, Figures()).story
    except Broken as broken:
        return str(broken).splitlines()
