"""Each mend of ``breakages`` undone again: the story that finds it, made short, and nothing without."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.support.postgres import TEMPLATE
from tests.world.breakages import BREAKAGES, broken_again
from tests.world.figures import Figures
from tests.world.life import Broken
from tests.world.places import on_postgres, on_sqlite
from tests.world.play import named, play

Line = tuple[str, int, int, int, int]


@dataclass(frozen=True)
class Story:
    """A life by its numbers, and how what it finds begins."""

    breakage: str
    variant: int
    seed: int
    lines: tuple[Line, ...]
    finds: str
    database: str = "sqlite"


STORIES: tuple[Story, ...] = (
    Story(
        "1 an older consent takes the place of a younger",
        3,
        70003,
        (("onboards", 0, 1, 244, 97), ("consents_twice", 10, 4, 103, 47)),
        "lost: the newest living token",
    ),
    Story(
        "2 the wrong country's consent is used",
        3,
        70010,
        (("the_country_is_corrected", 0, 1, 194, 119),),
        "runs on a consent of nl",
    ),
    Story(
        "3 an attempt that was left is never ended",
        5,
        70000,
        (("the_country_is_corrected", 6, 0, 86, 167),),
        "is with Exact since",
    ),
    Story(
        "3 nobody asks whose a consent is",
        3,
        70002,
        (("the_api_fails", 8, 6, 104, 99), ("onboards", 8, 2, 21, 223)),
        "lost: the newest living token",
    ),
    Story(
        "4 many who withdraw are Exact's outage",
        0,
        1,
        (
            ("onboards", 0, 0, 1, 0),
            ("onboards", 0, 1, 1, 0),
            ("onboards", 0, 2, 1, 0),
            ("onboards", 0, 3, 1, 0),
            ("hours_pass", 0, 0, 0, 0),
            ("several_withdraw", 0, 0, 1, 0),
        ),
        "is attention (incident_refused), refused since",
    ),
    Story(
        "5 our own journal is Exact's outage",
        0,
        1,
        (
            ("onboards", 0, 0, 1, 0),
            ("hours_pass", 0, 0, 5, 0),
            ("the_journal_breaks", 0, 0, 2, 0),
            ("checks", 0, 0, 0, 0),
            ("hours_pass", 0, 0, 3, 0),
        ),
        "is called an outage of Exact, which answers",
    ),
    Story(
        "6 choosing is asked for on a consent that is dead",
        0,
        1,
        (("onboards", 0, 0, 0, 0), ("withdraws", 0, 0, 0, 0)),
        "is choose_administrations",
    ),
    Story(
        "7 a refused token is the administration's fault",
        0,
        1,
        (
            ("onboards", 0, 0, 1, 0),
            ("onboards", 0, 1, 1, 0),
            ("hours_pass", 0, 0, 0, 0),
            ("withdraws_during_a_check", 0, 0, 18, 0),
        ),
        "is attention (administrations_wait), refused since",
    ),
    Story(
        "8 a list that was refused is asked again",
        3,
        1,
        (
            ("onboards", 0, 0, 1, 0),
            ("checks", 0, 0, 0, 0),
            ("checks", 0, 0, 0, 0),
            ("checks", 0, 0, 0, 0),
            ("checks", 0, 0, 0, 0),
            ("checks", 0, 0, 0, 0),
        ),
        "4 times in a day a list was asked for that is refused",
    ),
    Story(
        "9 statuses are derived without a lock",
        0,
        1,
        (
            ("onboards", 0, 0, 1, 0),
            ("onboards", 0, 1, 1, 0),
            ("presses_while_the_keeper_settles", 0, 0, 11, 0),
        ),
        "and should be ['paused']",
        "postgresql",
    ),
    Story(
        "10 nameless consents are asked without end",
        0,
        1,
        (
            ("the_api_fails", 3, 0, 11, 0),
            ("onboards", 0, 3, 0, 0),
            *[("checks", 0, 0, 0, 0)] * 10,
        ),
        "10 error answers within an hour",
    ),
)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def found(story: Story, request: pytest.FixtureRequest) -> str:
    with ExitStack() as stack:
        new, folder = stack.enter_context(
            on_sqlite()
            if story.database == "sqlite"
            else on_postgres(request.getfixturevalue("postgres"), TEMPLATE)
        )
        try:
            play(new(), folder, [named(*line) for line in story.lines], story.variant, story.seed, Figures())
        except Broken as broken:
            return str(broken)
    return ""


@pytest.mark.parametrize("story", STORIES, ids=[story.breakage for story in STORIES])
def test_a_mend_that_is_undone_is_found_and_nothing_else(
    story: Story, request: pytest.FixtureRequest
) -> None:
    with broken_again(story.breakage):
        assert story.finds in found(story, request)
    assert found(story, request) == ""


def test_every_mend_has_a_story() -> None:
    assert {story.breakage for story in STORIES} == set(BREAKAGES)
