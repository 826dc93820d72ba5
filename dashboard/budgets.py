"""What strangers may take of this process, each address and all together: messages, bytes, requests, sockets.

Whoever is signed in has none of these budgets to fear: they are asked of sockets and requests without a session. The
numbers leave room for an office behind one address that comes in at nine; what they bound is the work of one process,
so they are counted here and not in the database, which a flood must not reach.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

MOST_NAMES = 4_096
"""Addresses that a budget remembers; beyond, those that owe nothing any more are forgotten."""


class Budget:
    """So much at once and so much a second after that: of each name, and of all names together."""

    def __init__(self, each: tuple[float, float], everybody: tuple[float, float]) -> None:
        """``each`` and ``everybody``: (a second, at once)."""
        self._each, self._everybody = each, everybody
        self._owed: dict[str, tuple[float, float]] = {}
        self._all = (0.0, 0.0)

    def take(self, name: str, amount: float = 1.0, patience: float = 0.0) -> float | None:
        """Seconds that ``name`` has to wait before it may use ``amount``; None, and nothing is taken, when that is
        more than ``patience``."""
        moment = monotonic()
        own = _after(self._owed.get(name, (0.0, moment)), moment, self._each[0]) + amount
        together = _after(self._all, moment, self._everybody[0]) + amount
        wait = max(_wait(own, self._each), _wait(together, self._everybody))
        if wait > patience:
            return None
        self._owed[name], self._all = (own, moment), (together, moment)
        if len(self._owed) > MOST_NAMES:
            self._forget(moment)
        return wait

    def _forget(self, moment: float) -> None:
        self._owed = {
            name: owed for name, owed in self._owed.items() if _after(owed, moment, self._each[0]) > 0
        }


def _after(owed: tuple[float, float], moment: float, per_second: float) -> float:
    """What is still owed by now."""
    level, at = owed
    return max(0.0, level - (moment - at) * per_second)


def _wait(level: float, budget: tuple[float, float]) -> float:
    per_second, at_once = budget
    return max(0.0, (level - at_once) / per_second)


@dataclass(eq=False)
class Guest:
    """One connection of a stranger."""

    name: str
    """The address that it counts for."""
    send_away: Callable[[], None]
    heard_at: float = field(default_factory=monotonic)
    largest: int = 0
    """Bytes of the largest message that is taken."""


class Guests:
    """The strangers who are here now. Is it full, whoever was silent for longest goes: of one address, or of the
    address that has the most. Who has just come is left for a moment, so that a flood drives out itself."""

    def __init__(self, of_one: int, in_all: int, grace: float = 0.0) -> None:
        """``grace``: seconds for which nobody is sent away."""
        self.of_one, self.in_all, self.grace = of_one, in_all, grace
        self._here: dict[str, dict[Guest, None]] = defaultdict(dict)  # the longest silent first
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def enter(self, guest: Guest) -> None:
        """Let somebody in; others may have to go for it."""
        guest.heard_at = monotonic()
        self._here[guest.name][guest] = None
        self._count += 1
        while (gone := self._too_many(guest)) is not None:
            self.leave(gone)
            gone.send_away()

    def hear(self, guest: Guest) -> None:
        """They have said something."""
        guest.heard_at = monotonic()
        theirs = self._here.get(guest.name, {})
        if guest in theirs:
            theirs[guest] = theirs.pop(guest)

    def leave(self, guest: Guest) -> None:
        """They are gone; saying so twice is harmless."""
        theirs = self._here.get(guest.name, {})
        if guest not in theirs:
            return
        del theirs[guest]
        self._count -= 1
        if not theirs:
            del self._here[guest.name]

    def _too_many(self, newest: Guest) -> Guest | None:
        theirs = self._here[newest.name]
        full = theirs if len(theirs) > self.of_one else None
        if full is None and self._count > self.in_all:
            full = max(self._here.values(), key=len)
        gone = next(iter(full)) if full else None
        return gone if gone and gone is not newest and monotonic() - gone.heard_at >= self.grace else None


MESSAGES = Budget(each=(6.0, 20.0), everybody=(16.0, 40.0))
"""Messages over sockets: nearly each is a run of the sign-in page, some ten milliseconds of the one processor that
Python has. An office of forty that signs in within a minute sends three a second."""
MESSAGE_PATIENCE = 10.0
"""Seconds that a message of a stranger may have to wait for its turn; whoever is further ahead is sent away."""
BYTES = Budget(each=(64 * 1024.0, 1024 * 1024.0), everybody=(256 * 1024.0, 4 * 1024 * 1024.0))
"""Bytes over sockets, whatever they are: pings and halves of messages too."""
REQUESTS = Budget(each=(60.0, 300.0), everybody=(150.0, 600.0))
"""Requests: a page that nothing is known of is some forty files, and after that one or two."""
REQUEST_PATIENCE = 10.0
"""Seconds that a request of a stranger may have to wait; then it is refused."""
OPENINGS = Budget(each=(4.0, 100.0), everybody=(12.0, 200.0))
"""Sockets that are opened: what is refused here costs no look into the database."""
MOST_WAITING, WAIT_SECONDS = 200, 2.0
"""Whoever asks too often hears so after a while: a flood that waits for its answers is a slow one."""
SOCKETS = Guests(of_one=60, in_all=240)
IDLE_SECONDS = 300.0
"""A socket of a stranger that has said nothing for so long is closed; Streamlit's page opens another when it is
looked at."""
