"""A seeded database, bounds low enough for it, and an operator with Exact at hand."""

from __future__ import annotations

import pytest

from core.accounts.roles import CurrentOperator, Role
from core.application import Application
from core.registrations import paging, streaming
from core.seed import seed
from core.simulator.server import RunningSimulator
from core.storage.database import Database
from tests.factories import make_operator
from tests.support.visits import Desk


@pytest.fixture
def admin(database: Database) -> CurrentOperator:
    return make_operator(database, "Alice", Role.ADMIN)


@pytest.fixture
def seeded(app: Application) -> Application:
    seed(app, 130, 3)
    return app


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten rows a page and a count that stops at forty: what happens in a large database happens in a small one."""
    for module in (paging, streaming):
        monkeypatch.setattr(module, "COUNT_LIMIT", 40)
    monkeypatch.setattr(paging, "SORTED", 2)
    monkeypatch.setattr(paging, "PAGE_SIZE", 10)
    monkeypatch.setattr(streaming, "CHUNK", 7)


@pytest.fixture
def desk(app: Application, simulator: RunningSimulator) -> Desk:
    return Desk(app, make_operator(app.database, "Alice"), simulator)
