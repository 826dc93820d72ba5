"""Filters out of an address may hold anything."""

from __future__ import annotations

import pytest

from core.application import Application
from core.registrations.listing import (
    AdministrationQuery,
    RegistrationQuery,
    list_administrations,
    list_registrations,
)
from tests.factories import make_connected, make_operator


@pytest.mark.parametrize("odd", ["\x00", "connected\x00", "'; --", "x" * 10_000, "\u202e"])
def test_an_odd_filter_matches_nothing(app: Application, odd: str) -> None:
    by = make_operator(app.database)
    make_connected(app.database)

    for status, environment in ((odd, ""), ("", odd)):
        assert (
            list_registrations(app, by, RegistrationQuery(status=status, environment=environment)).count == 0
        )
        asked = AdministrationQuery(status=status, environment=environment)
        assert list_administrations(app, by, asked).count == 0
