"""A journal of Exact's token answers on this machine's disk: each is durable before anybody looks into it.

A refresh token is single-use, so between the arrival of an answer and the commit of its successor the only live token
is in that answer (reliability.md, section 1). A slot is a file of 16 KiB that was written full and synced beforehand,
so that it can be written when the disk is full. (A file system that copies on write may still need room.)

A slot is held by an operating-system lock on a file beside it: whoever dies lets go of it, and what lies in it is
found by the next replay.
"""

from __future__ import annotations

import logging
import os
import struct
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from filelock import FileLock, Timeout

SLOT_BYTES = 16 * 1024
_HEAD = struct.Struct(">4sI")
_INLINE, _SPILLED = b"CKJ1", b"CKS1"
_EMPTY = bytes(_HEAD.size)
_NAMES = "slot-[0-9][0-9][0-9]"
_YOUNG_SECONDS = 3600
PATIENCE_SECONDS = 5.0
LARGEST = 4 * 1024 * 1024
"""More than any answer we read, encrypted."""

GLIMPSE_SECONDS = 0.1
"""How long a replay waits in all for slots that somebody else may only be looking at."""

_sync = getattr(os, "fdatasync", os.fsync)
log = logging.getLogger(__name__)


class JournalFull(Exception):
    """No slot can be had, so nothing may be spent."""


class Slot:
    """One place for one answer, held until everybody who retained it has released it."""

    def __init__(self, path: Path, lock: FileLock) -> None:
        self._path = path
        self._lock = lock
        self._fd = os.open(path, os.O_RDWR)
        self._holders = 1
        self._guard = threading.Lock()

    @property
    def name(self) -> str:
        return self._path.name

    def write(self, sealed: bytes) -> None:
        """Make ``sealed`` durable. Returns only when the disk has it."""
        mark = _INLINE
        if len(sealed) > SLOT_BYTES - _HEAD.size:
            sealed, mark = self._spill(sealed), _SPILLED
        content = _HEAD.pack(mark, len(sealed)) + sealed
        if os.pwrite(self._fd, content, 0) != len(content):
            raise OSError("a slot took only part of an answer")
        _sync(self._fd)

    def replace(self, sealed: bytes) -> None:
        """Put ``sealed`` where another form of the same answer lies. A kill at any moment leaves one of the two whole:
        the new one goes into a file of its own, and a few bytes at the head of the slot say so."""
        before = self._spilled()
        name = self._spill(sealed)
        os.pwrite(self._fd, _HEAD.pack(_SPILLED, len(name)) + name, 0)
        _sync(self._fd)
        used = _HEAD.size + len(name)
        os.pwrite(self._fd, bytes(SLOT_BYTES - used), used)
        if before is not None:
            before.unlink(missing_ok=True)

    def read(self) -> bytes | None:
        """What lies in it; None when it is empty, or when its file beside it is gone."""
        mark, length = _HEAD.unpack(os.pread(self._fd, _HEAD.size, 0))
        if mark not in (_INLINE, _SPILLED) or length > SLOT_BYTES - _HEAD.size:
            return None
        content = os.pread(self._fd, length, _HEAD.size)
        if mark == _INLINE:
            return content
        with suppress(OSError):
            return (self._path.parent / content.decode("ascii", "replace")).read_bytes()[:LARGEST]
        return None

    def clear(self) -> None:
        """Make it empty again. Not synced: a replay of what is committed already changes nothing.

        A disk that fails here is no reason to fail: what lies in it has its place elsewhere by now.
        """
        try:
            self._empty()
        except OSError:
            log.exception("A slot of the journal could not be emptied; it is tried again by the next replay.")

    def _empty(self) -> None:
        spilled = self._spilled()
        if spilled is not None:
            spilled.unlink(missing_ok=True)
        os.pwrite(self._fd, bytes(SLOT_BYTES), 0)

    def _spilled(self) -> Path | None:
        """The file beside it that holds the answer; None when it lies in the slot itself."""
        mark, length = _HEAD.unpack(os.pread(self._fd, _HEAD.size, 0))
        if mark != _SPILLED or length > SLOT_BYTES - _HEAD.size:
            return None
        return self._path.parent / os.pread(self._fd, length, _HEAD.size).decode("ascii", "replace")

    def retain(self) -> None:
        """Hold it once more, for somebody who may still write when we have given up."""
        with self._guard:
            self._holders += 1

    def release(self) -> None:
        """Let go of it; the last one to do so frees it, with whatever lies in it."""
        with self._guard:
            self._holders -= 1
            if self._holders:
                return
        os.close(self._fd)
        self._lock.release()

    def _spill(self, sealed: bytes) -> bytes:
        name = f"spill-{uuid4().hex}"
        path = self._path.parent / name
        with path.open("xb") as file:
            path.chmod(0o600)
            file.write(sealed)
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(path.parent)
        return name.encode()


