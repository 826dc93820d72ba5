"""All attempts and a fuzz, one after the other, and what came of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.security.attempts import by_name, by_password, by_route, by_session, by_socket
from tests.security.attempts.attempt import ATTEMPTS, Attempt
from tests.security.attempts.fuzz import Outcome, fuzz
from tests.security.attempts.world import World

PARTS = (by_session, by_socket, by_password, by_route, by_name)
"""Imported for what they put on the list."""


@dataclass
class Result:
    """What became of a round."""

    tried: int = 0
    succeeded: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    """Attempts that could not be made: they prove nothing, so they count as failures."""
    fuzzed: Outcome = field(default_factory=Outcome)
    complaints: list[str] = field(default_factory=list)
    unwell: str = ""

    @property
    def bad(self) -> list[str]:
        """Everything that must be mended."""
        unwell = [self.unwell] if self.unwell else []
        return [*self.succeeded, *self.broken, *self.fuzzed.wrong, *self.complaints, *unwell]

    def lines(self) -> Iterator[str]:
        """The figures, as they are printed."""
        yield f"attempts to get in: {self.tried}, succeeded: {len(self.succeeded)}, not made: {len(self.broken)}"
        kinds = ", ".join(f"{kind} {count}" for kind, count in self.fuzzed.inputs.items())
        total = self.fuzzed.inputs.total()
        yield f"bad inputs: {total} ({kinds}), wrong: {len(self.fuzzed.wrong)}"
        yield "answers: " + ", ".join(f"{kind}: {n}" for kind, n in sorted(self.fuzzed.answers.items()))
        yield f"unhandled in the log: {len(self.complaints)}"
        yield from self.bad


def make(world: World, one: Attempt, result: Result) -> None:
    """Make one attempt."""
    result.tried += 1
    try:
        got = one.run(world)
    except Exception as error:
        result.broken.append(f"NOT MADE  {one.name}: {error!r}")
        return
    if got:
        result.succeeded.append(f"GOT IN  {one.name}: {got}")


def whole_round(world: World, inputs: int, seed: int, told: Callable[[str], object] | None = None) -> Result:
    """Every attempt, then ``inputs`` bad inputs."""
    result = Result()
    for number, one in enumerate(ATTEMPTS, 1):
        make(world, one, result)
        if told and number % 25 == 0:
            told(f"{number} of {len(ATTEMPTS)} attempts made")
    result.fuzzed = fuzz(world, inputs, seed)
    result.complaints = world.complaints()
    result.unwell = world.well()
    return result
