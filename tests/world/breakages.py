"""The mends of faults that lay where parts meet, each undone again: lives must find it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Undo = Callable[[], AbstractContextManager[object]]

BREAKAGES: dict[str, Undo] = {}


@contextmanager
def broken_again(name: str) -> Iterator[None]:
    """Undo one mend for the length of the block."""
    with BREAKAGES[name]():
        yield
