"""What is recorded is chained in the transaction of the fact, by many at once, and told outside once it is durable."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from threading import Event as Flag

import pytest
from filelock import FileLock
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from core import clock
from core.accounts.roles import CurrentOperator, Role
from core.application import Application
from core.audit import heads
from core.audit.events import Event
from core.audit.heads import HeadFile
from core.audit.record import record, record_alone
from core.audit.verifying import examine
from core.storage import counters
from core.storage.database import Database
from core.storage.models import AuditEntry, Operator
from tests.factories import make_operator


def entries(database: Database) -> list[AuditEntry]:
    with database.read() as session:
        return list(session.scalars(select(AuditEntry).order_by(AuditEntry.sequence)))


@pytest.fixture
def alice(database: Database) -> CurrentOperator:
    return make_operator(database, "Alice", Role.ADMIN, email="alice@clickker.test")


def test_an_entry_says_who_what_on_what_from_where_and_the_outcome(
    app: Application, database: Database, alice: CurrentOperator
) -> None:
    record_alone(
        app,
        Event.REGISTRATION_DELETED,
        alice,
        on="registration 7 Bakker B.V.",
        outcome="refused",
        detail="why",
        address="10.0.0.9",
    )
    (entry,) = entries(database)
    assert (entry.sequence, entry.event, entry.outcome) == (1, "registration.deleted", "refused")
    assert (entry.actor_id, entry.actor_name, entry.actor_email) == (alice.id, "Alice", alice.email)
    assert (entry.subject, entry.detail, entry.address) == ("registration 7 Bakker B.V.", "why", "10.0.0.9")


def test_an_operator_who_is_deleted_or_renamed_stays_in_it_as_they_were(
    app: Application, database: Database, alice: CurrentOperator
) -> None:
    record_alone(app, Event.SIGN_IN, alice)
    with database.transaction() as session:
        row = session.get_one(Operator, alice.id)
        session.delete(row)
    (entry,) = entries(database)
    assert (entry.actor_id, entry.actor_name) == (alice.id, "Alice")
    assert examine(app).broken is None


def test_who_is_no_operator_is_told_apart_by_where_they_come_from(
    app: Application, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "root")
    monkeypatch.setattr("platform.node", lambda: "server")
    record_alone(app, Event.SIGN_IN, None)
    record_alone(app, Event.SIGN_IN, None, address="shell")
    record_alone(app, Event.SIGN_IN, None, address="10.0.0.9")
    record_alone(app, Event.SIGN_IN, None, address="10.0.0.9", actor="customer")
    assert [(e.actor_name, e.address) for e in entries(database)] == [
        ("shell", "root@server"),
        ("shell", "root@server"),
        ("visitor", "10.0.0.9"),
        ("customer", "10.0.0.9"),
    ]


def test_what_is_rolled_back_leaves_no_entry_and_no_head(app: Application, database: Database) -> None:
    with pytest.raises(RuntimeError), database.transaction() as session:
        record(session, Event.SIGN_IN, None)
        raise RuntimeError
    with database.transaction() as session:
        counters.add(session, "first", 1)
    assert entries(database) == []
    assert not app.settings.audit_head_file.exists()


def test_a_commit_that_fails_leaves_no_entry_and_no_head(
    app: Application, database: Database, alice: CurrentOperator
) -> None:
    twin = Operator(email=alice.email, name="Eve", role="admin", active=True, created_at=clock.now())
    with pytest.raises(DBAPIError), database.transaction() as session:
        record(session, Event.OPERATOR_INVITED, alice)
        session.add(twin)
    assert entries(database) == []
    assert not app.settings.audit_head_file.exists()


def test_many_at_once_make_one_chain(app: Application, database: Database) -> None:
    barrier = Barrier(8)

    def work(number: int) -> None:
        barrier.wait(20)
        for turn in range(10):
            with database.transaction() as session:
                counters.add(session, ("first", "second")[(number + turn) % 2], 1)
                record(session, Event.SIGN_IN, None, on=f"operator {number}")
                counters.add(session, ("second", "first")[(number + turn) % 2], 1)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    verdict = examine(app)
    assert (verdict.entries, verdict.broken, verdict.heads) == (80, None, 80)


def _somebody_waits(database: Database) -> bool:
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with database.read() as session:
        return bool(session.scalar(text(query)))


@pytest.mark.parametrize("what", ["row", "counter"])
def test_the_head_is_locked_after_everything_else(
    app: Application, database: Database, alice: CurrentOperator, what: str
) -> None:
    """Who waits at the commit for what another holds does not keep the head from the other meanwhile."""
    held = Flag()

    def changes_late() -> None:
        with database.transaction() as session:
            row = session.get_one(Operator, alice.id)
            record(session, Event.SIGN_IN, None)
            held.wait(20)
            if what == "row":
                row.name = "B"
            else:
                counters.add(session, "first", 1)

    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            waiting = None if database.is_sqlite else pool.submit(changes_late)
            session.execute(text("UPDATE operators SET name = 'A'"))
            counters.put(session, "first", 5)
            held.set()
            while waiting and not waiting.done() and not _somebody_waits(database):
                pass
            record(session, Event.SIGN_OUT, None)
        if waiting:
            waiting.result(60)
    assert examine(app).broken is None


@pytest.mark.parametrize(
    "change",
    ["UPDATE audit_entries SET detail = 'x'", "DELETE FROM audit_entries", "TRUNCATE audit_entries"],
)
def test_the_database_refuses_to_change_or_delete_entries(
    app: Application, database: Database, change: str
) -> None:
    record_alone(app, Event.SIGN_IN, None)
    if database.is_sqlite and change.startswith("TRUNCATE"):  # knows no TRUNCATE, but replaces
        change = "INSERT OR REPLACE INTO audit_entries SELECT * FROM audit_entries"
    with pytest.raises(DBAPIError, match="never"), database.transaction() as session:
        session.execute(text(change))
    assert examine(app).entries == 1


def test_the_head_stands_outside_for_the_owner_alone(app: Application) -> None:
    for _each in range(2):
        record_alone(app, Event.SIGN_IN, None)
    path = app.settings.audit_head_file
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = [head for head in HeadFile(path).lines(path.stat().st_size) if head]
    assert [head.sequence for head in found] == [1, 2]
    assert found[-1].hash == examine(app).hash
    assert HeadFile(path).last() == found[-1]


def test_a_head_that_cannot_be_written_blocks_nobody_and_is_logged(
    app: Application, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    app.settings.audit_head_file.mkdir(parents=True)
    record_alone(app, Event.SIGN_IN, None)
    assert len(entries(database)) == 1
    assert "could not be written" in caplog.text


def test_whoever_holds_the_file_for_too_long_blocks_nobody(
    app: Application, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heads, "PATIENCE_SECONDS", 0.01)
    path = app.settings.audit_head_file
    with FileLock(f"{path}.lock"):
        record_alone(app, Event.SIGN_IN, None)
    assert len(entries(database)) == 1
    assert not path.exists()


def test_a_line_that_was_cut_short_is_left_and_the_next_begins_a_new_one(
    app: Application, tmp_path: Path
) -> None:
    record_alone(app, Event.SIGN_IN, None)
    with app.settings.audit_head_file.open("ab") as file:
        file.write(b"2 0123")
    record_alone(app, Event.SIGN_IN, None)
    verdict = examine(app)
    assert (verdict.broken, verdict.heads, verdict.unreadable) == (None, 2, 1)


def test_the_head_is_told_to_the_log_as_well(app: Application, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="clickker.audit")
    record_alone(app, Event.SIGN_IN, None)
    (line,) = [entry for entry in caplog.records if entry.name == "clickker.audit"]
    assert line.__dict__["audit_head"]["hash"] == examine(app).hash
