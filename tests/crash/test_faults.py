"""The database fails around the steps, the disk is full, a process freezes, a clock is wrong: nothing is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from core.exact.errors import ExactError
from core.registrations.callback import complete_consent
from core.registrations.recovery import replay_journal
from core.tokens import lineage, spending
from core.tokens.rotation import access_token
from tests.crash.breakages import busy, cut_after_commit, fill, frozen, full, gone, read_only, tiny_disk
from tests.crash.rounds import wait_until
from tests.crash.scene import REFRESHING, Scene

Breakage = Callable[[Scene], AbstractContextManager[None]]
BREAKAGES = [read_only, busy, full, gone]
POSTGRESQL = pytest.mark.parametrize("scene_url", ["postgresql"], indirect=True)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The minute of patience for a database that is away passes at once."""
    for patient in (lineage._commit, spending._save):
        monkeypatch.setattr(patient.retry, "sleep", lambda _seconds: None)
        monkeypatch.setattr(patient.retry, "stop", lambda state: state.attempt_number >= 3)


@pytest.fixture
def breaks(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Breakage], ExitStack]]:
    """Lets something break when Exact has answered; closing what comes back mends it."""
    stack = ExitStack()

    def when_answered(breakage: Breakage) -> ExitStack:
        for name in ("refresh", "exchange"):
            monkeypatch.setattr(scene.app.exact, name, _then(getattr(scene.app.exact, name), breakage))
        return stack

    def _then(original: Any, breakage: Breakage) -> Any:
        def answered(*given: Any) -> Any:
            pair = original(*given)
            stack.enter_context(breakage(scene))
            return pair

        return answered

    yield when_answered
    stack.close()


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_a_database_that_fails_before_the_intent_costs_nothing(scene: Scene, breakage: Breakage) -> None:
    grant_id, before = scene.connected(), scene.spends()
    with breakage(scene), pytest.raises(DBAPIError):
        access_token(scene.app, grant_id)
    assert scene.spends() - before == (1 if _finds_room(scene, breakage) else 0)
    replay_journal(scene.app)
    assert scene.refresh_is_whole(grant_id)


def _finds_room(scene: Scene, breakage: Breakage) -> bool:
    """An intent fits into the row as it is: a SQLite that may not grow still takes it, and fails later."""
    return breakage is full and scene.app.database.is_sqlite


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_a_database_that_fails_after_the_answer_finds_it_in_the_journal(
    scene: Scene, breakage: Breakage, breaks: Callable[[Breakage], ExitStack], monkeypatch: pytest.MonkeyPatch
) -> None:
    grant_id = scene.connected()
    mend = breaks(breakage)
    with pytest.raises(DBAPIError):
        access_token(scene.app, grant_id)
    mend.close()
    monkeypatch.undo()
    assert {scene.held(grant_id)} != scene.live(REFRESHING)
    assert replay_journal(scene.app) == 1
    assert scene.refresh_is_whole(grant_id)


