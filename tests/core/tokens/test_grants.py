"""Pairs of tokens in rows: encrypted, bound to their row, moved whole."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from core import clock
from core.application import Application
from core.exact.oauth import TokenPair
from core.storage.models import Grant
from core.tokens.grants import (
    move_pair,
    read_access_token,
    read_refresh_token,
    save_candidate,
    store_pair,
    wipe_pair,
)
from core.tokens.vault import DamagedSecret


def new_pair(name: str = "one") -> TokenPair:
    return TokenPair(f"access-{name}", f"refresh-{name}", clock.now() + timedelta(seconds=600))


def row(app: Application, grant_id: str) -> Grant:
    with app.database.read() as session:
        return session.get_one(Grant, grant_id)


def test_a_candidate_is_committed_at_once_and_is_not_live(app: Application) -> None:
    grant = row(app, save_candidate(app, "nl", new_pair()))
    assert not grant.live
    assert grant.exact_user_id is None
    assert grant.version == 1
    assert grant.rotated_at == grant.last_success_at
    assert read_access_token(app.vault, grant) == "access-one"
    assert read_refresh_token(app.vault, grant) == "refresh-one"
    assert grant.fingerprint == app.vault.fingerprint("refresh-one")


def test_no_token_lies_in_the_database_as_it_is(app: Application) -> None:
    save_candidate(app, "nl", new_pair())
    with app.database.read() as session:
        stored = repr([list(line) for line in session.execute(text("SELECT * FROM grants"))])
    assert "access-one" not in stored
    assert "refresh-one" not in stored


def test_a_token_copied_to_another_row_or_column_does_not_open(app: Application) -> None:
    first, second = (save_candidate(app, "nl", new_pair(name)) for name in ("one", "two"))
    with app.database.transaction() as session:
        target, source = session.get_one(Grant, second), session.get_one(Grant, first)
        target.refresh_token = source.refresh_token
        source.access_token = source.refresh_token
    for broken, read in ((second, read_refresh_token), (first, read_access_token)):
        with pytest.raises(DamagedSecret):
            read(app.vault, row(app, broken))


def test_a_new_pair_forgets_failures_and_ends_the_flight_of_the_old_chain(app: Application) -> None:
    grant_id = save_candidate(app, "nl", new_pair())
    now = clock.now()
    with app.database.transaction() as session:
        grant = session.get_one(Grant, grant_id)
        grant.failures = grant.refusals = 3
        grant.refused_since = grant.next_try_at = grant.lease_until = grant.intent_at = now
        grant.lease_owner = grant.intent_fingerprint = "another"
    with app.database.transaction() as session:
        store_pair(session, app.vault, session.get_one(Grant, grant_id), new_pair("two"))
    grant = row(app, grant_id)
    assert (grant.version, grant.failures, grant.refusals) == (2, 0, 0)
    facts = (grant.refused_since, grant.next_try_at)
    flight = (grant.lease_owner, grant.lease_until, grant.intent_at, grant.intent_fingerprint)
    assert set(facts + flight) == {None}
    assert read_refresh_token(app.vault, grant) == "refresh-two"


def test_a_pair_moves_with_the_moment_it_was_received(app: Application) -> None:
    old, new = (save_candidate(app, "nl", new_pair(name)) for name in ("old", "new"))
    received = row(app, new).rotated_at
    with clock.shifted(timedelta(minutes=1)), app.database.transaction() as session:
        move_pair(session, app.vault, session.get_one(Grant, new), session.get_one(Grant, old))
    target, source = row(app, old), row(app, new)
    assert read_refresh_token(app.vault, target) == "refresh-new"
    assert read_access_token(app.vault, target) == "access-new"
    assert target.rotated_at == received
    assert (read_refresh_token(app.vault, source), read_access_token(app.vault, source)) == ("", "")
    assert source.fingerprint is None


def test_an_empty_row_has_nothing_to_move(app: Application) -> None:
    first, second = (save_candidate(app, "nl", new_pair(name)) for name in ("one", "two"))
    with app.database.transaction() as session:
        source, target = session.get_one(Grant, first), session.get_one(Grant, second)
        wipe_pair(source)
        with pytest.raises(ValueError, match="no pair"):
            move_pair(session, app.vault, source, target)
    assert read_refresh_token(app.vault, row(app, second)) == "refresh-two"


def test_an_answer_without_access_token_is_kept_for_its_refresh_token(app: Application) -> None:
    grant = row(app, save_candidate(app, "nl", TokenPair("", "refresh", clock.now())))
    assert read_access_token(app.vault, grant) == ""
    assert read_refresh_token(app.vault, grant) == "refresh"


def test_a_candidate_begins_with_everything_that_is_known(app: Application) -> None:
    pair, before = new_pair(), clock.now()
    grant = row(app, save_candidate(app, "nl", pair))
    assert (grant.environment, grant.failures, grant.refusals, grant.live) == ("nl", 0, 0, False)
    assert grant.rotated_at is not None
    assert grant.keep_alive_at is not None
    assert timedelta(days=6.3) <= grant.keep_alive_at - grant.rotated_at <= timedelta(days=7)
    assert grant.access_expires_at is not None
    assert abs(grant.access_expires_at - before - timedelta(seconds=600)) < timedelta(seconds=60)
    assert (grant.lease_owner, grant.next_try_at, grant.refused_since) == (None, None, None)


def test_a_pair_that_came_earlier_lies_with_the_moment_it_came(app: Application) -> None:
    grant_id = save_candidate(app, "nl", new_pair())
    came = clock.now() - timedelta(minutes=7)
    for received_at, expected in ((came, came), (clock.now() + timedelta(hours=1), clock.now())):
        with app.database.transaction() as session:
            store_pair(session, app.vault, session.get_one(Grant, grant_id), new_pair("two"), received_at)
        rotated = row(app, grant_id).rotated_at
        assert rotated is not None
        assert abs(rotated - expected) < timedelta(seconds=30)
        assert row(app, grant_id).last_success_at == rotated


def test_what_moves_takes_its_plans_along_and_leaves_an_empty_row(app: Application) -> None:
    old, new = (save_candidate(app, "nl", new_pair(name)) for name in ("old", "new"))
    now = clock.now()
    with app.database.transaction() as session:
        source, target = session.get_one(Grant, new), session.get_one(Grant, old)
        source.keep_alive_at, source.last_success_at = now + timedelta(days=3), now - timedelta(days=1)
        source.lease_owner = source.intent_fingerprint = "a flight"
        source.lease_until = source.intent_at = now
        target.failures = target.refusals = 3
        target.refused_since = target.next_try_at = now
        target.lease_owner = target.intent_fingerprint = "another flight"
        move_pair(session, app.vault, source, target)
    target, source = row(app, old), row(app, new)
    assert (target.keep_alive_at, target.last_success_at) == (
        now + timedelta(days=3),
        now - timedelta(days=1),
    )
    assert (target.version, target.failures, target.refusals) == (2, 0, 0)
    assert {target.refused_since, target.next_try_at, target.lease_owner, target.intent_fingerprint} == {None}
    assert target.fingerprint == app.vault.fingerprint("refresh-new")
    assert target.access_expires_at is not None
    assert (source.version, source.access_token, source.refresh_token, source.access_expires_at) == (
        *(2, None, None, None),
    )
    assert {source.lease_owner, source.lease_until, source.intent_fingerprint, source.intent_at} == {None}
