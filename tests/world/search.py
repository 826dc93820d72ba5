"""Hypothesis draws lives and, where a promise is broken, the shortest story that breaks it."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from tests.world.acts import TABLE
from tests.world.figures import Figures
from tests.world.life import Broken
from tests.world.places import NewStore
from tests.world.play import LARGEST, VARIANTS, Five, in_names, play
from tests.world.trouble import nothing

FEWEST, MOST = 50, 90
"""Acts of a life; in a shorter story some of them are nothing."""
_LINES = st.lists(
    st.tuples(*(st.integers(0, largest) for largest in LARGEST)), min_size=FEWEST, max_size=MOST
)
_VARIANT = st.integers(0, len(VARIANTS) - 1)


@dataclass
class Found:
    """A life in which a promise is broken, as short as it could be made."""

    words: str
    variant: int
    seed: int
    lines: tuple[Five, ...]

    def __str__(self) -> str:
        lines = tuple(in_names(line) for line in self.lines)
        return f"{self.words}\n  as a test: Story({self.variant}, {self.seed}, {lines})"


def explore(new: NewStore, folder: Path, seed: int, lives: int, figures: Figures) -> Found | None:
    """Play so many lives; the same ``seed`` plays the same ones. What was found first, made short; None: nothing."""
    last: list[Found] = []

    @seeded(seed)
    @settings(
        max_examples=lives,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )
    @given(_VARIANT, _LINES)
    def live(variant: int, lines: Sequence[Five]) -> None:
        try:
            play(new(), folder, lines, variant, seed, figures)
        except Broken as broken:
            last[:] = [Found(str(broken), variant, seed, without_nothing(lines))]
            raise
        finally:
            gc.collect()

    try:
        live()
    except Broken:
        return last[0]
    return None


def without_nothing(lines: Sequence[Five]) -> tuple[Five, ...]:
    return tuple(line for line in lines if TABLE[line[0] % len(TABLE)] is not nothing)
