"""The recount sees what is wrong: each copy is falsified once, behind the product's back."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text, update

from core import clock
from core.settings import Settings
from core.storage.database import Database
from core.storage.models import Grant
from tests.factories import make_administration, make_connected, make_operator, make_registration
from tests.support.recount import differences

FALSE = {
    "status": "UPDATE registrations SET status = 'paused'",
    "reason": "UPDATE registrations SET status_reason = 'stale'",
    "until": "UPDATE registrations SET status_until = NULL",
    "linked": "UPDATE registrations SET administrations_linked = 7",
    "lapse": "UPDATE registrations SET lapses_at = NULL",
    "owner": "UPDATE registrations SET owner_key = 'bob'",
    "renamed": "UPDATE operators SET name = 'Zoe'",
    "name": "UPDATE registrations SET name_key = name_key || 's'",
    "unchecked": "UPDATE registrations SET next_check_at = NULL",
    "status below": "UPDATE administrations SET status = 'paused'",
    "owner below": "UPDATE administrations SET owner_id = NULL",
    "owner's name below": "UPDATE administrations SET owner_key = ''",
    "customer below": "UPDATE administrations SET registration_key = ''",
    "setting below": "UPDATE administrations SET active = NOT active",
    "country below": "UPDATE administrations SET environment = 'be'",
    "name below": "UPDATE administrations SET name_key = 'else'",
    "a counter": "UPDATE counters SET value = value - 1 WHERE name = 'status:connected'",
    "a counter of nothing": "INSERT INTO counters (name, value) VALUES ('status:attention', -1)",
    "administrations": "UPDATE counters SET value = value + 1 WHERE name = 'administrations'",
    "no longer linked": "UPDATE administrations SET linked = (code < 0)",
}


def make_two(database: Database) -> None:
    alice = make_operator(database)
    number = make_connected(database, "Bäcker B.V.", owner_id=alice.id, reference="K-17", administrations=2)
    make_registration(database, "Jo")
    make_administration(database, number, linked=False)


@pytest.mark.parametrize("said", FALSE)
def test_each_falsehood_is_found(database: Database, settings: Settings, said: str) -> None:
    make_two(database)
    assert differences(database, settings, clock.now()) == []
    with database.transaction() as session:
        session.execute(text(FALSE[said]))
    assert differences(database, settings, clock.now())


@pytest.mark.parametrize("facts", [{"rotated_at": None}, {"refusals": 3}, {"last_failure_kind": "refused"}])
def test_a_fact_of_the_login_that_nobody_followed_is_found(
    database: Database, settings: Settings, facts: dict[str, object]
) -> None:
    make_two(database)
    refused = {"refused_since": clock.now() - timedelta(hours=2), "last_failure_at": clock.now()}
    with database.transaction() as session:
        session.execute(update(Grant).values(last_success_at=None, **(refused | facts)))
    assert differences(database, settings, clock.now())


def test_what_time_has_changed_is_found(database: Database, settings: Settings) -> None:
    make_two(database)
    assert differences(database, settings, clock.now() + timedelta(days=9))


def test_a_search_that_lags_behind_is_found(
    sqlite_template: Path, tmp_path: Path, settings: Settings
) -> None:
    shutil.copyfile(sqlite_template, tmp_path / "lagging.db")
    database = Database(f"sqlite:///{tmp_path / 'lagging.db'}")
    make_two(database)
    with database.transaction() as session:
        session.execute(text("DROP TRIGGER registrations_search_update"))
        session.execute(text("DROP TRIGGER administrations_search_update"))
        session.execute(text("UPDATE registrations SET reference = 'L-18'"))
        session.execute(text("UPDATE administrations SET name = 'Else', name_key = 'else'"))
    found = differences(database, settings, clock.now())
    database.dispose()
    assert "registrations: 1 is not found by 'l-18'" in found
    assert "registrations: 1 is found by 'k-17', which it does not hold" in found
    assert any(said.startswith("administrations: 1 is not found by 'else'") for said in found)
