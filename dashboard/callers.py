"""Connections that have not said yet what they want: a head that does not end, a body that drips.

An asynchronous server holds a descriptor and a buffer for each, for as long as the other side likes. Here each has some
seconds for a whole request; and there are only so many of them, of one address and in all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from dashboard.budgets import Guest, Guests

WHOLE_SECONDS = 15.0
"""From the first byte of a request, or the beginning of a connection, to the last byte of its body. Nothing that is
asked for here is larger than 64 KiB."""
UNHEARD = Guests(of_one=64, in_all=512, grace=1.0)
CONNECTIONS = Guests(of_one=200, in_all=1_000, grace=1.0)
"""All connections but the sockets of pages: also those that read their answer as slowly as they like."""


class Caller:
    """One connection, and whether its present request has come whole."""

    def __init__(self, name: str, hang_up: Callable[[], None]) -> None:
        self._hang_up = hang_up
        self._guest = Guest(name, self._end)
        self._timer: asyncio.TimerHandle | None = None
        self._connection = Guest(name, self._end)
        CONNECTIONS.enter(self._connection)

    def waits(self) -> None:
        """Part of a request is here, or nothing yet. The clock runs from the first time that this is said."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(WHOLE_SECONDS, self._end)
            UNHEARD.enter(self._guest)

    def heard(self) -> None:
        """The request is whole."""
        CONNECTIONS.hear(self._connection)
        UNHEARD.leave(self._guest)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def gone(self) -> None:
        """The connection has ended, or is a page's socket by now."""
        self.heard()
        CONNECTIONS.leave(self._connection)

    def _end(self) -> None:
        self.gone()
        self._hang_up()