@pytest.mark.parametrize("breakage", [read_only, busy, gone])
def test_the_same_for_the_code_of_a_consent(
    scene: Scene, breakage: Breakage, breaks: Callable[[Breakage], ExitStack], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = scene.consenting()
    mend = breaks(breakage)
    with pytest.raises(DBAPIError):
        complete_consent(scene.app, job["query"], job["browser"], job["operator"])
    mend.close()
    monkeypatch.undo()
    assert replay_journal(scene.app) == 1
    assert scene.consent_is_whole(job["registration"])


def test_a_commit_that_nobody_heard_of_is_found_done(
    scene: Scene, breaks: Callable[[Breakage], ExitStack], monkeypatch: pytest.MonkeyPatch
) -> None:
    grant_id = scene.connected()
    breaks(cut_after_commit)
    assert access_token(scene.app, grant_id)
    job = scene.consenting()
    assert complete_consent(scene.app, job["query"], job["browser"], job["operator"]).outcome.arrived
    monkeypatch.undo()
    assert scene.refresh_is_whole(grant_id)
    assert scene.consent_is_whole(job["registration"])


def test_an_intent_that_nobody_heard_of_spends_nothing_and_holds_no_longer_than_its_lease(
    scene: Scene,
) -> None:
    grant_id, before = scene.connected(), scene.spends()
    with cut_after_commit(scene), pytest.raises(DBAPIError):
        access_token(scene.app, grant_id)
    assert scene.spends() == before
    scene.later(scene.app.settings.lease.total_seconds() + 1)
    assert scene.refresh_is_whole(grant_id)


@POSTGRESQL
def test_a_database_that_freezes_after_the_answer_goes_on_where_it_was(
    scene: Scene, breaks: Callable[[Breakage], ExitStack], monkeypatch: pytest.MonkeyPatch
) -> None:
    grant_id = scene.connected()
    folder = scene.app.journal.folder
    thaw = breaks(frozen)
    waiting = threading.Thread(target=access_token, args=(scene.app, grant_id))
    waiting.start()
    wait_until(lambda: any(path.read_bytes()[:3] == b"CKJ" for path in folder.glob("slot-???")))
    waiting.join(2)
    assert waiting.is_alive()
    thaw.close()
    waiting.join(30)
    monkeypatch.undo()
    assert scene.refresh_is_whole(grant_id)


# --- Disks -----------------------------------------------------------------------------------------------


def test_a_journal_that_finds_no_room_spends_nothing(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant_id, before = scene.connected(), scene.spends()
    with tiny_disk(tmp_path / "disk") as real, scene.over_journal(str(tmp_path / "disk" / "journal")) as app:
        fill(tmp_path / "disk", monkeypatch, real=real)
        with pytest.raises(ExactError, match="journal"):
            access_token(app, grant_id)
    monkeypatch.undo()
    assert scene.spends() == before
    assert scene.refresh_is_whole(grant_id)


def test_a_journal_whose_disk_fills_up_later_still_takes_answers(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant_id = scene.connected()
    with tiny_disk(tmp_path / "disk") as real, scene.over_journal(str(tmp_path / "disk" / "journal")) as app:
        app.journal.slots.reserve().release()
        fill(tmp_path / "disk", monkeypatch, real=real)
        with monkeypatch.context() as patch:
            patch.setattr(spending, "land", _killed)
            with pytest.raises(KeyboardInterrupt):
                access_token(app, grant_id)
        assert replay_journal(app) == 1
    monkeypatch.undo()
    assert scene.refresh_is_whole(grant_id)


def _killed(*_given: Any) -> None:
    raise KeyboardInterrupt


# --- Frozen processes, and clocks ------------------------------------------------------------------------


@pytest.mark.parametrize("point", [4, 5, 7, 9, 11, 12, 13])
def test_a_process_that_slept_through_its_lease_still_brings_what_it_has(scene: Scene, point: int) -> None:
    grant_id = scene.connected()
    brief = scene.settings(token_timeout_seconds=1.0)
    sleeper = scene.start("rotate", grant=grant_id, points=[point], freeze=True, settings=brief)
    issued = len(scene.simulator.engine.journal())
    sleeper.wait_for("at")
    if point == 7:
        wait_until(lambda: len(scene.simulator.engine.journal()) > issued)
    time.sleep(1.1)  # its own deadline passes as well: on waking, all its threads want to act at once
    scene.later(scene.app.settings.lease.total_seconds() + 1)
    scene.start("rotate", grant=grant_id).result()  # another tries meanwhile; refused when Exact has rotated
    sleeper.proceed()
    sleeper.result()
    scene.start("recover").result()
    assert scene.refresh_is_whole(grant_id)


@POSTGRESQL
@pytest.mark.parametrize("error", [-3600.0, 3600.0])
def test_two_machines_of_which_one_has_a_wrong_clock_spend_a_token_once(scene: Scene, error: float) -> None:
    for first, second in ((error, 0.0), (0.0, error)):
        grant_id, before = scene.connected(), scene.spends()
        got = scene.start("rotate", grant=grant_id, clock_error=first).result()
        assert scene.start("rotate", grant=grant_id, clock_error=second).result() == got
        assert got == [scene.digest(grant_id)]
        assert scene.spends() - before == 1
        assert scene.refresh_is_whole(grant_id)
