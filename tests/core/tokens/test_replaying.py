"""What was left behind is found: by a replay of the slots, and by the archive after a restored backup."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from core import clock
from core.application import Application
from core.exact.errors import ExactError, FailureKind
from core.simulator.server import RunningSimulator
from core.storage.models import Alarm, Grant
from core.tokens import archive, spending
from core.tokens.grants import read_refresh_token, save_candidate, wipe_pair
from core.tokens.lineage import Landing, land
from core.tokens.records import OtherForm, Record, Spend, seal, unseal
from core.tokens.replaying import recover_all, replay
from core.tokens.rotation import access_token, distrust, keep_alive
from core.tokens.vault import DamagedSecret, Vault
from tests.factories import make_registration

USER = "test@testbv.example"
VERIFIER = "v" * 43


class Killed(BaseException):
    """Stands in for the end of the process: nothing of ours catches it."""


@pytest.fixture
def grant_id(simulator: RunningSimulator, app: Application) -> str:
    code = simulator.engine.grant_code("nl", USER)
    return save_candidate(app, "nl", app.exact.exchange("nl", code, VERIFIER))


def row(app: Application, grant_id: str) -> Grant:
    with app.database.read() as session:
        return session.get_one(Grant, grant_id)


def live(simulator: RunningSimulator) -> list[str]:
    return [issued.refresh_token for issued in simulator.engine.journal() if issued.condition == "live"]


@contextmanager
def later(simulator: RunningSimulator, **by: float) -> Iterator[None]:
    simulator.engine.advance(timedelta(**by))
    with clock.shifted(timedelta(**by)):
        yield


def killed(*_arguments: Any) -> None:
    raise Killed


def left_behind(
    app: Application, grant_id: str, monkeypatch: pytest.MonkeyPatch, where: str = "land"
) -> None:
    """Refresh, and die once the answer is in its slot."""
    with monkeypatch.context() as patch:
        patch.setattr(spending, where, killed)
        with pytest.raises(Killed):
            access_token(app, grant_id)


def test_an_answer_that_was_not_committed_is_put_in_force(
    app: Application, simulator: RunningSimulator, grant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with later(simulator, seconds=601):
        left_behind(app, grant_id, monkeypatch)
        assert [read_refresh_token(app.vault, row(app, grant_id))] != live(simulator)

        assert replay(app) == 1

        assert [read_refresh_token(app.vault, row(app, grant_id))] == live(simulator)
        assert row(app, grant_id).lease_owner is None
        assert replay(app) == 0


def test_an_answer_that_was_committed_already_changes_nothing(
    app: Application, simulator: RunningSimulator, grant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with later(simulator, seconds=601):
        left_behind(app, grant_id, monkeypatch, "archive")
        before = row(app, grant_id)

        replay(app)

        after = row(app, grant_id)
        assert (after.version, after.refresh_token) == (before.version, before.refresh_token)
        known = app.journal.newest(grant_id)
        assert known is not None
        assert known.child == after.fingerprint


def test_whoever_wants_a_token_finds_the_answer_first_and_spends_nothing(
    app: Application, simulator: RunningSimulator, grant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with later(simulator, seconds=601):
        left_behind(app, grant_id, monkeypatch)
        with clock.shifted(app.settings.lease):
            access_token(app, grant_id)
    assert len(simulator.engine.calls("token")) == 2


def test_half_an_answer_in_a_slot_is_lost_and_stops_nothing(
    app: Application, simulator: RunningSimulator, grant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with later(simulator, seconds=601):
        left_behind(app, grant_id, monkeypatch)
        slot = next(path for path in app.journal.folder.glob("slot-???") if path.read_bytes()[:4] == b"CKJ1")
        content = slot.read_bytes()
        slot.write_bytes(content[:700] + bytes(len(content) - 700))

        assert replay(app) == 0
        assert list(app.journal.slots.left_behind()) == []


def test_a_key_that_is_missing_leaves_the_answer_for_later(
    app: Application, simulator: RunningSimulator, grant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Application(app.settings, app.database, Vault(Vault.generate_key()), app.exact)
    with later(simulator, seconds=601):
        left_behind(app, grant_id, monkeypatch)
        assert replay(other) == 0
        assert replay(app) == 1


def test_a_successor_whose_row_moved_on_is_kept_aside_and_somebody_is_told(
    app: Application, simulator: RunningSimulator, grant_id: str
) -> None:
    number = make_registration(app.database, grant_id=grant_id)
    spend = Spend("nl", grant_id, "the parent it once had")
    pair = app.exact.exchange("nl", simulator.engine.grant_code("nl", USER), VERIFIER)
    before = row(app, grant_id)

    assert land(app, spend, pair, clock.now()) is Landing.ORPHANED

    assert row(app, grant_id).refresh_token == before.refresh_token
    with app.database.read() as session:
        assert session.scalars(select(Alarm.registration_id)).all() == [number]


def test_a_row_that_was_deleted_gets_no_tokens_back(
    app: Application, simulator: RunningSimulator, grant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deleted(*arguments: Any) -> Landing:
        with app.database.transaction() as session:
            session.delete(session.get_one(Grant, grant_id))
        return land(*arguments)

    monkeypatch.setattr(spending, "land", deleted)
    with later(simulator, seconds=601), pytest.raises(Exception, match="no longer there"):
        access_token(app, grant_id)
    assert app.journal.newest(grant_id) is None
    assert list(app.journal.slots.left_behind()) == []


# --- A restored backup -----------------------------------------------------------------------------------


@pytest.fixture
def backup(app: Application, grant_id: str) -> Callable[[], None]:
    """Remembers the row as it is; calling it brings that back."""
    columns = {
        column.name: value
        for column in Grant.__table__.columns
        if (value := getattr(row(app, grant_id), column.name)) is not None
    }

    def restore() -> None:
        with app.database.transaction() as session:
            session.delete(session.get_one(Grant, grant_id))
            session.flush()
            session.add(Grant(**columns))

    return restore


def rotate(app: Application, simulator: RunningSimulator, grant_id: str, times: int) -> float:
    """Refresh ``times`` times, ten minutes apart; how many seconds that took."""
    for number in range(times):
        simulator.engine.advance(601)
        with clock.shifted(timedelta(seconds=601 * (number + 1))):
            access_token(app, grant_id)
    return 601 * times


def test_after_a_restored_backup_the_newest_token_of_the_chain_is_in_force_again(
    app: Application, simulator: RunningSimulator, grant_id: str, backup: Callable[[], None]
) -> None:
    passed = rotate(app, simulator, grant_id, 3)
    backup()

    with clock.shifted(timedelta(seconds=passed)):
        assert recover_all(app) == 1
        assert [read_refresh_token(app.vault, row(app, grant_id))] == live(simulator)
        assert recover_all(app) == 0


def test_a_refused_ancestor_finds_the_living_descendant_by_itself(
    app: Application, simulator: RunningSimulator, grant_id: str, backup: Callable[[], None]
) -> None:
    passed = rotate(app, simulator, grant_id, 2)
    backup()

    simulator.engine.advance(601)
    with clock.shifted(timedelta(seconds=passed + 601)):
        app.exact.me("nl", access_token(app, grant_id))
    assert (row(app, grant_id).refusals, row(app, grant_id).failures) == (0, 0)


def test_a_chain_that_a_new_consent_ended_is_not_brought_back(
    app: Application, simulator: RunningSimulator, grant_id: str
) -> None:
    passed = rotate(app, simulator, grant_id, 1)
    with app.database.transaction() as session:
        session.get_one(Grant, grant_id).fingerprint = "of a newer consent"
    with clock.shifted(timedelta(seconds=passed)):
        assert recover_all(app) == 0


def test_an_archive_keeps_seven_days_and_one_sealed_answer_a_chain(
    app: Application, simulator: RunningSimulator, grant_id: str
) -> None:
    rotate(app, simulator, grant_id, 2)
    assert len(app.journal.archive.newest_after("", 100)) == 1
    with clock.shifted(archive.KEPT + timedelta(hours=1)):
        app.journal.remember(Spend("nl", "other", "parent"), ("child",), b"sealed", clock.now())
        assert app.journal.archive.newest_after("", 100) == [("other", "child")]


def test_forgetting_a_chain_leaves_nothing_of_it_on_the_disk(
    app: Application, simulator: RunningSimulator, grant_id: str
) -> None:
    rotate(app, simulator, grant_id, 2)
    known = app.journal.newest(grant_id)
    assert known is not None
    app.journal.close()
    files = list(app.journal.folder.glob("archive.db*"))
    assert any(known.sealed in path.read_bytes() for path in files)

    app.journal.forget([grant_id])
    app.journal.close()

    assert not any(known.sealed in path.read_bytes() for path in app.journal.folder.glob("archive.db*"))


def test_an_archive_that_cannot_be_used_costs_no_rotation(
    app: Application, simulator: RunningSimulator, grant_id: str
) -> None:
    rotate(app, simulator, grant_id, 1)
    app.journal.close()
    shutil.rmtree(app.journal.folder)
    app.journal.folder.mkdir()
    (app.journal.folder / "archive.db").mkdir()
    with later(simulator, seconds=1300):
        app.journal.slots._made = False
        assert access_token(app, grant_id)


# --- The rest of the door --------------------------------------------------------------------------------


def test_a_journal_that_cannot_be_written_spends_nothing(
    simulator: RunningSimulator, app: Application, grant_id: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    settings = app.settings.model_copy(update={"journal_dir": str(tmp_path / "file")})
    without = Application(settings, app.database, app.vault, app.exact)
    with later(simulator, seconds=601), pytest.raises(ExactError, match="journal"):
        access_token(without, grant_id)
    assert len(simulator.engine.calls("token")) == 1
    assert row(app, grant_id).lease_owner is None


def test_keeping_alive_spends_what_has_rested_and_leaves_what_has_not(
    simulator: RunningSimulator, app: Application, grant_id: str
) -> None:
    keep_alive(app, grant_id)
    assert len(simulator.engine.calls("token")) == 1
    with later(simulator, days=7):
        keep_alive(app, grant_id)
        due = row(app, grant_id).keep_alive_at
        assert due is not None
        assert timedelta(days=6) < due - clock.now() <= timedelta(days=7)
    assert len(simulator.engine.calls("token")) == 2


def test_an_access_token_that_exact_refuses_is_not_handed_out_again(
    simulator: RunningSimulator, app: Application, grant_id: str
) -> None:
    token = access_token(app, grant_id)
    distrust(app, grant_id, "another")
    assert access_token(app, grant_id) == token

    distrust(app, grant_id, token)
    with pytest.raises(ExactError) as early:
        access_token(app, grant_id)
    assert early.value.kind == FailureKind.TOO_EARLY
    with later(simulator, seconds=571):
        assert access_token(app, grant_id) != token


def test_a_record_survives_its_sealing_and_half_of_one_does_not_open(app: Application) -> None:
    record = Record(Spend("nl", "id", "parent"), 200, {"reason": "é"}, bytes(range(256)), clock.now())
    sealed = seal(app.vault, record)
    assert unseal(app.vault, sealed) == record
    assert "body" not in repr(record)
    with pytest.raises(DamagedSecret):
        unseal(app.vault, sealed[:-1])
    with pytest.raises(OtherForm):
        unseal(app.vault, app.vault.encrypt("{}", table="journal", column="answer", row="record"))


def test_an_emptied_row_is_not_filled_by_a_late_answer(
    simulator: RunningSimulator, app: Application, grant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with later(simulator, seconds=601):
        left_behind(app, grant_id, monkeypatch)
        with app.database.transaction() as session:
            wipe_pair(session.get_one(Grant, grant_id))
        assert replay(app) == 0
    assert row(app, grant_id).refresh_token is None
