"""One attempt to get in: what it is called, and what shows that it did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.security.attempts.world import World


@dataclass(frozen=True)
class Attempt:
    """``run`` says what it got away with, or nothing when it was refused."""

    name: str
    run: Callable[[World], str]


ATTEMPTS: list[Attempt] = []


def attempt(name: str) -> Callable[[Callable[[World], str]], Callable[[World], str]]:
    """Put a function on the list."""

    def keep(made: Callable[[World], str]) -> Callable[[World], str]:
        ATTEMPTS.append(Attempt(name, made))
        return made

    return keep


def add(name: str, made: Callable[[World], str]) -> None:
    """Put one of a row of variants on the list."""
    ATTEMPTS.append(Attempt(name, made))
