"""Where two parts meet: what people do within one minute, on some days."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import func, select

from core.storage.models import Registration
from tests.world.choice import HOUR, Choice, case_of, look, where
from tests.world.customers import answers, comes_back_again, consented, is_registered
from tests.world.hub import Hold
from tests.world.life import Life
from tests.world.operators import checks, connects, edits, sets_the_setting
from tests.world.trouble import waits

_HELD = 30.0
A_MOMENT, ALMOST_TEN_MINUTES = timedelta(seconds=7), timedelta(seconds=585)


def consents_twice(life: Life, choice: Choice) -> None:
    """Exact does not say who consented, so the operator connects again at once."""
    if not life.engine.pending_faults():
        life.engine.add_fault("unavailable", times=1 + choice.how % 3, endpoint="me")
        life.trouble("me will fail: unavailable")
    for _time in range(2):
        connects(life, replace(choice, hold=None))
        answers(life, replace(choice, which=0, how=0))
        life.engine.clear_faults()
    waits(life, (HOUR / 15, HOUR / 4)[choice.how % 2])


def the_country_is_corrected(life: Life, choice: Choice) -> None:
    """The customer is at Exact already."""
    new = is_registered(life, replace(choice, hold=None))
    choice = choice if new is None else replace(choice, which=new)
    connects(life, replace(choice, hold=None))
    for how in (choice.how // 2 % 2, 0)[: 1 + choice.how % 2]:
        edits(life, replace(choice, how=how, hold=None))
    answers(life, replace(choice, which=0))


def several_withdraw(life: Life, choice: Choice) -> None:
    """All of a country, or three, within minutes; and somebody looks at each of them."""
    environment = ("nl", "be")[choice.how % 3 // 2]
    gone = [each for each in consented(life) if each[0] == environment][: (3, None)[choice.how % 2]]
    for each in gone:
        life.engine.revoke(*each)
        life.tell(f"{each[1]} withdraws the consent at Exact {environment}")
    for which in range(len(life.cases)):
        checks(life, replace(choice, which=which, hold=None))


def withdraws_during_a_check(life: Life, choice: Choice) -> None:
    """One that takes so long that its token has to be renewed in the middle."""
    case = case_of(life, choice)
    view = look(life, case.number) if case else None
    if case is None or view is None or view.grant is None:
        return
    checks(life, replace(choice, hold=Hold("exact", 1 + choice.how % 5, 20 * _HELD)))
    for environment, login in consented(life):
        if (environment, login) == (view.environment, case.customer.login):
            life.engine.revoke(environment, login)
            life.tell(f"{login} withdraws the consent at Exact {environment}")
    life.hub.advance(life.hub.time + (A_MOMENT, ALMOST_TEN_MINUTES)[choice.how // 5 % 2])
    _go_on(life)
    waits(life, (HOUR, 9 * HOUR)[choice.how // 10 % 2])


def is_asked_who_when_it_ends(life: Life, choice: Choice) -> None:
    """A process ends while it asks Exact who has consented; the browser tries again."""
    connects(life, replace(choice, hold=None))
    answers(life, replace(choice, which=0, how=0, hold=Hold("exact", 2, ends=True)))
    if choice.how % 2:
        comes_back_again(life, replace(choice, which=0, how=0, hold=None))


def presses_while_the_keeper_settles(life: Life, choice: Choice) -> None:
    """A status's time has come; two processes write it."""
    with life.running(0).app.database.read() as session:
        due = session.scalar(select(func.min(Registration.status_until)))
    if due is None or due > life.hub.time + timedelta(days=10):
        return
    life.tell("nobody has worked until a status has to change")
    life.hub.advance(max(due, life.hub.time) + timedelta(seconds=1))
    life.kept_since = life.hub.time
    life.turn(where(life, choice), Hold("statement", 1 + choice.how % 25, _HELD))
    other = replace(choice, who=choice.who + 4, hold=None)
    for which in range(len(life.cases)):
        sets_the_setting(life, replace(other, which=which, how=choice.how // 25))
    _go_on(life)


def _go_on(life: Life) -> None:
    if life.hub.tasks:
        life.hub.release()
        life.made.reap()
