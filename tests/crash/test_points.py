"""A worker is killed at each point of the protocol; whoever comes after finds what Exact issued."""

from __future__ import annotations

import signal

import pytest

from tests.crash.points import EXCHANGE, POINTS, REFRESH, WINDOW
from tests.crash.rounds import killed_consenting, killed_refreshing
from tests.crash.scene import Scene


def _named(point: int) -> str:
    return f"{point}-{POINTS[point].replace(' ', '-')}"


@pytest.mark.parametrize("point", REFRESH, ids=_named)
def test_a_kill_while_refreshing_loses_nothing_outside_the_window(scene: Scene, point: int) -> None:
    assert killed_refreshing(scene, point).whole is (point not in WINDOW)


@pytest.mark.parametrize("point", EXCHANGE, ids=_named)
def test_a_kill_while_a_code_is_exchanged_loses_nothing_outside_the_window(scene: Scene, point: int) -> None:
    assert killed_consenting(scene, point).whole is (point not in WINDOW)


@pytest.mark.parametrize("point", [11, 13], ids=_named)
def test_being_asked_to_end_is_no_worse_than_being_killed(scene: Scene, point: int) -> None:
    assert killed_refreshing(scene, point, signal.SIGTERM).whole
    assert killed_consenting(scene, point, signal.SIGTERM).whole
