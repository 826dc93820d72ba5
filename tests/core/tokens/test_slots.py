"""Slots: durable before anybody looks, held by who writes, found again when he dies."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from stat import S_ISDIR

import pytest

from core.tokens import slots as module
from core.tokens.slots import SLOT_BYTES, JournalFull, Slots


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def left(slots: Slots) -> list[bytes | None]:
    return [slot.read() for slot in slots.left_behind()]


def test_a_slot_is_written_full_before_it_is_used_and_nobody_else_may_read_it(folder: Path) -> None:
    slot = Slots(folder, 2).reserve()
    slot.release()
    sizes = {path.stat().st_size for path in folder.glob("slot-00?")}
    assert sizes == {SLOT_BYTES}
    assert {path.stat().st_mode & 0o077 for path in folder.iterdir()} == {0}


def test_what_was_written_is_found_once_nobody_holds_it(folder: Path) -> None:
    slots = Slots(folder, 3)
    slot = slots.reserve()
    slot.write(b"sealed")
    assert left(slots) == []
    slot.release()
    assert left(slots) == [b"sealed"]
    assert left(Slots(folder, 3)) == [b"sealed"]


def test_a_cleared_slot_holds_nothing_of_what_it_held(folder: Path) -> None:
    slot = Slots(folder, 1).reserve()
    slot.write(b"sealed" * 100)
    slot.clear()
    assert slot.read() is None
    slot.release()
    assert b"sealed" not in (folder / "slot-000").read_bytes()


def test_a_slot_with_an_answer_is_not_given_to_anybody(folder: Path) -> None:
    slots = Slots(folder, 2)
    first = slots.reserve()
    first.write(b"kept")
    first.release()
    second = slots.reserve()
    assert second.read() is None
    second.write(b"kept too")
    second.release()
    with pytest.raises(JournalFull):
        slots.reserve()


def test_a_slot_is_free_only_when_all_who_retained_it_have_let_go(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.05)
    slots = Slots(folder, 1)
    slot = slots.reserve()
    slot.retain()
    slot.release()
    with pytest.raises(JournalFull):
        slots.reserve()
    slot.release()
    slots.reserve().release()


def test_an_answer_larger_than_a_slot_spills_and_its_file_goes_with_it(folder: Path) -> None:
    slots = Slots(folder, 1)
    slot = slots.reserve()
    large = os.urandom(3 * SLOT_BYTES)
    slot.write(large)
    slot.release()
    assert left(slots) == [large]
    for again in slots.left_behind():
        again.clear()
    assert list(folder.glob("spill-*")) == []


def test_a_folder_that_cannot_be_written_gives_no_slot(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(JournalFull):
        Slots(tmp_path / "file" / "journal", 1).reserve()
    assert list(Slots(tmp_path / "none", 1).left_behind()) == []


def test_a_process_that_is_killed_leaves_its_answer_and_frees_its_slot(folder: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path; from core.tokens.slots import Slots\n"
        "slot = Slots(Path(sys.argv[1]), 1).reserve(); slot.write(b'answer')\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(folder)], check=False)
    assert ended.returncode == -9
    assert left(Slots(folder, 1)) == [b"answer"]


def test_two_processes_that_begin_at_once_share_the_slots(folder: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from core.tokens.slots import Slots\n"
        "slots = Slots(Path(sys.argv[1]), 8)\n"
        "held = [slots.reserve() for _ in range(4)]\n"
        "[slot.write(sys.argv[2].encode()) for slot in held]; [slot.release() for slot in held]"
    )
    both = [subprocess.Popen([sys.executable, "-c", script, str(folder), name]) for name in ("one", "two")]
    assert [process.wait(30) for process in both] == [0, 0]
    assert sorted(left(Slots(folder, 8))) == [b"one"] * 4 + [b"two"] * 4  # type: ignore[type-var]


# --- At its limits --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "spills"), [(0, False), (SLOT_BYTES - 8, False), (SLOT_BYTES - 7, True)])
def test_what_just_fits_lies_in_the_slot_itself(folder: Path, size: int, spills: bool) -> None:
    slots = Slots(folder, 1)
    slot, sealed = slots.reserve(), os.urandom(size)
    slot.write(sealed)
    assert (list(folder.glob("spill-*")) != []) is spills
    assert slot.read() == sealed
    assert [found[:4] for found in slots.glimpse(4)] == [sealed[:4]]
    assert list(slots.glimpse(100_000)) == [sealed]
    slot.release()


def test_a_file_beside_a_slot_is_read_up_to_four_megabytes_and_is_nobody_elses(folder: Path) -> None:
    slot = Slots(folder, 1).reserve()
    assert module.LARGEST == 4 * 1024 * 1024
    slot.write(bytes(module.LARGEST + 1))
    read = slot.read()
    assert read is not None
    assert len(read) == module.LARGEST
    [beside] = folder.glob("spill-*")
    assert beside.stat().st_mode & 0o077 == 0
    beside.unlink()
    assert slot.read() is None
    slot.release()


@pytest.mark.parametrize("head", [b"CKJ1", b"CKS1"])
def test_a_head_that_claims_too_much_is_no_answer(folder: Path, head: bytes) -> None:
    slot = Slots(folder, 1).reserve()
    whole = (folder / "slot-000").read_bytes()
    claims = head + (SLOT_BYTES - 7).to_bytes(4, "big")
    (folder / "slot-000").write_bytes(claims + whole[8:])
    assert slot.read() is None
    slot.clear()
    (folder / "slot-000").write_bytes(b"XXXX" + (5).to_bytes(4, "big") + whole[8:])
    assert slot.read() is None
    slot.release()


def test_the_disk_has_it_before_anybody_goes_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is made, written, spilled and replaced is synced, and so are the folder's names."""
    synced: list[str] = []
    fsync, sync = os.fsync, module._sync

    def noted(descriptor: int) -> None:
        synced.append("folder" if S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def written(descriptor: int) -> None:
        synced.append("slot")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    monkeypatch.setattr(module, "_sync", written)
    slot = Slots(folder, 2).reserve()
    assert synced == ["file", "file", "folder"]
    for act, sealed, expected in (
        (slot.write, b"sealed", ["slot"]),
        (slot.write, bytes(SLOT_BYTES), ["file", "folder", "slot"]),
        (slot.replace, b"sealed anew", ["file", "folder", "slot"]),
    ):
        synced.clear()
        act(sealed)
        assert synced == expected
    slot.release()


def test_what_is_replaced_leaves_nothing_of_the_form_before(folder: Path) -> None:
    slots = Slots(folder, 1)
    slot = slots.reserve()
    assert slot.name == "slot-000"
    slot.write(b"an old form" * 100)
    slot.replace(b"anew")
    assert slot.read() == b"anew"
    assert b"old form" not in (folder / "slot-000").read_bytes()
    [first] = folder.glob("spill-*")
    slot.replace(b"anew again")
    assert slot.read() == b"anew again"
    assert not first.exists()
    assert len(list(folder.glob("spill-*"))) == 1
    first.write_bytes(b"")  # and one whose file somebody has taken away
    slot.replace(b"once more")
    slot.clear()
    assert slot.read() is None
    slot.release()


def test_a_file_that_is_gone_already_does_not_hinder(folder: Path) -> None:
    slot = Slots(folder, 1).reserve()
    for mend in (slot.clear, lambda: slot.replace(b"anew")):
        slot.write(bytes(SLOT_BYTES))
        for path in folder.glob("spill-*"):
            path.unlink()
        mend()
    assert slot.read() == b"anew"
    slot.release()


def test_files_that_no_slot_names_are_swept_away_when_they_are_old(folder: Path) -> None:
    slots = Slots(folder, 1)
    slot = slots.reserve()
    slot.write(bytes(SLOT_BYTES))
    [named] = folder.glob("spill-*")
    stray, other = folder / "spill-stray", folder / "another file"
    for path in (stray, other):
        path.write_bytes(b"")
    born = stray.stat().st_mtime
    slots.sweep(born + 3599)
    assert stray.exists()
    slots.sweep(max(born, named.stat().st_mtime) + 3601)
    assert (stray.exists(), named.exists(), other.exists()) == (False, True, True)
    slot.release()


def test_a_slot_that_comes_free_in_time_is_waited_for(folder: Path) -> None:
    slots = Slots(folder, 1)
    slot = slots.reserve()
    threading.Timer(0.2, slot.release).start()
    slots.reserve().release()
    assert module.PATIENCE_SECONDS == 5


def test_slots_that_all_hold_an_answer_are_not_waited_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waiting frees none of them."""
    slots = Slots(folder, 1)
    slot = slots.reserve()
    slot.write(b"kept")
    slot.release()
    monkeypatch.setattr("time.sleep", lambda _seconds: pytest.fail("it waits"))
    with pytest.raises(JournalFull):
        slots.reserve()


def test_whoever_looks_lets_go_of_every_slot_also_of_empty_ones(folder: Path) -> None:
    slots = Slots(folder, 3)
    first = slots.reserve()
    first.write(b"kept")
    first.release()
    for found in slots.left_behind():
        assert found.read() == b"kept"
        break
    assert left(slots) == [b"kept"]
    held = [slots.reserve(), slots.reserve()]
    assert [slot.name for slot in held] == ["slot-001", "slot-002"]
    for slot in held:
        slot.release()


def test_an_empty_slot_that_is_held_is_not_waited_for(folder: Path) -> None:
    slots = Slots(folder, 2)
    held = slots.reserve()
    looked = list(slots.left_behind())
    assert looked == []
    held.release()
    assert module.GLIMPSE_SECONDS == 0.1


def test_the_folder_is_made_with_all_above_it_for_us_alone(tmp_path: Path) -> None:
    folder = tmp_path / "var" / "journal"
    Slots(folder, 1).reserve().release()
    assert folder.stat().st_mode & 0o077 == 0
    assert sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock")) == ["slot-000"]


def test_a_slot_that_cannot_be_opened_is_let_go_of(folder: Path) -> None:
    slots = Slots(folder, 1)
    slots.reserve().release()
    (folder / "slot-000").unlink()
    for _round in range(2):
        with pytest.raises(JournalFull):
            slots.reserve()
    (folder / "slot-000").write_bytes(bytes(SLOT_BYTES))
    slots.reserve().release()
