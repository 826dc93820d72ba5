"""The end of a life: nothing goes wrong any more, and everybody does what is asked."""

from __future__ import annotations

from collections.abc import Callable

from core.registrations.administrations import save_administrations
from core.registrations.status import Status
from tests.world.choice import HOUR, MINUTE, Choice, look
from tests.world.customers import answers, consented
from tests.world.life import Life
from tests.world.operators import connects, decides, edits, undecided

_ASKED_AGAIN = (12 * MINUTE, 9 * HOUR, 12 * MINUTE, 23 * HOUR)
"""Between two times, and at last: a first answer is looked at once more, and a refusal is believed in hours."""


def everything_calms_down(life: Life) -> None:
    """Nothing goes wrong any more; every promised time passes."""
    life.tell("nothing goes wrong any more")
    life.hub.release()
    life.made.reap()
    life.wire.next.clear()
    life.wire.harmless = False
    life.wire.trouble.slow.clear()
    life.wire.trouble.network.clear()
    life.engine.clear_faults()
    life.end_troubles(all_of_them=True)
    life.made.writers["locked"] = None
    for seconds in (5 * MINUTE, 2 * HOUR, 21 * HOUR, 10 * HOUR):
        life.wait(seconds)
    life.hub.release()


def everybody_does_what_is_asked(life: Life, status_of: Callable[[int], Status | None]) -> list[int]:
    """Customers and operators do what the screens ask them to; the registrations of which something was asked.

    What stands in the way at Exact is cleared there, as its people would.
    """
    life.tell("everybody does what is asked")
    for division in (*life.engine._context.directory.divisions, *life.engine._context.state.added):
        life.engine.set_division(division.environment, division.code, status=1, blocking=0)
    for environment, login in consented(life):
        life.engine.set_scope(environment, login, "all")
    asked: list[int] = []
    for wait in _ASKED_AGAIN:
        numbers = [number for number, case in life.cases.items() if not case.deleted]
        asked = [number for number in numbers if _ask(life, number, status_of)]
        life.wait(wait)
    return asked


def _ask(life: Life, number: int, status_of: Callable[[int], Status | None]) -> bool:
    status, which = status_of(number), _place(life, number)
    if status in {None, Status.DISCONNECTED, Status.PAUSED, Status.DRAFT}:
        return False
    if undecided(life, number):
        decides(life, Choice(which=_place_undecided(life, number)))
        status = status_of(number)
    if status in {Status.WAITING_FOR_CONSENT, Status.CONSENT_DENIED, Status.RECONNECT_NEEDED}:
        edits(life, Choice(which=which))
        connects(life, Choice(which=which))
        answers(life, Choice())
    if undecided(life, number):
        decides(life, Choice(which=_place_undecided(life, number)))
    view = look(life, number)
    working = (
        [a.code for a in view.administrations if a.available or (a.linked and a.permitted)] if view else []
    )
    if not working:
        return False
    running, by = life.running(0), life.people[0]
    name = life.cases[number].customer.name
    words = f"{by.name} saves the {len(working)} that can be reached of {name}"
    life.act(words, running, lambda: save_administrations(running.app, by, number, working))
    return True


def _place(life: Life, number: int) -> int:
    return [case.number for case in life.cases.values() if not case.deleted].index(number)


def _place_undecided(life: Life, number: int) -> int:
    return [n for n, case in life.cases.items() if not case.deleted and undecided(life, n)].index(number)
