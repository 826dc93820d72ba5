"""The head of the chain outside the database: a file that whoever owns the database cannot rewrite with it.

A line a commit: sequence, hash, time. Nothing is ever taken out. When a line cannot be written, the log says so and
``doctor`` does; what was done stays done, and the next line vouches for it as well.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

HEADS = "audit_heads"
"""Under which a session carries the file (``Database.info``)."""
PATIENCE_SECONDS = 2.0
_LINE = re.compile(r"(\d{1,18}) ([0-9a-f]{64}) (\S{1,40})")
log = logging.getLogger("clickker.audit")


@dataclass(frozen=True)
class Head:
    """Where the chain ended at some moment."""

    sequence: int
    hash: str
    at: datetime


class HeadFile:
    """Made at the first head; read by nobody else on this machine."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, head: Head) -> bool:
        """Append a line and have it on disk; False, and a line in the log, when that fails."""
        line = f"{head.sequence} {head.hash} {head.at.astimezone(UTC).isoformat(timespec='seconds')}\n"
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with FileLock(f"{self.path}.lock", timeout=PATIENCE_SECONDS, mode=0o600):
                _append(self.path, line.encode())
        except (OSError, Timeout) as error:
            log.error(  # noqa: TRY400 - a traceback would say no more
                "The head of the audit log could not be written to %s: %s.", self.path, type(error).__name__
            )
            return False
        return True

    def size(self) -> int:
        """Bytes, 0 where there is no file."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def lines(self, size: int) -> Iterator[Head | None]:
        """The heads in the first ``size`` bytes; None for a line that is none. Raises ``OSError``."""
        with self.path.open("rb") as file:
            left = size
            while left > 0 and (line := file.readline(left)):
                left -= len(line)
                yield _head(line)

    def last(self) -> Head | None:
        """The latest that can be read; None when there is none. Raises ``OSError``."""
        size = self.size()
        if not size:
            return None
        with self.path.open("rb") as file:
            file.seek(max(0, size - 4096))
            found = [head for line in file if (head := _head(line)) is not None]
        return max(found, key=lambda head: head.sequence, default=None)


def _append(path: Path, line: bytes) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        end = os.lseek(descriptor, 0, os.SEEK_END)
        if end and os.pread(descriptor, 1, end - 1) != b"\n":  # whoever wrote last did not get to the end
            line = b"\n" + line
        if os.write(descriptor, line) != len(line):
            raise OSError("short write")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _head(line: bytes) -> Head | None:
    found = _LINE.fullmatch(line.decode("ascii", "replace").strip())
    if found is None:
        return None
    try:
        at = datetime.fromisoformat(found[3])
    except ValueError:
        return None
    return Head(int(found[1]), found[2], at)
