"""Slots: durable before anybody looks, held by who writes, found again when he dies."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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
