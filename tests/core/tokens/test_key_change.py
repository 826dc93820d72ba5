"""A new first key is put in front and everything is encrypted anew; whoever refreshes meanwhile loses nothing."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from core.application import Application
from core.exact.oauth import TokenPair
from core.exact.transport import Answer
from core.storage.models import Alarm, Grant
from core.tokens import rekeying, spending
from core.tokens.grants import move_pair, save_candidate, wipe_pair
from core.tokens.keys_in_use import list_keys
from core.tokens.records import Record, Spend, seal, unseal
from core.tokens.rekeying import Rekeyed, rekey
from core.tokens.replaying import recover_all, replay
from core.tokens.rotation import access_token
from core.tokens.sealed import SEALED
from core.tokens.slots import Slot
from core.tokens.vault import Vault
from tests.factories import make_registration
from tests.support.fault_kinds import USER
from tests.support.worlds import World, world


class Killed(BaseException):
    """As kill -9: nobody catches it."""


@pytest.fixture
def old(tmp_path: Path, database_url: str) -> Iterator[World]:
    """The installation with its first key."""
    with world(tmp_path, database_url) as made:
        yield made


@dataclass
class Keys:
    """The same installation after a start with other keys."""

    start: Callable[..., World]
    old: str
    new: str


@pytest.fixture
def keys(old: World) -> Iterator[Keys]:
    started: list[World] = []

    def start(*keys: str) -> World:
        settings = old.app.settings.model_copy(update={"encryption_keys": SecretStr(",".join(keys))})
        app = Application(settings, old.app.database, Vault(",".join(keys)), old.app.exact)
        started.append(World(app, old.engine, old.wire))
        return started[-1]

    yield Keys(start, old.app.settings.encryption_keys.get_secret_value(), Vault.generate_key())
    for each in started:
        each.app.journal.close()


@pytest.fixture
def new(keys: Keys) -> World:
    """After the start with the new key in front."""
    return keys.start(keys.new, keys.old)


@pytest.fixture
def late(keys: Keys) -> World:
    """A process that has the new key, but behind the old one still."""
    return keys.start(keys.old, keys.new)


@pytest.fixture
def alone(keys: Keys) -> World:
    """Once the old key has been taken out: whatever still needed it fails here."""
    return keys.start(keys.new)


@pytest.fixture
def grant_id(old: World) -> str:
    made = old.connect(USER)
    make_registration(old.app.database, grant_id=made)
    old.advance(601)
    return made


def _killed_while_refreshing(there: World, grant_id: str, where: str, patch: pytest.MonkeyPatch) -> None:
    def killed(*_arguments: object) -> None:
        raise Killed

    with patch.context() as only:
        only.setattr(spending, where, killed)
        with pytest.raises(Killed):
            access_token(there.app, grant_id)


def _alarms(there: World) -> int:
    with there.app.database.read() as session:
        return session.scalar(select(func.count()).select_from(Alarm)) or 0


def _columns(row: Grant) -> dict[str, object]:
    """What a backup brings back."""
    names = ("refresh_token", "access_token", "access_expires_at", "fingerprint", "rotated_at")
    return {name: getattr(row, name) for name in names}


def _left_in_a_slot(there: World, code: str) -> Record:
    """A consent's answer that nobody has taken up."""
    spend = Spend("nl", "of a consent", registration_id=1)
    record = Record.of(spend, Answer(200, {}, code.encode(), there.now()))
    slot = there.app.journal.slots.reserve()
    slot.write(seal(there.app.vault, record))
    slot.release()
    return record


def _contents(there: World) -> list[bytes]:
    return [content for slot in there.app.journal.slots.left_behind() if (content := slot.read())]


def _die_at(patch: pytest.MonkeyPatch, step: str) -> None:
    """Before one step of ``Slot.replace``, whatever happens earlier."""
    name, _blank, number = step.partition(" ")
    owner: Any = {"_spill": Slot, "unlink": Path}.get(name, os)
    calls, original = itertools.count(1), getattr(owner, name)

    def die(*given: Any, **named: Any) -> Any:
        if next(calls) == int(number or 1):
            raise Killed
        return original(*given, **named)

    patch.setattr(owner, name, die)


def _used(there: World) -> set[bytes]:
    return {use.head for key in list_keys(there.app) for use in key.uses}


def _is_whole(there: World, grant_id: str) -> bool:
    return {there.held(grant_id)} == there.live(USER)


