"""The points of the protocol at which a worker can be stopped, put around the product's own functions.

They are those of the plan, 1 to 14, and two more: everything durable but the slot still full (15), and for a consent
everything kept but nobody asked yet whose it is (16). From 7 to 10 is the window: what Exact issued is nowhere durable.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from core.application import Application
from core.exact import transport
from core.registrations import callback
from core.tokens import lineage, rotation, slots, spending

POINTS = {
    1: "after the re-read",
    2: "slot reserved",
    3: "before the intent's commit",
    4: "after the intent's commit",
    5: "before the first byte",
    6: "request half sent",
    7: "rotated, nothing read",
    8: "in the middle of the body",
    9: "body read, slot not written",
    10: "in the middle of the write",
    11: "slot synced, not parsed",
    12: "parsed, not committed",
    13: "committed, not acknowledged",
    14: "committed, not archived",
    15: "archived, slot not cleared",
    16: "kept, owner not asked",
}
REFRESH = tuple(range(1, 16))
EXCHANGE = tuple(range(1, 17))
WINDOW = frozenset({7, 8, 9, 10})

Halt = Callable[[str], None]
Wrap = Callable[..., Any]


def install(app: Application, points: Iterable[int], halt: Halt) -> None:
    """Let ``halt`` be called, once, where this process comes to one of ``points``."""
    for point in points:
        _PLACES[point](app, _once(partial(halt, str(point))))


def trail(app: Application, wanted: bool, tell: Halt) -> None:
    """Let ``tell`` be called at every point, so that whoever kills at a random moment knows how far it was."""
    if wanted:
        for point, place in _PLACES.items():
            place(app, partial(tell, str(point)))


def _once(halt: Callable[[], None]) -> Callable[[], None]:
    left = [halt]

    def first() -> None:
        if left:
            left.pop()()

    return first


def _around(owner: Any, name: str, *, before: Any = None, after: Any = None) -> None:
    original = getattr(owner, name)

    def wrapped(*arguments: Any, **named: Any) -> Any:
        if before is not None:
            before()
        result = original(*arguments, **named)
        if after is not None:
            after()
        return result

    setattr(owner, name, wrapped)


def _at_commit(app: Application, owner: Any, name: str, **when: Any) -> None:
    """Around the COMMIT of the database inside one function of the product."""
    armed: list[bool] = []
    inner = getattr(owner, name)

    def arming(*arguments: Any, **named: Any) -> Any:
        armed.append(True)
        try:
            return inner(*arguments, **named)
        finally:
            armed.clear()

    setattr(owner, name, arming)
    guarded = {key: (lambda halt=halt: halt() if armed else None) for key, halt in when.items()}
    _around(app.database.engine.dialect, "do_commit", **guarded)


def _before_either(names: Iterable[tuple[Any, str]], app: Application, halt: Callable[[], None]) -> None:
    for owner, name in names:
        _around(owner, name, before=halt)


def _intent(app: Application, halt: Callable[[], None]) -> None:
    for owner, name in ((spending, "take_lease"), (callback, "_accept")):
        _at_commit(app, owner, name, before=halt)


def _after_intent(app: Application, halt: Callable[[], None]) -> None:
    for owner, name in ((spending, "take_lease"), (callback, "_accept")):
        _around(owner, name, after=halt)


def _landed(app: Application, halt: Callable[[], None]) -> None:
    for owner, name in ((lineage, "_commit"), (spending, "_save")):
        _at_commit(app, owner, name, after=halt)


def _traced(event: str) -> Callable[[Application, Callable[[], None]], None]:
    """At an event of the connection, as httpcore tells them; only in a call that carries tokens."""

    def place(_app: Application, halt: Callable[[], None]) -> None:
        original = transport._exchange

        def watched(client: Any, request: Any, call: Any, *rest: Any) -> Any:
            if call.keeper is not None:
                before = request.extensions.get("trace")

                def trace(name: str, info: Any) -> None:
                    if name == event:
                        halt()
                    if before is not None:
                        before(name, info)

                request.extensions["trace"] = trace
            return original(client, request, call, *rest)

        transport._exchange = watched  # type: ignore[assignment]

    return place


def _in_the_body(_app: Application, halt: Callable[[], None]) -> None:
    original = transport._read

    def watched(chunks: Iterable[bytes], call: Any, *rest: Any) -> Any:
        def passing() -> Iterator[bytes]:
            for chunk in chunks:
                yield chunk
                if call.keeper is not None:
                    halt()

        return original(passing(), call, *rest)

    transport._read = watched  # type: ignore[assignment]


def _half_a_write(_app: Application, halt: Callable[[], None]) -> None:
    original = os.pwrite

    def half(descriptor: int, content: bytes, offset: int) -> int:
        if content[:4] == slots._INLINE:
            original(descriptor, content[: len(content) // 2], offset)
            halt()
        return original(descriptor, content, offset)

    os.pwrite = half  # type: ignore[assignment]


_PLACES: dict[int, Callable[[Application, Callable[[], None]], None]] = {
    1: partial(_before_either, [(rotation, "_spend"), (callback, "exchange_code")]),
    2: lambda _app, halt: _around(slots.Slots, "reserve", after=halt),
    3: _intent,
    4: _after_intent,
    5: _traced("http11.send_request_headers.started"),
    6: _traced("http11.send_request_body.started"),
    7: _traced("http11.receive_response_headers.started"),
    8: _in_the_body,
    9: partial(_before_either, [(spending.InFlight, "keep")]),
    10: _half_a_write,
    11: lambda _app, halt: _around(slots.Slot, "write", after=halt),
    12: partial(_before_either, [(lineage, "_commit"), (spending, "_save")]),
    13: _landed,
    14: partial(_before_either, [(spending, "archive")]),
    15: partial(_before_either, [(slots.Slot, "clear")]),
    16: partial(_before_either, [(callback, "_take_over")]),
}
