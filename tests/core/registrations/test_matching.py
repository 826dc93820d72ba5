"""Filters out of an address, and names, may hold anything."""

from __future__ import annotations

import random

import pytest

from core.accounts.roles import CurrentOperator
from core.application import Application
from core.registrations.listing import (
    AdministrationQuery,
    RegistrationQuery,
    list_administrations,
    list_registrations,
)
from core.registrations.names import name_key
from core.storage.database import Database
from tests.factories import make_connected, make_operator, make_registration


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


ODD_NAMES = (
    'Rob "de" O\'Brien & Zn.',
    "Straße 7 – Köln GmbH",
    "Кирилл и Мефодий",
    "日本食品株式会社",
    "Café 🧀👩‍👧 Gouda",
    "a\u0301b\u200dc\u00add\ufeffe",
    "* AND NEAR(x y) ^:{}-",
    "abc",
)


def test_whatever_stands_in_a_name_is_found_from_three_characters_on(
    app: Application, database: Database, admin: CurrentOperator
) -> None:
    numbers = {make_registration(database, name): name_key(name) for name in ODD_NAMES}
    choice = random.Random(3)
    for number, key in numbers.items():
        for _part in range(25):
            start = choice.randrange(max(1, len(key) - 2))
            part = name_key(key[start : start + choice.randint(3, 12)])
            if len(part) < 3:
                continue
            page = list_registrations(app, admin, RegistrationQuery(search=part))
            assert number in [row.id for row in page.rows], (key, part)