class Slots:
    """The slots in one folder, shared by every process of this machine that serves the same database."""

    def __init__(self, folder: Path, count: int) -> None:
        self._folder = folder
        self._count = count
        self._made = False
        self._guard = threading.Lock()

    def reserve(self) -> Slot:
        """An empty slot, held. When all are in use it waits for one, five seconds at most.

        Raises ``JournalFull`` when none is free by then, or the folder cannot be written.
        """
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            slot, busy = self._first_free()
            if slot is not None:
                return slot
            if not busy or time.monotonic() > until:
                raise JournalFull
            time.sleep(0.02)

    def try_one(self) -> None:
        """Raise ``JournalFull`` or ``OSError`` when no answer could be kept now. All in use is no such trouble."""
        self._make()
        probe = self._folder / f"probe-{uuid4().hex}"
        probe.touch(mode=0o600)
        probe.unlink()
        slot, _busy = self._first_free()
        if slot is not None:
            slot.release()

    def left_behind(self) -> Generator[Slot, None, None]:
        """Every slot that holds an answer and nobody; each is held while the caller looks at it, then let go of.

        Those count too that an earlier setting of more slots has made.
        """
        until = time.monotonic() + GLIMPSE_SECONDS
        for path in sorted(self._folder.glob(_NAMES)):
            slot = self._take_from(path, until)
            if slot is None:
                continue
            try:
                if slot.read() is not None:
                    yield slot
            finally:
                slot.release()

    def glimpse(self, size: int) -> Iterator[bytes]:
        """The first bytes of every answer that lies in a slot, held by somebody or not."""
        for mark, content in self._contents():
            with suppress(OSError):
                yield (content if mark == _INLINE else self._beside(content).read_bytes())[:size]

    def sweep(self, now: float) -> None:
        """Take away files that no slot names: whoever wanted to was killed. ``now``: seconds since 1970."""
        named = {self._beside(content) for mark, content in self._contents() if mark == _SPILLED}
        for path in self._folder.glob("spill-*"):
            # A young one may be about to be named.
            if path not in named and path.stat().st_mtime < now - _YOUNG_SECONDS:
                path.unlink(missing_ok=True)

    def _contents(self) -> Iterator[tuple[bytes, bytes]]:
        """(mark, content) of every slot that is in use, seen without holding it."""
        for path in sorted(self._folder.glob(_NAMES)):
            content = path.read_bytes()
            mark, length = _HEAD.unpack(content[: _HEAD.size])
            if mark in (_INLINE, _SPILLED):
                yield mark, content[_HEAD.size : _HEAD.size + length]

    def _beside(self, content: bytes) -> Path:
        return self._folder / content.decode("ascii", "replace")

    def _first_free(self) -> tuple[Slot | None, bool]:
        """An empty slot, or none; and whether somebody held one, so that waiting may help."""
        busy = False
        for number in range(self._count):
            slot = self._take(self._folder / f"slot-{number:03d}")
            if slot is None:
                busy = True
            elif slot.read() is None:
                return slot, busy
            else:
                slot.release()
        return None, busy

    def _take_from(self, path: Path, until: float) -> Slot | None:
        """A slot with an answer that is held may only be looked at by another replay: wait for it until then."""
        while True:
            slot = self._take(path)
            if slot is not None or time.monotonic() > until or path.read_bytes()[: len(_EMPTY)] == _EMPTY:
                return slot
            time.sleep(0.005)

    def _take(self, path: Path) -> Slot | None:
        self._make()
        lock = FileLock(f"{path}.lock", thread_local=False, mode=0o600)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return None
        except OSError:
            raise JournalFull from None
        try:
            return Slot(path, lock)
        except OSError:
            lock.release()
            raise JournalFull from None

    def _make(self) -> None:
        """Make the folder and its slots, once a process; another may be doing the same at this moment."""
        with self._guard:
            if self._made:
                return
            try:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                for number in range(self._count):
                    _preallocate(self._folder / f"slot-{number:03d}")
                _sync_folder(self._folder)
            except OSError:
                raise JournalFull from None
            self._made = True


def _preallocate(path: Path) -> None:
    if path.exists():
        return
    draft = path.with_name(f"{path.name}.{uuid4().hex}")
    with draft.open("xb") as file:
        draft.chmod(0o600)
        file.write(bytes(SLOT_BYTES))
        file.flush()
        os.fsync(file.fileno())
    # A link, not a rename: whoever comes second must not replace a slot that is in use already.
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
