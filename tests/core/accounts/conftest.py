"""Operators to try the doors with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.accounts import passwords
from core.accounts.operators import add_operator
from core.accounts.roles import CurrentOperator, Role
from core.application import Application

PASSWORD = "a herring in the tea"


@pytest.fixture(autouse=True)
def quick_bcrypt(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The fewest rounds bcrypt takes: what is tested here is not its slowness."""
    monkeypatch.setattr(passwords, "ROUNDS", 4)
    passwords.dummy_hash.cache_clear()
    yield
    passwords.dummy_hash.cache_clear()


def added(app: Application, name: str, role: Role = Role.SUPPORT) -> CurrentOperator:
    """Somebody who can sign in with ``PASSWORD``."""
    email = f"{name.lower()}@clickker.test"
    return CurrentOperator(add_operator(app, email, name, role, PASSWORD), email, name, role)


@pytest.fixture
def alice(app: Application) -> CurrentOperator:
    return added(app, "Alice")


@pytest.fixture
def admin(app: Application) -> CurrentOperator:
    return added(app, "Anna", Role.ADMIN)
