"""Accidents that no kill makes: an answer in the moment we give up, a slot that is looked at, a late archive."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, select
from sqlalchemy.exc import InternalError

from core import clock
from core.application import Application
from core.errors import ClickkerError
from core.exact.errors import ExactError, FailureKind
from core.exact.oauth import TokenPair
from core.exact.transport import Answer, Keeper
from core.registrations.consent import begin_consent, create_consent
from core.registrations.recovery import recover_chains, replay_journal
from core.registrations.register import disconnect
from core.registrations.takeover import identify_candidate
from core.simulator.server import RunningSimulator
from core.storage.models import Alarm, Grant, Registration
from core.tokens import lineage, records, slots, spending
from core.tokens.grants import read_refresh_token, save_candidate
from core.tokens.journal import Journal
from core.tokens.records import Spend
from core.tokens.replaying import replay
from core.tokens.rotation import access_token
from core.tokens.slots import Slot, Slots
from tests.factories import make_operator, make_registration

USER = "test@testbv.example"
DUE = timedelta(seconds=601)
Refresh = Callable[[str, str, Keeper], TokenPair]


@pytest.fixture
def grant_id(simulator: RunningSimulator, app: Application) -> str:
    code = simulator.engine.grant_code("nl", USER)
    return save_candidate(app, "nl", app.exact.exchange("nl", code, "v" * 43))


def row(app: Application, grant_id: str) -> Grant:
    with app.database.read() as session:
        return session.get_one(Grant, grant_id)


def holds_the_living(app: Application, simulator: RunningSimulator, grant_id: str) -> bool:
    issued = simulator.engine.journal()
    living = [pair.refresh_token for pair in issued if pair.condition == "live"]
    return [read_refresh_token(app.vault, row(app, grant_id))] == living


def around_refresh(app: Application, monkeypatch: pytest.MonkeyPatch, instead: Callable[..., Any]) -> None:
    original: Refresh = app.exact.refresh
    monkeypatch.setattr(app.exact, "refresh", lambda *given: instead(original, *given))


def killed(*_arguments: Any) -> None:
    raise KeyboardInterrupt


def left_behind(
    app: Application, grant_id: str, monkeypatch: pytest.MonkeyPatch, where: str = "land"
) -> None:
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(spending, where, killed)
        access_token(app, grant_id)


# --- The moment in which we give up ----------------------------------------------------------------------


def test_an_answer_that_came_as_we_gave_up_is_put_in_force(
    app: Application, simulator: RunningSimulator, grant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(original: Refresh, *given: Any) -> TokenPair:
        original(*given)
        raise ExactError(FailureKind.UNKNOWN)

    around_refresh(app, monkeypatch, late)
    with clock.shifted(DUE):
        assert app.exact.me("nl", access_token(app, grant_id)).user_id
        assert holds_the_living(app, simulator, grant_id)


def test_the_same_for_the_code_of_a_consent(
    app: Application, simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = app.exact.exchange

    def late(*given: Any) -> TokenPair:
        original(*given)
        raise ExactError(FailureKind.UNKNOWN)

    monkeypatch.setattr(app.exact, "exchange", late)
    spend = Spend("nl", "the new row")
    spending.exchange_code(app, spend, simulator.engine.grant_code("nl", USER), "v" * 43, lambda _s: None)
    assert holds_the_living(app, simulator, "the new row")


def test_an_answer_that_comes_while_we_give_up_stays_in_its_slot(
    app: Application, simulator: RunningSimulator, grant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[Answer] = []
    keep, end = spending.InFlight.keep, spending.InFlight.end

    def over(flight: spending.InFlight) -> bool:
        """Asked whether it is over: not yet, and in the next moment it is."""
        if not answers:
            return True
        keep(flight, answers.pop())
        end(flight)
        return False

    def late(original: Refresh, *given: Any) -> TokenPair:
        original(*given)
        raise ExactError(FailureKind.UNKNOWN)

    around_refresh(app, monkeypatch, late)
    monkeypatch.setattr(spending.InFlight, "keep", lambda _flight, answer: answers.append(answer))
    monkeypatch.setattr(spending.InFlight, "end", lambda _flight: None)
    monkeypatch.setattr(spending.InFlight, "over", property(over))
    with clock.shifted(DUE):
        with pytest.raises(ExactError):
            access_token(app, grant_id)
        assert replay(app) == 1
        assert holds_the_living(app, simulator, grant_id)


# --- Slots -----------------------------------------------------------------------------------------------


def test_a_slot_that_another_only_looks_at_is_waited_for(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared, other = (Slots(app.journal.folder, 1) for _number in range(2))
    filled = shared.reserve()
    filled.write(b"sealed")
    looking = [filled]

    monkeypatch.setattr(slots, "GLIMPSE_SECONDS", 60)
    monkeypatch.setattr(time, "sleep", lambda _seconds: looking.pop().release())
    assert [slot.read() for slot in other.left_behind()] == [b"sealed"]


def test_slots_are_replayed_that_a_smaller_setting_no_longer_counts(app: Application) -> None:
    held = [Slots(app.journal.folder, 3).reserve() for _number in range(3)]
    held[2].write(b"sealed")
    for slot in held:
        slot.release()
    assert [slot.read() for slot in Slots(app.journal.folder, 1).left_behind()] == [b"sealed"]


def test_a_slot_that_takes_part_of_an_answer_says_so(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    slot = app.journal.slots.reserve()
    write = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, content, offset: write(fd, content[:-1], offset))
    with pytest.raises(OSError, match="part"):
        slot.write(b"sealed")
    slot.release()


def test_a_slot_that_cannot_be_emptied_costs_nobody_a_token(
    app: Application, simulator: RunningSimulator, grant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_slot: Slot) -> None:
        raise OSError("the disk")

    monkeypatch.setattr(Slot, "_empty", broken)
    for number in (1, 2):
        with clock.shifted(number * DUE):
            assert app.exact.me("nl", access_token(app, grant_id)).user_id
            assert holds_the_living(app, simulator, grant_id)


def test_an_answer_that_cannot_be_settled_does_not_stop_the_others(
    app: Application, simulator: RunningSimulator, grant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = app.journal.slots.reserve()
    answer = Answer(200, {}, b'{"refresh_token": "x", "access_token": "y"}', clock.now())
    stuck.write(records.seal(app.vault, records.Record.of(Spend("nl", "of a consent"), answer)))
    stuck.release()

    def broken(*_given: Any) -> bool:
        raise ClickkerError("not today")

    with clock.shifted(DUE):
        left_behind(app, grant_id, monkeypatch)
        assert replay(app, broken) == 1
        assert holds_the_living(app, simulator, grant_id)
    assert len(list(app.journal.slots.left_behind())) == 1


def test_a_record_of_another_version_is_left_for_that_version(app: Application) -> None:
    slot = app.journal.slots.reserve()
    slot.write(app.vault.encrypt('{"new": 1}', table="journal", column="answer", row="record"))
    slot.release()
    assert replay(app) == 0
    assert len(list(app.journal.slots.left_behind())) == 1


def test_a_refusal_looks_into_the_slots_once_more(
    app: Application, simulator: RunningSimulator, grant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots, "GLIMPSE_SECONDS", 0)
    with clock.shifted(DUE):
        left_behind(app, grant_id, monkeypatch)
        held = app.journal.slots.left_behind()
        next(held)  # its lock is kept, as by a stopped process

        def let_go(original: Refresh, *given: Any) -> TokenPair:
            held.close()
            return original(*given)

        around_refresh(app, monkeypatch, let_go)
        with clock.shifted(app.settings.lease):
            assert app.exact.me("nl", access_token(app, grant_id)).user_id
        assert holds_the_living(app, simulator, grant_id)
    assert row(app, grant_id).refusals == 0


def test_an_answer_that_was_archived_long_ago_alarms_nobody(
    app: Application, simulator: RunningSimulator, grant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_registration(app.database, grant_id=grant_id)
    content: list[bytes] = []
    write = Slot.write

    def remembering(slot: Slot, sealed: bytes) -> None:
        content.append(sealed)
        write(slot, sealed)

    monkeypatch.setattr(Slot, "write", remembering)
    for number in (1, 2):
        with clock.shifted(number * DUE):
            access_token(app, grant_id)
    again = app.journal.slots.reserve()
    write(again, content[0])
    again.release()
    with clock.shifted(3 * DUE):
        replay(app)
        assert holds_the_living(app, simulator, grant_id)
    with app.database.read() as session:
        assert session.scalars(select(Alarm.id)).all() == []


# --- The archive -----------------------------------------------------------------------------------------


def test_an_answer_that_is_archived_late_does_not_displace_its_own_successor(app: Application) -> None:
    for parent, child in (("p", "a"), ("b", "c"), ("a", "b")):
        app.journal.remember(Spend("nl", "id", parent), (child,), child.encode(), clock.now())
    known = app.journal.newest("id")
    assert known is not None
    assert (known.child, known.sealed, known.ancestors) == ("c", b"c", frozenset({"p", "a", "b"}))


def test_two_who_make_the_archive_at_once_both_keep_their_answer(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [Journal(app.journal.folder, 1)]
    app.journal.folder.mkdir()

    def meanwhile(*given: Any) -> None:
        """Between looking whether there is a table and making it, another process gets a second for the same."""
        if others and "CREATE TABLE answers" in given[2]:
            keep = others.pop().remember
            both.append(
                threading.Thread(target=keep, args=(Spend("nl", "two", "p"), ("c",), b"s", clock.now()))
            )
            both[0].start()
            both[0].join(1)

    both: list[threading.Thread] = []
    event.listen(Engine, "before_cursor_execute", meanwhile)
    try:
        app.journal.remember(Spend("nl", "one", "p"), ("c",), b"s", clock.now())
    finally:
        event.remove(Engine, "before_cursor_execute", meanwhile)
    both[0].join(30)
    assert {grant_id for grant_id, _child in app.journal.archive.newest_after("", 100)} == {"one", "two"}


def consented(app: Application, simulator: RunningSimulator, number: int, grant_id: str) -> None:
    """The exchange of a code for a registration, up to where its tokens are kept."""
    from core.registrations.takeover import await_decision

    spend = Spend("nl", grant_id, registration_id=number)
    code = simulator.engine.grant_code("nl", USER)
    spending.exchange_code(app, spend, code, "v" * 43, lambda session: await_decision(app, spend, session))
    identify_candidate(app, number)


def test_a_pair_that_went_over_to_another_row_is_not_brought_back(
    app: Application, simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = make_registration(app.database), make_registration(app.database)
    consented(app, simulator, first, "first")
    # The process dies between the commit that moves the pair and the word to the archive.
    monkeypatch.setattr(app.journal, "follow", lambda *_given: None)
    consented(app, simulator, second, "second")

    assert recover_chains(app) == 0
    with clock.shifted(DUE):
        access_token(app, "first")
        assert recover_chains(app) == 0
        assert holds_the_living(app, simulator, "first")


def test_a_customer_who_was_let_go_is_not_brought_back(
    app: Application, simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.crash.scene import Scene  # a whole consent, with its attempt

    scene = Scene(app, simulator, None, make_operator(app.database))  # type: ignore[arg-type]
    number = scene.connect()
    monkeypatch.setattr(app.journal, "forget", lambda _ids: None)  # dies between commit and forgetting
    disconnect(app, scene.operator, number)
    assert app.journal.archive.newest_after("", 1) != []
    assert recover_chains(app) == 0
    with app.database.read() as session:
        assert session.scalars(select(Grant.id)).all() == []


@pytest.mark.parametrize("attempt", ["known", "forgotten"])
def test_a_number_given_out_again_gets_nobody_elses_tokens(
    app: Application, simulator: RunningSimulator, attempt: str
) -> None:
    """By the clock, unless the attempt itself is there: two machines may not agree on the minute."""
    with clock.shifted(timedelta(hours=1)):
        number = make_registration(app.database)
        asked = make_operator(app.database)
        consent_id = create_consent(app, asked, number)
        begin_consent(app, asked, consent_id)
    answer = Answer(200, {}, b'{"refresh_token": "x", "access_token": "y"}', clock.now())
    spend = Spend("nl", "of another", "", number, consent_id if attempt == "known" else "of a lost table")
    record = records.Record.of(spend, answer)
    slot = app.journal.slots.reserve()
    slot.write(records.seal(app.vault, record))
    slot.release()

    assert replay_journal(app) == 1

    assert row(app, "of another").refresh_token
    with app.database.read() as session:
        candidate = session.get_one(Registration, number).candidate_grant_id
    assert candidate == ("of another" if attempt == "known" else None)


# --- Database and clock ----------------------------------------------------------------------------------


def test_a_database_that_is_read_only_for_a_moment_does_not_cost_the_successor(
    app: Application, simulator: RunningSimulator, grant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = iter([True, True])
    columns = lineage._columns

    def unsteady(*arguments: Any) -> dict[str, object]:
        if next(failures, False):
            raise InternalError("UPDATE", {}, Exception("read-only transaction"))
        return columns(*arguments)

    monkeypatch.setattr(lineage, "_columns", unsteady)
    monkeypatch.setattr(lineage._commit.retry, "sleep", lambda _seconds: None)
    with clock.shifted(DUE):
        access_token(app, grant_id)
        assert holds_the_living(app, simulator, grant_id)


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_machine_whose_clock_is_wrong_writes_the_databases_time(
    app: Application, simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    right = clock.now

    def wrong() -> datetime:
        return right() + (timedelta(0) if app.database.is_sqlite else timedelta(hours=hours))

    pair = app.exact.exchange("nl", simulator.engine.grant_code("nl", USER), "v" * 43)
    monkeypatch.setattr(clock, "now", wrong)
    grant_id = save_candidate(app, "nl", TokenPair("a", "r", clock.now() + timedelta(seconds=600)))
    grant = row(app, grant_id)
    assert pair
    assert grant.rotated_at is not None
    assert grant.access_expires_at is not None
    assert abs(grant.rotated_at - right()) < timedelta(minutes=5)
    assert abs(grant.access_expires_at - right() - timedelta(seconds=600)) < timedelta(minutes=5)


def test_a_wait_that_this_machine_named_is_put_into_the_databases_time(
    app: Application, simulator: RunningSimulator, grant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = clock.now

    def wrong() -> datetime:
        return right() - (timedelta(0) if app.database.is_sqlite else timedelta(hours=1))

    def unanswered(_original: Refresh, *_given: Any) -> TokenPair:
        raise ExactError(FailureKind.UNKNOWN, retry_at=clock.now() + timedelta(seconds=120))

    around_refresh(app, monkeypatch, unanswered)
    with clock.shifted(DUE):
        monkeypatch.setattr(clock, "now", wrong)
        with pytest.raises(ExactError):
            access_token(app, grant_id)
        again = row(app, grant_id).next_try_at
        assert again is not None
        assert again > right() + timedelta(seconds=60)
