"""Who sits before the screen in the tests of pages."""

from __future__ import annotations

import pytest

from core.accounts.roles import CurrentOperator, Role
from core.application import Application
from tests.factories import make_operator
from tests.support.frame import cookies


@pytest.fixture
def sanne(app: Application, monkeypatch: pytest.MonkeyPatch) -> CurrentOperator:
    """Support, signed in."""
    who = make_operator(app.database, "Sanne")
    cookies(monkeypatch, app, who)
    return who


@pytest.fixture
def mark(app: Application, monkeypatch: pytest.MonkeyPatch) -> CurrentOperator:
    """An account manager, signed in."""
    who = make_operator(app.database, "Mark", Role.ACCOUNT_MANAGER)
    cookies(monkeypatch, app, who)
    return who