@pytest.mark.parametrize("where", ["land", "archive"])
def test_an_answer_from_before_the_change_is_judged_rightly_after_it(
    old: World, new: World, grant_id: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _killed_while_refreshing(old, grant_id, where, monkeypatch)

    assert replay(new.app) == 1

    assert (_is_whole(new, grant_id), _alarms(new)) == (True, 0)


@pytest.mark.parametrize("where", ["land", "archive"])
def test_an_answer_is_judged_rightly_when_its_row_was_encrypted_anew_meanwhile(
    old: World, new: World, grant_id: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _killed_while_refreshing(old, grant_id, where, monkeypatch)
    new.change(grant_id, lease_until=None, lease_owner=None)
    for sealed in SEALED:
        assert rekeying._rows(new.app, sealed, Rekeyed(), lambda _place, _count: None) == 0

    assert replay(new.app) == 1

    assert (_is_whole(new, grant_id), _alarms(new)) == (True, 0)


def test_what_the_new_key_sealed_needs_no_old_key_to_be_judged(
    new: World, alone: World, grant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _killed_while_refreshing(new, grant_id, "land", monkeypatch)
    new.change(grant_id, lease_until=None, lease_owner=None)
    for sealed in SEALED:
        rekeying._rows(new.app, sealed, Rekeyed(), lambda _place, _count: None)

    assert replay(alone.app) == 1

    assert (_is_whole(alone, grant_id), _alarms(alone)) == (True, 0)


def test_a_process_that_was_not_restarted_yet_lands_in_a_row_of_the_new_key(
    late: World, new: World, grant_id: str
) -> None:
    access_token(new.app, grant_id)
    late.advance(601)

    access_token(late.app, grant_id)

    assert (_is_whole(new, grant_id), _alarms(new)) == (True, 0)


def test_a_row_is_encrypted_anew_while_its_call_is_under_way_and_past_its_lease(
    late: World, new: World, grant_id: str
) -> None:

    def meanwhile() -> None:
        new.change(grant_id, lease_until=None)
        assert rekey(new.app).changed["grants"] == 1

    late.wire.afterwards.append(meanwhile)
    access_token(late.app, grant_id)

    assert (_is_whole(new, grant_id), _alarms(new)) == (True, 0)


def test_a_row_whose_token_is_being_spent_is_left_alone_until_that_is_over(new: World, grant_id: str) -> None:
    seen: list[int] = []

    def meanwhile() -> None:
        held = rekeying._rows(new.app, SEALED[0], Rekeyed(), lambda _place, _count: None)
        seen.append(held)

    new.wire.afterwards.append(meanwhile)
    access_token(new.app, grant_id)

    assert seen == [1]
    assert _is_whole(new, grant_id)


def test_a_successor_follows_its_parent_into_a_row_of_another_key(
    old: World, new: World, grant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    target_id = save_candidate(old.app, "nl", TokenPair("", "lost long ago", old.now()))
    _killed_while_refreshing(old, grant_id, "land", monkeypatch)
    with new.app.database.transaction() as session:
        move_pair(session, new.app.vault, session.get_one(Grant, grant_id), session.get_one(Grant, target_id))

    assert replay(new.app) == 1

    assert (_is_whole(new, target_id), _alarms(new)) == (True, 0)


def test_who_was_disconnected_gets_no_tokens_back(
    old: World, new: World, grant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _killed_while_refreshing(old, grant_id, "land", monkeypatch)
    with new.app.database.transaction() as session:
        wipe_pair(session.get_one(Grant, grant_id))

    replay(new.app)

    assert new.row(grant_id).refresh_token is None


@pytest.mark.parametrize("retired", [False, True])
def test_a_row_behind_its_archive_is_brought_forward_after_the_change(
    old: World, new: World, alone: World, grant_id: str, retired: bool
) -> None:
    before = _columns(old.row(grant_id))
    access_token(old.app, grant_id)
    new.change(grant_id, **before, lease_until=None)

    assert rekey(new.app).busy == 0
    after = alone if retired else new
    assert recover_all(after.app) == 1

    assert _is_whole(after, grant_id)
    assert recover_all(after.app) == 0


def test_a_backup_from_before_the_change_is_brought_forward_with_both_keys(
    old: World, new: World, grant_id: str
) -> None:
    access_token(old.app, grant_id)
    before = _columns(old.row(grant_id))
    rekey(new.app)
    new.advance(601)
    access_token(new.app, grant_id)
    new.change(grant_id, **before)

    assert recover_all(new.app) == 1

    assert _is_whole(new, grant_id)


def test_a_chain_that_a_row_goes_on_with_is_not_adopted_under_another_name(
    old: World, new: World, grant_id: str
) -> None:
    moved, pair = "of a consent", TokenPair("access", old.held(grant_id), old.now())
    body = b'{"access_token":"access","refresh_token":"%s","expires_in":600,"token_type":"bearer"}'
    spend = Spend("nl", moved, registration_id=1)
    answer = Answer(200, {}, body % pair.refresh_token.encode(), old.now())
    sealed = seal(old.app.vault, Record.of(spend, answer))
    old.app.journal.remember(spend, old.app.vault.fingerprints(pair.refresh_token), sealed, old.now())
    for rows in SEALED:
        rekeying._rows(new.app, rows, Rekeyed(), lambda _place, _count: None)
    asked: list[object] = []

    def adopt(*given: object) -> bool:
        asked.append(given)
        return True

    assert recover_all(new.app, adopt) == 0

    assert asked == []


def test_nothing_is_under_the_old_key_afterwards_and_all_works_without_it(
    old: World, new: World, alone: World, grant_id: str
) -> None:
    access_token(old.app, grant_id)

    result = rekey(new.app)

    assert (result.busy, result.stuck) == (0, set())
    assert result.changed == {"grants": 1, "archive": 1}
    assert _used(new) == {new.app.vault.heads[0]}
    assert _is_whole(alone, grant_id)
    alone.advance(601)
    access_token(alone.app, grant_id)
    assert _is_whole(alone, grant_id)
    assert alone.row(grant_id).fingerprint == alone.app.vault.fingerprint(alone.held(grant_id))
    assert sum(rekey(new.app).changed.values()) == 0


def test_a_token_that_is_refreshed_between_reading_and_writing_is_not_overwritten(
    late: World, new: World, grant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = rekeying._write

    def refreshed_first(*arguments: object) -> int:
        monkeypatch.setattr(rekeying, "_write", write)
        access_token(late.app, grant_id)
        return write(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(rekeying, "_write", refreshed_first)
    assert rekey(new.app).busy == 0

    assert (_is_whole(new, grant_id), _used(new)) == (True, {new.app.vault.heads[0]})


def test_the_answer_to_a_consent_waits_in_its_slot_under_the_new_key(
    old: World, new: World, alone: World
) -> None:
    record = _left_in_a_slot(old, "x" * 10)

    assert rekey(new.app).changed["journal"] == 1

    [slot] = _contents(new)
    assert unseal(alone.app.vault, slot) == record


@pytest.mark.parametrize(
    ("size", "step"), list(product([10, 50_000], ["_spill", "pwrite", "pwrite 2", "unlink"]))
)
def test_a_kill_while_a_slot_is_sealed_anew_leaves_one_whole_answer(
    keys: Keys, old: World, size: int, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    new, record = keys.start(keys.new, keys.old), _left_in_a_slot(old, "x" * size)
    with monkeypatch.context() as patch:
        _die_at(patch, step)
        with suppress(Killed):
            rekey(new.app)

    [content] = _contents(new)
    assert unseal(new.app.vault, content) == record
    rekey(new.app)
    [content] = _contents(new)
    assert unseal(keys.start(keys.new).app.vault, content) == record


def test_a_file_that_a_kill_left_beside_the_slots_is_taken_away(
    old: World, new: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = _left_in_a_slot(old, "x" * 50_000)
    with monkeypatch.context() as patch:
        _die_at(patch, "unlink")
        with pytest.raises(Killed):
            rekey(new.app)
    files = sorted(new.app.journal.folder.glob("spill-*"))
    assert len(files) == 2

    rekey(new.app)
    assert (
        sorted(new.app.journal.folder.glob("spill-*")) == files
    )  # somebody may be about to name a young one
    for file in files:
        os.utime(file, (0, 0))
    rekey(new.app)

    assert len(list(new.app.journal.folder.glob("spill-*"))) == 1
    assert [unseal(new.app.vault, content) for content in _contents(new)] == [record]


def test_what_cannot_be_opened_is_named_and_left(old: World, new: World, grant_id: str) -> None:
    other = old.connect("info@bakkerbv.example")
    new.change(other, refresh_token=b"\x01" + new.app.vault.heads[1][1:] + b"nonsense" * 9)

    result = rekey(new.app)

    assert result.stuck == {f"grants {other}"}
    assert (result.busy, result.changed["grants"]) == (0, 1)
