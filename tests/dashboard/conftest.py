"""Operators who can sign in, and browsers without a screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from core.accounts import passwords
from core.accounts.operators import add_operator
from core.accounts.roles import CurrentOperator, Role
from core.application import Application
from dashboard.assets import Assets
from dashboard.middleware import Shield
from dashboard.routes import routes
from tests.support.office import alice, link, office, signed_in, visitors

__all__ = ["alice", "link", "office", "signed_in", "visitors"]

PASSWORD = "a herring in the tea"


@pytest.fixture
def make_account(monkeypatch: pytest.MonkeyPatch, app: Application) -> Callable[..., CurrentOperator]:
    """Adds somebody who can sign in with ``PASSWORD``."""
    # The fewest rounds bcrypt takes: what is tested here is not its slowness.
    monkeypatch.setattr(passwords, "ROUNDS", 4)

    def make(name: str, role: Role = Role.SUPPORT, language: str = "en") -> CurrentOperator:
        email = f"{name.lower()}@clickker.test"
        return CurrentOperator(
            add_operator(app, email, name, role, PASSWORD, language), email, name, role, language
        )

    return make


@pytest.fixture
def visitor(app: Application) -> Iterator[TestClient]:
    """A browser on our routes, signed out."""
    served = Starlette(routes=routes(), middleware=[Middleware(Shield), Middleware(Assets)])
    english = {"accept-language": "en"}
    url = app.settings.public_url
    with TestClient(served, base_url=url, headers=english, follow_redirects=False) as client:
        yield client
