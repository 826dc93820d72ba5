"""The keeper: what is due is done once, nothing else is, and one bad row never stops the rest."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core import clock
from core.accounts.roles import CurrentOperator
from core.application import Application
from core.exact.errors import ExactError, FailureKind
from core.keeping import chores, jobs
from core.keeping import keeper as module
from core.keeping.claims import claim_check
from core.keeping.jobs import loudness
from core.keeping.keeper import Keeper
from core.keeping.lock import KeeperRunning, only_keeper
from core.keeping.working import keep, keep_within
from core.registrations import heartbeat
from core.registrations.register import disconnect, set_active
from core.registrations.schedule import after_quiet_hour
from core.registrations.status import Status
from core.settings import Settings
from core.simulator.server import RunningSimulator
from core.storage import counters
from core.storage.database import Database
from core.storage.models import Grant, Registration
from core.tokens.facts import in_quiet_hour
from tests.factories import make_connected, make_grant, make_operator
from tests.support.connecting import connect

DAY = timedelta(days=1)


@pytest.fixture
def alice(app: Application) -> CurrentOperator:
    return make_operator(app.database, "Alice")


@pytest.fixture(autouse=True)
def _at_noon() -> Any:
    """Never in the quiet hour, whenever the tests run."""
    now = clock.now()
    with clock.shifted(now.replace(hour=11, minute=0, second=0, microsecond=0) + DAY - now):
        yield


def row(app: Application, number: int) -> Registration:
    with app.database.read() as session:
        return session.get_one(Registration, number)


def grant(app: Application, number: int) -> Grant:
    with app.database.read() as session:
        return session.get_one(Grant, row(app, number).grant_id)


def make_due(app: Application, number: int, at: datetime | None = None) -> None:
    with app.database.transaction() as session:
        session.get_one(Registration, number).next_check_at = at or clock.now() - timedelta(minutes=1)


def test_what_is_due_is_checked_and_what_is_not_is_left(
    app: Application, alice: CurrentOperator, simulator: RunningSimulator
) -> None:
    due = connect(app, alice, simulator, codes={1001001})
    idle = make_connected(app.database)
    make_due(app, due)
    before = row(app, due).last_checked_at
    Keeper(app).turn()
    found = row(app, due)
    assert found.last_checked_at is not None
    assert before is not None
    assert found.last_checked_at > before
    assert found.check_until is None
    assert found.next_check_at is not None
    assert found.next_check_at > clock.now() + timedelta(hours=17)
    assert row(app, idle).last_checked_at == row(app, idle).last_success_at


def test_each_due_row_is_claimed_once_by_eight_keepers(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = [make_connected(app.database) for _number in range(24)]
    for number in numbers:
        make_due(app, number)
    checked: list[int] = []

    def note(app: Application, number: int, _hurry: object) -> None:
        checked.append(number)
        make_due(app, number, clock.now() + DAY)

    monkeypatch.setattr(module, "check_registration", note)
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(Keeper(app).turn) for _keeper in range(8)]:
            done.result()
    assert sorted(checked) == numbers


def test_a_claim_is_exclusive_until_its_lease_ends(app: Application) -> None:
    number = make_connected(app.database)
    make_due(app, number)
    now = clock.now()
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda _n: claim_check(app.database, app.settings, number, now), range(16)))
    assert got.count(True) == 1
    assert not claim_check(app.database, app.settings, number, now + timedelta(minutes=10))
    assert claim_check(app.database, app.settings, number, now + timedelta(hours=1))


def test_one_bad_registration_does_not_stop_the_rest(
    app: Application, alice: CurrentOperator, simulator: RunningSimulator, caplog: pytest.LogCaptureFixture
) -> None:
    bad = connect(app, alice, simulator, codes={1001001})
    good = connect(app, alice, simulator, "Bakker B.V.", user="info@bakkerbv.example")
    with app.database.transaction() as session:
        broken = session.get_one(Grant, row(app, bad).grant_id)
        assert broken.access_token is not None
        broken.access_token = broken.access_token[:-1] + bytes([broken.access_token[-1] ^ 1])
    for number in (bad, good):
        make_due(app, number)
    before = clock.now()
    Keeper(app).turn()
    assert (row(app, good).last_success_at or before - DAY) >= before
    found = row(app, bad)
    assert found.status == Status.ATTENTION
    assert found.last_failure_kind == FailureKind.OURS
    assert found.check_until is None
    assert found.next_check_at is not None
    assert found.next_check_at > clock.now()
    assert f"registration {bad} failed: DamagedSecret" in caplog.text


def test_words_of_an_unforeseen_error_stay_out_of_the_log(
    app: Application, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    number = make_connected(app.database)
    make_due(app, number)

    def burst(*_given: object) -> None:
        raise ValueError("canary-secret")

    monkeypatch.setattr(jobs, "check", burst)
    Keeper(app).turn()
    assert "ValueError" in caplog.text
    assert "canary-secret" not in caplog.text


def test_a_paused_one_is_kept_alive_and_nothing_more(
    app: Application, alice: CurrentOperator, simulator: RunningSimulator
) -> None:
    number = connect(app, alice, simulator, codes={1001001})
    set_active(app, alice, number, active=False)
    assert row(app, number).next_check_at is None
    assert grant(app, number).rotated_at is not None
    with app.database.transaction() as session:
        session.get_one(Grant, row(app, number).grant_id).keep_alive_at = clock.now() + 7 * DAY
    asked = len(simulator.engine.calls("me"))
    with clock.shifted(6 * DAY):
        Keeper(app).turn()
    assert len(simulator.engine.journal()) == 1
    with clock.shifted(7 * DAY + timedelta(minutes=1)):
        Keeper(app).turn()
        assert [issued.condition for issued in simulator.engine.journal()] == ["spent", "live"]
        kept = grant(app, number)
        assert kept.keep_alive_at is not None
        assert kept.keep_alive_at > clock.now() + 6 * DAY
        assert (row(app, number).lapses_at or clock.now()) > clock.now() + 29 * DAY
    assert len(simulator.engine.calls("me")) == asked
    assert row(app, number).status == Status.PAUSED


def test_drafts_and_disconnected_ones_are_never_looked_at(app: Application, alice: CurrentOperator) -> None:
    number = make_connected(app.database)
    disconnect(app, alice, number)
    assert row(app, number).next_check_at is None


def test_resuming_and_linking_bring_the_next_check_near(app: Application, alice: CurrentOperator) -> None:
    number = make_connected(app.database)
    make_due(app, number, clock.now() + DAY)
    set_active(app, alice, number, active=False)
    set_active(app, alice, number, active=True)
    assert (row(app, number).next_check_at or clock.now() + DAY) < clock.now() + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("utc", "quiet"),
    [
        ("2026-11-23T00:00", True),
        ("2026-11-23T00:59", True),
        ("2026-11-22T23:59", False),
        ("2026-11-23T01:00", False),
        ("2026-07-01T23:30", True),
        ("2026-07-02T00:30", False),
        # The night in March that has no 02:00, and the one in October that has it twice.
        ("2026-03-29T00:30", True),
        ("2026-03-29T01:00", False),
        ("2026-10-24T23:30", True),
        ("2026-10-25T00:00", False),
        ("2026-10-25T01:00", False),
    ],
)
def test_the_quiet_hour_is_the_dutch_one(utc: str, quiet: bool) -> None:
    moment = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert in_quiet_hour(Settings(), moment) is quiet
    assert not in_quiet_hour(Settings(), after_quiet_hour(Settings(), moment))


def test_the_quiet_hour_can_be_moved_and_switched_off() -> None:
    moment = datetime(2026, 11, 23, 0, 30, tzinfo=UTC)
    assert in_quiet_hour(Settings(quiet_hour=3), moment + timedelta(hours=2))
    assert not in_quiet_hour(Settings(quiet_hour=-1), moment)


def test_in_the_quiet_hour_only_what_would_lapse_is_used(
    app: Application, alice: CurrentOperator, simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    resting = connect(app, alice, simulator, codes={1001001})
    lapsing = connect(app, alice, simulator, "Bakker B.V.", user="info@bakkerbv.example")
    kept: list[str] = []
    monkeypatch.setattr(module, "keep_grant_alive", lambda _app, grant_id: kept.append(grant_id))
    night = clock.now().replace(hour=23, minute=30) if _summer() else clock.now().replace(hour=0, minute=30)
    make_due(app, resting, night - DAY)
    with app.database.transaction() as session:
        for number, age in ((resting, 8), (lapsing, 29.9)):
            old = session.get_one(Grant, row(app, number).grant_id)
            old.rotated_at = night - age * DAY
            old.keep_alive_at = night - DAY
    before = row(app, resting).last_checked_at
    with clock.shifted(night - clock.now()):
        assert in_quiet_hour(Settings(), clock.now())
        Keeper(app).turn()
    assert kept == [grant(app, lapsing).id]
    assert row(app, resting).last_checked_at == before


def _summer() -> bool:
    return in_quiet_hour(Settings(), clock.now().replace(hour=23, minute=30))


def test_a_consent_that_cannot_be_kept_alive_is_told_louder_and_louder(app: Application) -> None:
    now = clock.now()
    levels = [loudness(app.settings, now - days * DAY, now) for days in (7, 14, 21, 27)]
    assert levels == [logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL]


def test_a_failed_keep_alive_waits_and_is_told(
    app: Application, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    number = make_connected(app.database, at=clock.now() - 22 * DAY)
    with app.database.transaction() as session:
        old = session.get_one(Grant, row(app, number).grant_id)
        old.keep_alive_at, old.fingerprint = clock.now() - DAY, "f"
    calls: list[str] = []
    retry_at = clock.now() + timedelta(hours=4)

    def fail(_app: Application, grant_id: str) -> None:
        calls.append(grant_id)
        raise ExactError(FailureKind.OUTAGE, retry_at=retry_at)

    monkeypatch.setattr(jobs, "keep_alive", fail)
    Keeper(app).turn()
    Keeper(app).turn()
    assert len(calls) == 1
    assert grant(app, number).keep_alive_at == retry_at
    assert [record.levelname for record in caplog.records if "kept alive" in record.message] == ["ERROR"]


def test_checks_wait_where_an_incident_holds_them_and_a_canary_goes_first(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, canary, other = (make_connected(app.database, environment=code) for code in ("be", "be", "nl"))
    make_due(app, held)
    make_due(app, other)
    make_due(app, canary, clock.now() + DAY)
    asked: list[int] = []

    def note(app: Application, number: int, _hurry: object) -> None:
        asked.append(number)
        make_due(app, number, clock.now() + DAY)

    due = iter([[canary]])
    monkeypatch.setattr(module, "check_registration", note)
    monkeypatch.setattr(chores, "held_environments", lambda _app: frozenset({"be"}))
    monkeypatch.setattr(chores, "canaries", lambda _app: next(due, []))
    Keeper(app).turn()
    assert sorted(asked) == sorted([canary, other])


def test_it_shows_that_it_is_at_work(app: Application) -> None:
    def ran() -> datetime | None:
        with app.database.read() as session:
            return heartbeat.ran_at(counters.read_all(session))

    assert ran() is None
    assert heartbeat.is_missing(ran(), clock.now())
    Keeper(app).turn()
    assert not heartbeat.is_missing(ran(), clock.now())
    assert heartbeat.is_missing(ran(), clock.now() + timedelta(minutes=61))


def test_a_database_that_is_away_for_a_moment_does_not_end_it(
    app: Application, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stop, looked = threading.Event(), threading.Event()
    failures = iter([OSError("gone")])

    def look(_app: Application) -> list[int]:
        for failure in failures:
            raise failure
        looked.set()
        return []

    monkeypatch.setattr(chores, "canaries", look)
    quick = Application(
        app.settings.model_copy(update={"keeper_seconds": 0.01}), app.database, app.vault, app.exact
    )
    thread = threading.Thread(target=Keeper(quick).run, args=(stop,))
    thread.start()
    assert looked.wait(20)
    stop.set()
    thread.join(20)
    assert not thread.is_alive()
    assert "could not look what is due: OSError" in caplog.text


def test_on_sqlite_the_second_keeper_refuses_in_plain_words(app: Application) -> None:
    with only_keeper(app.database):
        if not app.database.is_sqlite:
            with only_keeper(app.database):
                return
        with pytest.raises(KeeperRunning, match="Another keeper is already at work"):
            keep(app.__class__(_practice(app), app.database, app.vault, app.exact), threading.Event())
    with only_keeper(app.database):
        pass


def _practice(app: Application) -> Any:
    return app.settings.model_copy(update={"allow_simulator": True})


def test_a_dashboard_that_is_not_to_keep_still_keeps_statuses_true(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled = threading.Event()
    stop = threading.Event()
    monkeypatch.setattr("core.keeping.working.SETTLE_SECONDS", 0.01)
    monkeypatch.setattr("core.keeping.working.settle_all", lambda _app: settled.set())
    monkeypatch.setattr("core.keeping.working.Keeper", None)
    off = app.settings.model_copy(update={"keeper": "off"})
    working = threading.Thread(
        target=keep_within, args=(Application(off, app.database, app.vault, app.exact), stop)
    )
    working.start()
    assert settled.wait(20)
    stop.set()
    working.join(20)
    assert not working.is_alive()


def test_a_keeper_starts_only_on_tables_of_this_version(app: Application, tmp_path: Any) -> None:
    empty = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    with pytest.raises(Exception, match="clickker db upgrade"):
        keep(Application(_practice(app), empty, app.vault, app.exact), threading.Event())
    empty.dispose()


def test_a_grant_without_tokens_is_not_kept_alive(app: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    make_grant(app.database, keep_alive_at=clock.now() - DAY)
    monkeypatch.setattr(module, "keep_grant_alive", pytest.fail)
    Keeper(app).turn()
