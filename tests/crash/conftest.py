"""A scene a module, on both databases."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.scene import Scene, open_scene
from tests.crash.workers import Workers, ready_workers
from tests.support.postgres import TEMPLATE, PostgresServer


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with ready_workers() as ready:
        yield ready


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def scene_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("scene") / "scene.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with server.new_database(TEMPLATE) as url:
        yield url


@pytest.fixture(scope="module")
def scene(scene_url: str, workers: Workers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder: Path = tmp_path_factory.mktemp("journal")
    with open_scene(scene_url, folder, workers) as opened:
        yield opened
