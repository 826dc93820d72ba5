"""Checks 14, 15 and 16: what is stored, the keys it is stored with, and what must not be told of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.rekeying import OFTEN, play
from tests.crash.scene import open_scene
from tests.crash.workers import Workers, ready_workers


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with ready_workers() as ready:
        yield ready


def test_check_15_keys_rotate_under_load_and_go_on_after_kills(
    database_url: str, tmp_path: Path, workers: Workers
) -> None:
    with open_scene(database_url, tmp_path, workers, **OFTEN) as scene:
        change = play(scene, seed=15, kills=6)

    assert change.mended > 0, "no kill struck in the middle: nothing was resumed"
