"""Live access tokens: one flight at a time, never too early, the successor kept before anything else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from core import clock
from core.application import Application
from core.errors import NotFound, SettingsError
from core.exact.client import ExactClient
from core.exact.errors import ExactError, FailureKind
from core.exact.oauth import TokenPair
from core.exact.transport import Keeper
from core.simulator.server import RunningSimulator
from core.storage.database import Database
from core.storage.models import Grant
from core.tokens import archive, lineage, rotation, spending
from core.tokens.facts import grant_is_dead, in_quiet_hour
from core.tokens.grants import (
    move_pair,
    read_access_token,
    read_refresh_token,
    save_candidate,
    store_pair,
    wipe_pair,
)
from core.tokens.replaying import replay
from core.tokens.rotation import access_token
from core.tokens.vault import Vault

USER = "test@testbv.example"
VERIFIER = "v" * 43
Refresh = Callable[[str, str, Keeper | None], TokenPair]


@pytest.fixture(autouse=True)
def _by_day() -> Iterator[None]:
    """It is noon when a test begins: what is refused at night does not count."""
    noon = (clock.now() + timedelta(days=1)).replace(hour=11)
    with clock.shifted(noon - clock.now()):
        yield


@pytest.fixture
def exact(simulator: RunningSimulator, app: Application) -> RunningSimulator:
    return simulator


@pytest.fixture
def grant_id(exact: RunningSimulator, app: Application) -> str:
    return save_candidate(app, "nl", app.exact.exchange("nl", exact.engine.grant_code("nl", USER), VERIFIER))


def row(app: Application, grant_id: str) -> Grant:
    with app.database.read() as session:
        return session.get_one(Grant, grant_id)


def change(app: Application, grant_id: str, **columns: object) -> None:
    with app.database.transaction() as session:
        grant = session.get_one(Grant, grant_id)
        for name, value in columns.items():
            setattr(grant, name, value)


def spends(exact: RunningSimulator) -> int:
    """Calls of the token address, the exchange of the code aside."""
    return len(exact.engine.calls("token")) - 1


@contextmanager
def later(seconds: float) -> Iterator[datetime]:
    with clock.shifted(timedelta(seconds=seconds)):
        yield clock.now()


def failing(app: Application, grant_id: str) -> ExactError:
    with pytest.raises(ExactError) as caught:
        access_token(app, grant_id)
    return caught.value


def around_refresh(app: Application, monkeypatch: pytest.MonkeyPatch, before: Callable[[], None]) -> None:
    """Let something happen while the token is being spent."""
    original: Refresh = app.exact.refresh

    def refresh(environment: str, refresh_token: str, keeper: Keeper | None) -> TokenPair:
        before()
        return original(environment, refresh_token, keeper)

    monkeypatch.setattr(app.exact, "refresh", refresh)


def test_a_token_that_lives_is_handed_out_without_a_call(
    app: Application, exact: RunningSimulator, grant_id: str
) -> None:
    first = access_token(app, grant_id)
    with later(569):
        assert access_token(app, grant_id) == first
    assert spends(exact) == 0


def test_after_570_seconds_it_is_refreshed_once(
    app: Application, exact: RunningSimulator, grant_id: str
) -> None:
    first = access_token(app, grant_id)
    with later(571):
        second = access_token(app, grant_id)
        assert access_token(app, grant_id) == second != first
        assert app.exact.me("nl", second).full_name == "Tessa Test"
    assert spends(exact) == 1


def test_the_successor_is_committed_with_its_facts(
    app: Application, exact: RunningSimulator, grant_id: str
) -> None:
    before = row(app, grant_id)
    with later(600) as now:
        access_token(app, grant_id)
    after = row(app, grant_id)
    assert after.version == before.version + 1
    assert after.rotated_at is not None
    assert after.rotated_at >= now
    assert after.last_success_at == after.rotated_at
    assert {after.lease_owner, after.lease_until, after.intent_at, after.intent_fingerprint} == {None}
    live = [issued.refresh_token for issued in exact.engine.journal() if issued.condition == "live"]
    assert [read_refresh_token(app.vault, after)] == live


def test_a_chain_of_ninety_days_stays_alive(app: Application, exact: RunningSimulator, grant_id: str) -> None:
    for day in range(7, 91, 7):
        with clock.shifted(timedelta(days=day)):
            access_token(app, grant_id)
    assert spends(exact) == 12


def test_it_is_never_refreshed_before_570_seconds_even_when_the_token_ended(
    app: Application, exact: RunningSimulator, grant_id: str
) -> None:
    change(app, grant_id, access_expires_at=clock.now())
    error = failing(app, grant_id)
    rotated_at = row(app, grant_id).rotated_at
    assert error.kind == FailureKind.TOO_EARLY
    assert rotated_at is not None
    assert error.retry_at == rotated_at + timedelta(seconds=570)
    assert spends(exact) == 0
    assert row(app, grant_id).failures == 0


def test_64_threads_at_expiry_spend_the_token_once(
    app: Application, exact: RunningSimulator, grant_id: str
) -> None:
    with later(601), ThreadPoolExecutor(64) as pool:
        tokens = set(pool.map(lambda _n: access_token(app, grant_id), range(64)))
    assert len(tokens) == 1
    assert spends(exact) == 1


def test_processes_at_expiry_spend_the_token_once(
    app: Application,
    exact: RunningSimulator,
    grant_id: str,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Without the lock of the process only the lease in the database is left, as between processes.
    monkeypatch.setattr(rotation, "alone", lambda _grant_id: nullcontext())
    exact.engine.add_fault("delay", endpoint="token", seconds=0.5)
    other = Application(app.settings, Database(database_url), app.vault, ExactClient(app.settings))
    with later(601), ThreadPoolExecutor(8) as pool:
        tokens = set(pool.map(lambda n: access_token(other if n % 2 else app, grant_id), range(8)))
    other.exact.close()
    other.database.dispose()
    assert len(tokens) == 1
    assert spends(exact) == 1


def test_intent_and_lease_are_durable_while_the_token_is_spent_and_no_lock_is_held(
    app: Application, exact: RunningSimulator, grant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = row(app, grant_id)
    seen: list[Grant] = []

    def look() -> None:
        change(app, grant_id, full_name="written meanwhile")
        seen.append(row(app, grant_id))

    around_refresh(app, monkeypatch, look)
    with later(601) as now:
        access_token(app, grant_id)
    during = seen[0]
    assert during.intent_fingerprint == before.fingerprint
    assert during.lease_owner
    assert during.lease_until is not None
    assert during.lease_until >= now + app.settings.lease
    assert row(app, grant_id).full_name == "written meanwhile"


def test_a_database_that_cannot_be_written_spends_nothing(
    app: Application, exact: RunningSimulator, grant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_arguments: object) -> bool:
        raise OperationalError("UPDATE", {}, Exception("read-only"))

    monkeypatch.setattr(spending, "take_lease", down)
    with later(601), pytest.raises(OperationalError):
        access_token(app, grant_id)
    assert spends(exact) == 0


def test_a_database_that_is_away_for_a_moment_does_not_cost_the_successor(
    app: Application, exact: RunningSimulator, grant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = iter([True, True])
    columns = lineage._columns

    def unsteady(*arguments: Any) -> dict[str, object]:
        if next(failures, False):
            raise OperationalError("UPDATE", {}, Exception("away"))
        return columns(*arguments)

    monkeypatch.setattr(lineage, "_columns", unsteady)
    monkeypatch.setattr(lineage._commit.retry, "sleep", lambda _seconds: None)
    with later(601):
        token = access_token(app, grant_id)
        assert access_token(app, grant_id) == token
    assert spends(exact) == 1


def test_a_commit_whose_acknowledgement_was_lost_is_found_done(
    app: Application, exact: RunningSimulator, grant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = iter([False, True])  # the lease is acknowledged, the successor is not
    original = app.database.transaction

    @contextmanager
    def unsteady() -> Iterator[Session]:
        with original() as session:
            yield session
        if next(lost, False):
            raise OperationalError("COMMIT", {}, Exception("no acknowledgement"))

    monkeypatch.setattr(app.database, "transaction", unsteady)
    monkeypatch.setattr(lineage._commit.retry, "sleep", lambda _seconds: None)
    with later(601):
        assert app.exact.me("nl", access_token(app, grant_id)).user_id
    assert row(app, grant_id).version == 2


def test_another_process_at_it_is_not_disturbed_while_the_token_lives(
    app: Application, exact: RunningSimulator, grant_id: str
) -> None:
    with later(580) as now:
        change(app, grant_id, lease_owner="another", lease_until=now + app.settings.lease)
        assert access_token(app, grant_id)
    assert spends(exact) == 0


def test_it_waits_for_another_process_and_takes_what_that_brings(
    app: Application, exact: RunningSimulator, grant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with later(601) as now:
        change(app, grant_id, lease_owner="another", lease_until=now + app.settings.lease)

        def other_finishes(_seconds: float) -> None:
            with app.database.transaction() as session:
                pair = TokenPair("access-of-another", "refresh-of-another", now + timedelta(seconds=600))
                store_pair(session, app.vault, session.get_one(Grant, grant_id), pair)

        monkeypatch.setattr(rotation, "sleep", other_finishes)
        assert access_token(app, grant_id) == "access-of-another"
    assert spends(exact) == 0


def test_a_lease_that_was_left_behind_runs_out(
    app: Application, exact: RunningSimulator, grant_id: str
) -> None:
    with later(601) as now:
        change(app, grant_id, lease_owner="dead process", lease_until=now - timedelta(seconds=1))
        assert access_token(app, grant_id)
    assert spends(exact) == 1


def test_a_failure_is_recorded_and_the_next_try_waits(
    app: Application, exact: RunningSimulator, grant_id: str
) -> None:
    success = row(app, grant_id).last_success_at
    exact.engine.add_fault("server_error", endpoint="token")
    with later(601) as now:
        error = failing(app, grant_id)
        assert error.kind == FailureKind.OUTAGE
        again = failing(app, grant_id)
        assert (again.kind, again.retry_at) == (FailureKind.OUTAGE, error.retry_at)
    facts = row(app, grant_id)
    assert (facts.failures, facts.refusals, facts.last_failure_kind) == (1, 0, "outage")
    assert "ExtractAccessToken" in (facts.last_failure_message or "")
    assert facts.last_failure_at is not None
    assert facts.last_failure_at >= now
    assert facts.last_success_at == success
    assert facts.lease_owner is None
    assert facts.next_try_at is not None
    assert facts.next_try_at - facts.last_failure_at == timedelta(seconds=15)
    assert spends(exact) == 1


def test_the_same_token_is_tried_again_and_a_success_ends_the_row_of_failures(
    app: Application, exact: RunningSimulator, grant_id: str
) -> None:
    exact.engine.add_fault("drop", endpoint="token")
    with later(601):
        assert failing(app, grant_id).kind == FailureKind.UNKNOWN
    with later(601 + 16):
        assert app.exact.me("nl", access_token(app, grant_id)).user_id
    facts = row(app, grant_id)
    assert (facts.failures, facts.next_try_at) == (0, None)
    assert facts.last_failure_kind == "unknown"


def test_a_failure_while_the_token_lives_still_hands_it_out(
    app: Application, exact: RunningSimulator, grant_id: str
) -> None:
    first = access_token(app, grant_id)
    exact.engine.add_fault("maintenance", endpoint="token")
    with later(580):
        assert access_token(app, grant_id) == first
        assert access_token(app, grant_id) == first
    assert row(app, grant_id).failures == 1
    assert spends(exact) == 1


def test_exacts_own_moment_is_waited_for(app: Application, exact: RunningSimulator, grant_id: str) -> None:
    exact.engine.add_fault("rate_limited", endpoint="token")
    with later(601) as now:
        error = failing(app, grant_id)
    assert error.kind == FailureKind.RATE_LIMITED
    assert error.retry_at is not None
    assert now < error.retry_at <= now + timedelta(seconds=61)
    assert row(app, grant_id).next_try_at == error.retry_at


def test_too_early_is_no_failure_and_waits_the_570_seconds(
    app: Application, exact: RunningSimulator, grant_id: str
) -> None:
    exact.engine.add_fault("too_early", endpoint="token")
    with later(601) as now:
        error = failing(app, grant_id)
        assert failing(app, grant_id).kind == FailureKind.TOO_EARLY
    facts = row(app, grant_id)
    assert (error.kind, facts.failures, facts.last_failure_at) == (FailureKind.TOO_EARLY, 0, None)
    assert facts.next_try_at is not None
    assert facts.next_try_at >= now + timedelta(seconds=570)
    assert spends(exact) == 1
    with later(601 + 575):
        assert access_token(app, grant_id)


def test_three_refusals_over_two_hours_make_it_dead_and_the_token_is_kept(
    app: Application, exact: RunningSimulator, grant_id: str
) -> None:
    exact.engine.revoke("nl", USER)
    token = read_refresh_token(app.vault, row(app, grant_id))
    moment, dead = 601.0, []
    for _attempt in range(3):
        with later(moment):
            error = failing(app, grant_id)
            assert error.kind == FailureKind.REFUSED
            assert error.retry_at is not None
            moment += (error.retry_at - clock.now()).total_seconds() + 1
        dead.append(grant_is_dead(row(app, grant_id)))
    assert dead == [False, False, True]
    assert row(app, grant_id).refusals == spends(exact) == 3
    assert read_refresh_token(app.vault, row(app, grant_id)) == token


def test_a_false_refusal_mends_itself(app: Application, exact: RunningSimulator, grant_id: str) -> None:
    exact.engine.add_fault("invalid_grant", endpoint="token")
    with later(601):
        assert failing(app, grant_id).kind == FailureKind.REFUSED
    with later(601 + 601):
        assert access_token(app, grant_id)
    facts = row(app, grant_id)
    assert (facts.refusals, facts.refused_since, facts.failures) == (0, None, 0)


def consent_again(app: Application, exact: RunningSimulator, grant_id: str) -> None:
    pair = app.exact.exchange("nl", exact.engine.grant_code("nl", USER), VERIFIER)
    with app.database.transaction() as session:
        store_pair(session, app.vault, session.get_one(Grant, grant_id), pair)


def test_a_refusal_because_of_a_new_consent_uses_the_new_token(
    app: Application, exact: RunningSimulator, grant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    around_refresh(app, monkeypatch, lambda: consent_again(app, exact, grant_id))
    with later(601):
        assert app.exact.me("nl", access_token(app, grant_id)).user_id
    facts = row(app, grant_id)
    assert (facts.failures, facts.last_failure_kind, facts.version) == (0, None, 2)


def test_a_refusal_of_a_token_that_was_replaced_says_nothing_of_the_new_one(
    app: Application, exact: RunningSimulator, grant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replaced() -> None:
        with app.database.transaction() as session:
            pair = TokenPair("", "the new one", clock.now())
            store_pair(session, app.vault, session.get_one(Grant, grant_id), pair)

    around_refresh(app, monkeypatch, replaced)
    exact.engine.add_fault("invalid_grant", endpoint="token")
    with later(601):
        assert failing(app, grant_id).kind == FailureKind.TOO_EARLY
    assert row(app, grant_id).failures == 0


def test_a_failure_is_recorded_only_where_the_tried_token_lies(
    app: Application, exact: RunningSimulator, grant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = {"fingerprint": "another", "rotated_at": clock.now() + timedelta(days=1)}
    around_refresh(app, monkeypatch, lambda: change(app, grant_id, **moved))
    exact.engine.add_fault("invalid_grant", endpoint="token")
    with later(601):
        failing(app, grant_id)
    assert row(app, grant_id).refusals == 0


def test_a_successor_never_writes_over_a_new_consent(
    app: Application, exact: RunningSimulator, grant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    original: Refresh = app.exact.refresh

    def slow_answer(environment: str, refresh_token: str, keeper: Keeper | None) -> TokenPair:
        pair = original(environment, refresh_token, keeper)
        consent_again(app, exact, grant_id)
        return pair

    monkeypatch.setattr(app.exact, "refresh", slow_answer)
    with later(601):
        token = access_token(app, grant_id)
    assert token == read_access_token(app.vault, row(app, grant_id))
    live = [issued.refresh_token for issued in exact.engine.journal() if issued.condition == "live"]
    assert [read_refresh_token(app.vault, row(app, grant_id))] == live


def test_a_late_winner_is_kept_though_its_lease_ran_out(
    app: Application, exact: RunningSimulator, grant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    past = clock.now()
    around_refresh(app, monkeypatch, lambda: change(app, grant_id, lease_until=past, lease_owner="other"))
    with later(601):
        assert access_token(app, grant_id)
    assert row(app, grant_id).version == 2


def test_an_answer_without_access_token_keeps_the_chain(
    app: Application, exact: RunningSimulator, grant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    original: Refresh = app.exact.refresh

    def half(environment: str, refresh_token: str, keeper: Keeper | None) -> TokenPair:
        pair = original(environment, refresh_token, keeper)
        return TokenPair("", pair.refresh_token, pair.expires_at)

    monkeypatch.setattr(app.exact, "refresh", half)
    with later(601):
        assert failing(app, grant_id).kind == FailureKind.TOO_EARLY
    monkeypatch.undo()
    with later(601 + 571):
        assert access_token(app, grant_id)


def test_there_may_be_no_such_grant_or_no_tokens_in_it(
    app: Application, exact: RunningSimulator, grant_id: str
) -> None:
    with pytest.raises(NotFound):
        access_token(app, "no such grant")
    with app.database.transaction() as session:
        wipe_pair(session.get_one(Grant, grant_id))
    assert failing(app, grant_id).kind == FailureKind.REFUSED
    assert spends(exact) == 0


def test_a_missing_key_spends_nothing_and_holds_no_lease(
    app: Application, exact: RunningSimulator, grant_id: str
) -> None:
    wrong = Application(app.settings, app.database, Vault(Vault.generate_key()), app.exact)
    with later(601), pytest.raises(SettingsError):
        access_token(wrong, grant_id)
    assert spends(exact) == 0
    assert row(app, grant_id).lease_owner is None


def test_grants_do_not_wait_for_each_other(
    app: Application, exact: RunningSimulator, grant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = exact.engine.grant_code("nl", "info@bakkerbv.example")
    other_id = save_candidate(app, "nl", app.exact.exchange("nl", code, VERIFIER))
    tokens: list[str] = []

    def once() -> None:
        if not tokens:
            tokens.append("")
            tokens.append(access_token(app, other_id))

    around_refresh(app, monkeypatch, once)
    with later(601):
        tokens.append(access_token(app, grant_id))
    assert len(set(tokens)) == 3


def test_no_token_is_in_a_log(
    app: Application, exact: RunningSimulator, grant_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    exact.engine.add_fault("invalid_grant", endpoint="token")
    with later(601):
        failing(app, grant_id)
    with later(601 + 601):
        access_token(app, grant_id)
    tokens = {t for issued in exact.engine.journal() for t in (issued.access_token, issued.refresh_token)}
    assert len(tokens) == 4
    assert not [token for token in tokens if token in caplog.text]


def test_an_answer_that_comes_while_we_give_up_is_put_in_force(
    app: Application, exact: RunningSimulator, grant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    original: Refresh = app.exact.refresh

    def just_too_late(environment: str, refresh_token: str, keeper: Keeper | None) -> TokenPair:
        original(environment, refresh_token, keeper)
        raise ExactError(FailureKind.UNKNOWN)

    monkeypatch.setattr(app.exact, "refresh", just_too_late)
    with later(601):
        assert app.exact.me("nl", access_token(app, grant_id)).user_id
    live = [issued.refresh_token for issued in exact.engine.journal() if issued.condition == "live"]
    assert [read_refresh_token(app.vault, row(app, grant_id))] == live


def test_a_refusal_in_the_doubtful_hour_of_the_night_does_not_count(
    app: Application, exact: RunningSimulator, grant_id: str
) -> None:
    night = (clock.now() + timedelta(days=2)).replace(hour=0, minute=30)
    night += timedelta(hours=0 if in_quiet_hour(app.settings, night) else -1)
    exact.engine.add_fault("invalid_grant", endpoint="token")
    with clock.shifted(night - clock.now()):
        assert failing(app, grant_id).kind == FailureKind.REFUSED
    facts = row(app, grant_id)
    assert (facts.failures, facts.refusals, facts.refused_since) == (1, 0, None)


def test_a_success_does_not_free_it_to_make_a_fifth_error_within_the_hour(
    app: Application, exact: RunningSimulator, grant_id: str
) -> None:
    first = clock.now() - timedelta(minutes=10)
    moments = [first.timestamp() + 60 * n for n in range(4)]
    change(app, grant_id, error_moments=moments)
    with later(601):
        assert failing(app, grant_id).retry_at == first + timedelta(minutes=61)
    assert spends(exact) == 0
    with later(51 * 60 + 1):
        assert access_token(app, grant_id)


def test_a_successor_follows_its_parent_into_another_row(
    app: Application, exact: RunningSimulator, grant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    target_id = save_candidate(app, "nl", TokenPair("", "lost long ago", clock.now()))

    def taken_over() -> None:
        with app.database.transaction() as session:
            source, target = session.get_one(Grant, grant_id), session.get_one(Grant, target_id)
            move_pair(session, app.vault, source, target)

    around_refresh(app, monkeypatch, taken_over)
    with later(601):
        assert access_token(app, grant_id)
        assert app.exact.me("nl", access_token(app, target_id)).user_id
    live = [issued.refresh_token for issued in exact.engine.journal() if issued.condition == "live"]
    assert [read_refresh_token(app.vault, row(app, target_id))] == live


@pytest.mark.parametrize("killed", [False, True])
def test_what_comes_back_after_a_disconnect_is_kept_nowhere(
    app: Application, exact: RunningSimulator, grant_id: str, monkeypatch: pytest.MonkeyPatch, killed: bool
) -> None:
    def disconnected() -> None:
        with app.database.transaction() as session:
            wipe_pair(session.get_one(Grant, grant_id))
        app.journal.forget([grant_id])

    around_refresh(app, monkeypatch, disconnected)
    with later(601):
        with monkeypatch.context() as patch:
            if killed:
                patch.setattr(spending, "land", lambda *_arguments: 1 / 0)
            with pytest.raises(ZeroDivisionError if killed else ExactError):
                access_token(app, grant_id)
        replay(app)
    assert row(app, grant_id).refresh_token is None
    assert list(app.journal.slots.left_behind()) == []
    with app.journal.archive._database().read() as rows:
        assert rows.execute(select(archive._answers)).all() == []
